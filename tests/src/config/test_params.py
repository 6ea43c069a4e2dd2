"""Each mistake in params.yaml is reported with its path, the value found, and what is valid."""

import copy
import shutil
from pathlib import Path
from typing import get_args

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from src.common.errors import PipelineError
from src.config.params import Dataset, load_params

ROOT = Path(__file__).parents[3]
GOOD = yaml.safe_load((ROOT / "params.yaml").read_text())


def test_a_name_that_is_not_similar_is_not_suggested(mistakes):
    assert mistakes({"train.device": "cuda"}).endswith("'auto', 'cpu' or 'gpu'")


def test_the_parameters_of_the_project_are_valid():
    params = load_params(ROOT / "params.yaml")
    assert list(params.models) == list(GOOD["models"])


def test_dvc_writes_the_file_in_the_same_form(tmp_path):
    """`-S` with a present value changes nothing: no format, and no comment."""
    shutil.copy(ROOT / "params.yaml", file := tmp_path / "params.yaml")
    apply_overrides(file, ["models.cnn.epochs=10"])
    assert file.read_text("utf-8") == (ROOT / "params.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("trian", {}, "trian: unknown key (did you mean 'train'?)"),
        ("train.sede", 1, "train.sede: unknown key (did you mean 'seed'?)"),
        ("models.cnn.epoch", 3, "models.cnn.epoch: unknown key (did you mean 'epochs'?)"),
        ("models.cnn.optimizer.roh", 0.9, "optimizer.roh: unknown key (did you mean 'rho'?)"),
        ("models.softmax.hidden", [3], "models.softmax.hidden: unknown key"),
        ("models.cnn.epochs", -1, "found -1: Input should be greater than or equal to 1"),
        ("train.device", "gpuu", "found 'gpuu': Input should be 'auto', 'cpu' or 'gpu' (did you"),
        ("train.seed", True, "train.seed: found True: Input should be a valid integer"),
        ("train.seed", {"a": 1}, "train.seed: Input should be a valid integer"),
        ("train.seed", ..., "train.seed: Field required"),
        ("train", None, "train: found None: Input should be a valid dictionary"),
        ("data.mirrors", 5, "found 5: Input should be 'public', or: Input should be a valid list"),
        ("data.mirrors", ["ftp://x"], "data.mirrors[0]: found 'ftp://x': String should match"),
        ("data.validation", float("nan"), "data.validation: found nan: Input should be"),
        ("train.memory_limit", 0, "Input should be 'auto', or: Input should be greater than"),
        ("models.cnn.family", "cnm", "models.cnn: Input tag 'cnm' found using 'family' does not"),
        ("models.cnn.family", "cnm", "(did you mean 'cnn'?)"),
        ("models.cnn.family", ..., "models.cnn: Unable to extract tag using discriminator 'fam"),
        ("models.cnn.optimizer.kind", "adan", "(did you mean 'adam'?)"),
        ("models.cnn.optimizer.learning_rate", float("inf"), "Input should be a finite number"),
        ("models.cnn.optimizer.learning_rate", "1 %", "found '1 %': Input should be a valid num"),
        ("models.mlp_65x2.hidden", [65, "x"], "models.mlp_65x2.hidden[1]: found 'x': Input"),
        ("models.mlp_65x2.hidden", [], "models.mlp_65x2.hidden: found []: List should have"),
        ("models.cnn.steps", 10, "models.cnn: give either epochs or steps (both are given"),
        ("models.cnn.epochs", None, "models.cnn: give either epochs or steps (neither is given"),
        ("models.cnn.published", {"test_accuracy": {}}, "test_accuracy.values: Field req"),
        ("models.cnn.published.test_accuracy.stddev.3", ..., "should have the same epochs"),
        ("models.cnn.published.test_accuracy.values.3", "x", "values[3]: found 'x'"),
        (f"models.{'c' * 250}", GOOD["models"]["cnn"], "String should have at most 100 characters"),
        ("models", {}, "models: Dictionary should have at least 1 item"),
        ("model", 5, "found 5: Input should be a valid string, or: Input should be a valid list"),
    ],
)
def test_a_mistake_is_reported_with_its_path(mistakes, path, value, expected):
    message = mistakes({path: value})
    assert expected in message
    assert message.splitlines()[1].startswith(f"  {path.split('.')[0]}")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.mirrors", ["http://user:se/cret@host.example/a/long/path/to/mnist/"]),
        ("data.mirrors", ["https://secret@host/"]),
        ("data.mirrors", ["https://host/?token=secret"]),
        ("data.mirrors", "https://user:secret-and-more-of-it-so-that-it-is-cut@host/"),
        ("data.mirrors", [["https://user:secret-and-more-of-it-so-that-it-is-cut@host/"]]),
        ("data.folders", ["s3://user:secret@bucket/"]),
        ("data.dataset", "https://user:secret-and-more-of-it-so-that-it-is-cut@host/"),
    ],
)
def test_a_password_is_refused_and_not_shown(mistakes, path, value):
    message = mistakes({path: value})
    assert f"  {path}" in message and "belong in ~/.netrc" in message
    assert "cret" not in message and "user:" not in message and "cut" not in message


def test_several_mistakes_are_reported_together(mistakes):
    message = mistakes({"train.seed": -1, "models.cnn.epoch": 3, "model": "cnnn"})
    assert "has 3 mistakes" in message
    assert len(message.splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 5", "found [5]: Input should be a valid dictionary"),
        ("", "found None: Input should be a valid dictionary"),
        ("a: [", "is not valid YAML"),
        ("model: all\nmodel: cnn", 'found duplicate key "model"'),
        ("[" * 5000 + "]" * 5000, "is not valid YAML: its brackets or blocks are nested too deep"),
        ("model: !!python/object/apply:os.system ['true']", "is not valid YAML"),
    ],
)
def test_a_file_without_parameters_is_refused(tmp_path, text, expected):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(PipelineError, match=r"has a mistake|YAML") as error:
        load_params(tmp_path / "params.yaml")
    assert expected in str(error.value)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(PipelineError, match="is missing; restore it with `git checkout"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.00001", 1e-05),
        ("1e-5", 1e-05),
        ("1E-3", 0.001),
        ("1.5e-07", 1.5e-07),
        (".5", 0.5),
        ("1.e-4", 0.0001),
        ("1e2", 100.0),
        ("1e-300", 1e-300),
    ],
)
def test_a_number_is_read_in_the_form_in_which_dvc_writes_it(tmp_path, text, value):
    path = tmp_path / "params.yaml"
    shutil.copyfile(ROOT / "params.yaml", path)
    apply_overrides(path, [f"models.mlp_ema.l2={text}"])  # as `dvc exp run -S` does
    assert load_params(path).models["mlp_ema"].l2 == value
    by_hand = path.read_text().replace("learning_rate: 0.8", f"learning_rate: {text}")
    path.write_text(by_hand)
    assert load_params(path).models["mlp_ema"].optimizer.learning_rate == value


@pytest.mark.parametrize("name", get_args(Dataset))
def test_each_dataset_can_have_a_threshold(tmp_path, name):
    content = copy.deepcopy(GOOD)
    content["data"]["dataset"] = name
    content["registry"]["minimum_accuracy"][name] = 0.5
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    params = load_params(tmp_path / "params.yaml")
    assert params.data.dataset == name and params.registry.minimum_accuracy[name] == 0.5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fashion-mnist", "this is the name of a published dataset; choose another name"),
        ("my leaves", "String should match pattern"),
    ],
)
def test_the_name_of_an_own_dataset_is_checked(mistakes, name, message):
    assert f"data.name: found '{name}': {message}" in mistakes({"data.name": name})
