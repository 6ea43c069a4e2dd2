"""Every kind of mistake in params.yaml is named by its path, with what is allowed."""

import copy
from pathlib import Path

import pytest
import yaml

from src.common.errors import PipelineError
from src.config.params import load_params, select

ROOT = Path(__file__).parents[3]
GOOD = yaml.safe_load((ROOT / "params.yaml").read_text())


@pytest.fixture
def mistakes(tmp_path):
    """The message for parameters changed by ``{path: value}``; a value of … removes the key."""

    def check(changes: dict) -> str:
        content = copy.deepcopy(GOOD)
        for path, value in changes.items():
            *parents, last = path.split(".")
            block = content
            for key in parents:
                block = block[key]
            if value is ...:
                del block[last]
            else:
                block[last] = value
        file = tmp_path / "params.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        with pytest.raises(PipelineError) as error:
            load_params(file)
        return str(error.value)

    return check


def test_the_projects_own_parameters_are_valid():
    params = load_params(ROOT / "params.yaml")
    assert list(params.models) == list(GOOD["models"])


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("trian", {}, "trian: unknown key; allowed here: model, data, train, registry, models"),
        ("models.cnn.epoch", 3, "models.cnn.epoch: unknown key;"),
        ("models.cnn.epoch", 3, "(did you mean 'epochs'?)"),
        ("models.softmax.hidden", [3], "models.softmax.hidden: unknown key;"),
        ("models.cnn.dropout.inputs", 0.1, "allowed here: convolutions, hidden"),
        ("train.device", "gpuu", "train.device: found 'gpuu'; allowed: auto, cpu, gpu (did you"),
        ("train.seed", -1, "train.seed: found -1; allowed: greater than or equal to 0"),
        ("train.seed", "one", "train.seed: found 'one'; allowed: a valid integer"),
        ("train.seed", True, "train.seed: found True; allowed: a valid integer"),
        ("train.seed", ..., "train.seed: missing"),
        ("train", None, "train: found None; allowed: a block of keys"),
        ("data.dataset", "mnits", "(did you mean 'mnist'?)"),
        ("data.mirrors", 5, "data.mirrors: found 5; allowed: public, or a valid list"),
        ("data.mirrors", ["ftp://x"], "data.mirrors[0]: found 'ftp://x'; it must match"),
        ("data.validation", float("nan"), "data.validation: found nan"),
        ("models.cnn.family", "cnm", "family: cnm'; allowed: softmax, mlp, cnn (did you mean"),
        ("models.cnn.family", ..., "models.cnn: the key 'family' must say what this is"),
        ("models.cnn.optimizer.kind", "adan", "(did you mean 'adam'?)"),
        ("models.cnn.optimizer.learning_rate", 0, "allowed: greater than 0"),
        ("models.cnn.optimizer.learning_rate", float("inf"), "learning_rate: found inf"),
        ("models.cnn.optimizer.learning_rate", "1e-3", "(YAML reads 1e-3 as text: write 0.001)"),
        ("models.cnn.batch_size", 1.5, "models.cnn.batch_size: found 1.5"),
        ("models.mlp_65x2.hidden", [65, "x"], "models.mlp_65x2.hidden[1]: found 'x'"),
        ("models.mlp_65x2.hidden", [], "models.mlp_65x2.hidden: found []"),
        ("models.mlp_65x2.activation", "rely", "(did you mean 'relu'?)"),
        ("models.cnn.steps", 10, "models.cnn: give either epochs or steps (both are given"),
        ("models.cnn.epochs", None, "models.cnn: give either epochs or steps (neither is given"),
        ("models.all", GOOD["models"]["cnn"], "models.all: this name is taken"),
        ("models.cnn.published", [{"metric": "test_accuracy"}], "published[0].values: missing"),
        ("models", {}, "models: found {}"),
        ("model", "cnnn", "model: found 'cnnn'; allowed: all, softmax, mlp, cnn, softmax_normal"),
        ("model", "cnnn", "(did you mean 'cnn'?)"),
        ("model", [], "model: found an empty list"),
        ("model", ["cnn", "nope"], "model: found 'nope'"),
        ("model", 5, "model: found 5; allowed: a valid string, or a valid list"),
    ],
)
def test_a_mistake_is_named(mistakes, path, value, said):
    assert said in mistakes({path: value})


def test_several_mistakes_are_told_together(mistakes):
    told = mistakes({"train.seed": -1, "models.cnn.epoch": 3, "model": "cnnn"})
    assert "has 3 mistakes" in told
    assert len(told.splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 5", "found [5]; allowed: a block of keys"),
        ("a: [", "is not valid YAML"),
        ("", "found None"),
        ("model: !!python/object/apply:os.system ['true']", "is not valid YAML"),
    ],
)
def test_a_file_that_holds_no_parameters(tmp_path, text, said):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(PipelineError, match=r"has a mistake|YAML") as error:
        load_params(tmp_path / "params.yaml")
    assert said in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(PipelineError, match="is missing; `git checkout"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("model", "selected"),
    [
        ("all", list(GOOD["models"])),
        ("cnn", ["cnn"]),
        ("softmax", ["softmax", "softmax_normal"]),
        ("mlp_ema", ["mlp_ema"]),
        (["cnn", "mlp_200"], ["mlp_200", "cnn"]),
        (["cnn", "all"], list(GOOD["models"])),
    ],
)
def test_selection(model, selected):
    params = load_params(ROOT / "params.yaml").model_copy(update={"model": model})
    assert select(params) == selected
