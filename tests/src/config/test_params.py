"""Each mistake in params.yaml is reported with its path, the value found, and what is valid."""

import shutil
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from src.common.errors import PipelineError
from src.config.params import load_params
from src.config.published_values import load_published
from src.config.recipes import load_recipes

ROOT = Path(__file__).parents[3]
LOAD = {
    "params.yaml": load_params,
    "recipes.yaml": load_recipes,
    "published.yaml": load_published,
}


@pytest.mark.parametrize("name", LOAD)
def test_dvc_writes_the_files_in_the_same_form(tmp_path, name):
    """`-S` with a present value changes nothing: no format, and no comment."""
    shutil.copy(ROOT / name, file := tmp_path / name)
    present = {"params.yaml": "train.seed=1", "recipes.yaml": "cnn.epochs=10"}
    apply_overrides(file, [present.get(name, "softmax_normal.training_loss.degrees_of_freedom=18")])
    assert file.read_text("utf-8") == (ROOT / name).read_text("utf-8")
    assert LOAD[name](file)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("trian", {}, "trian: unknown key (did you mean 'train'?)"),
        ("train.sede", 1, "train.sede: unknown key (did you mean 'seed'?)"),
        ("train.device", "cuda", "found 'cuda': Input should be 'auto', 'cpu' or 'gpu'\n"),
        ("train.epochs", 0, "train.epochs: found 0: Input should be 'recipe', or: Input should be"),
        ("train.seed", True, "train.seed: found True: Input should be a valid integer"),
        ("train.seed", ..., "train.seed: Field required"),
        ("train", None, "train: found None: Input should be a valid dictionary"),
        ("data.mirrors", 5, "found 5: Input should be 'public', or: Input should be a valid list"),
        ("data.mirrors", ["ftp://x"], "data.mirrors[0]: found 'ftp://x': String should match"),
        ("data.name", "fashion-mnist", "this is the name of a published dataset; choose another"),
        ("model", 5, "found 5: Input should be a valid string, or: Input should be a valid list"),
    ],
)
def test_a_mistake_is_reported_with_its_path(mistakes, path, value, expected):
    head, line = mistakes({path: value}).splitlines()
    assert head.endswith("params.yaml has a mistake:")
    assert line.startswith(f"  {path.split('.')[0]}") and expected in f"{line}\n"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.mirrors", ["http://user:se/cret@host.example/a/long/path/to/mnist/"]),
        ("data.mirrors", ["https://host/?token=secret"]),
        ("data.mirrors", "https://user:secret-and-more-of-it-so-that-it-is-cut@host/"),
        ("data.seed", [f"https://user:secret{'-cut' * 20}@host/"]),
    ],
)
def test_a_password_is_refused_and_not_shown(mistakes, path, value):
    message = mistakes({path: value})
    assert f"  {path}" in message and "***" in message
    assert ("belong in ~/.netrc" in message) == ("data.mirrors[0]" in message)
    assert "cret" not in message and "user:" not in message and "cut" not in message


def test_several_mistakes_are_reported_together(mistakes):
    message = mistakes({"train.seed": -1, "data.split": "last", "registry.skill": 1})
    assert "has 3 mistakes" in message
    assert len(message.splitlines()) == 4


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("params.yaml", "- 5", "should contain keys with values; restore it with `git checkout"),
        ("recipes.yaml", "", "should contain keys with values; restore it with `git checkout"),
        ("published.yaml", "a: [", "is not valid YAML"),
        ("params.yaml", "train: &a [*a]", "is not valid YAML: Circular reference"),
        ("recipes.yaml", "cnn: {}\ncnn: {}", 'found duplicate key "cnn"'),
        ("recipes.yaml", "cnn: !!python/object/apply:os.system ['true']", "is not valid YAML"),
        *((name, None, "is missing; restore it with `git checkout") for name in LOAD),
    ],
)
def test_a_file_without_keys_is_refused(tmp_path, name, text, expected):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(PipelineError) as error:
        LOAD[name](path)
    assert str(error.value).startswith(f"{path} ") and expected in str(error.value)
