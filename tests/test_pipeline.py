"""The pipeline as a user changes and runs it: DVC and real processes, on the fallback dataset."""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.ingest import catalog
from tests.fixtures.checkout import TRAINED

pytestmark = pytest.mark.slow
MOST_LINES, MOST_COLUMNS = 40, 60
HIDDEN_COLUMNS = ("rev", "typ", "parent", "State", "Executor")  # of the CSV file, not of the table


def trained_in(output: str) -> list[str]:
    """Return the recipes that a run of DVC trained."""
    return re.findall(r"^(\w+): validation accuracy \S+ after", output, re.MULTILINE)


def summary(checkout: Path) -> dict:
    return json.loads((checkout / "metrics/summary.json").read_text())


@pytest.fixture(scope="module")
def copy(copy_trained, tmp_path_factory) -> Path:
    return copy_trained(tmp_path_factory.mktemp("pipeline") / "a checkout")


@pytest.fixture
def checkout(copy, shell):
    """The trained checkout, which is restored after the test."""
    yield copy
    shell(["git", "checkout", "-q", "."], copy)
    shell(["dvc", "checkout", "-q"], copy)


def test_no_stage_runs_again_and_a_complete_training_is_not_repeated(checkout, shell):
    assert "Running stage" not in shell(["dvc", "repro"], checkout).stdout
    done = shell(["dvc", "repro", "--force", "train@softmax"], checkout)
    assert trained_in(done.stdout) == []
    assert "softmax: already trained; to train it again, delete .checkpoints" in done.stdout


def test_a_repeated_run_changes_no_file_in_git(checkout, shell, tmp_path):
    shell(["git", "clone", "-q", str(checkout), "clone"], tmp_path)
    done = shell(["dvc", "repro"], tmp_path / "clone")
    assert len(trained_in(done.stdout)) == len(TRAINED)
    assert shell(["git", "status", "--porcelain"], tmp_path / "clone").stdout == ""
    assert (tmp_path / "clone/metrics/timing.csv").exists()


@pytest.mark.parametrize(
    ("edited", "stages"),
    [
        ("src/tracking", set()),
        ("src/common", set()),
        ("src/evaluation", {"evaluate", "compare"}),
        ("src/reporting", {"compare"}),
        ("src/plots", {"preprocess", "evaluate"}),
    ],
)
def test_an_edit_changes_only_the_stages_that_depend_on_it(checkout, shell, edited, stages):
    module = next((checkout / edited).glob("[a-z]*.py"))
    module.write_text(module.read_text() + "# an edit\n")
    status = json.loads(shell(["dvc", "status", "--json"], checkout).stdout)
    assert set(status) == stages


def test_selecting_another_model_retrains_nothing(checkout, shell, logged_trainings):
    runs = logged_trainings(checkout)
    done = shell(["dvc", "exp", "run", "-n", "only-cnn", "-S", "model=cnn"], checkout)
    assert trained_in(done.stdout) == []
    assert summary(checkout)["best"] == "cnn"
    assert list(summary(checkout)["test"]) == ["cnn"]
    assert list(json.loads((checkout / "metrics/test.json").read_text())) == ["cnn"]
    shown = shell(["dvc", "exp", "show", "--csv"], checkout).stdout
    row = next(line for line in shown.splitlines() if "only-cnn" in line)
    assert ",cnn," in row
    shell(["git", "checkout", "-q", "."], checkout)
    done = shell(["dvc", "repro"], checkout)
    assert trained_in(done.stdout) == []
    assert len(pd.read_csv(checkout / "metrics/comparison.csv")) == len(TRAINED)
    assert logged_trainings(checkout) == runs


def test_changing_one_recipe_retrains_only_that_recipe(checkout, shell, logged_trainings):
    """The complete training of the other recipe of the family is used again."""
    change = ["-S", "model=[softmax,cnn]", "-S", "recipes.yaml:softmax.batch_size=50"]
    done = shell(["dvc", "exp", "run", "--temp", "-n", "small-batch", *change], checkout)
    assert trained_in(done.stdout) == ["softmax"]
    assert "softmax_normal: already trained" in done.stdout
    assert ("softmax", "small-batch") in logged_trainings(checkout)
    assert ("softmax_normal", "small-batch") not in logged_trainings(checkout)
    # The workspace is unchanged.
    assert shell(["git", "status", "--porcelain", "*.yaml"], checkout).stdout == ""
    table = shell([sys.executable, "-m", "src.reporting.experiments"], checkout).stdout
    assert "recipes.yaml:softmax.batch_size=50" in table
    assert "model=[softmax,cnn]" in table and "digits (NOT mnist)" in table
    assert max(map(len, table.splitlines())) <= 140


def test_an_experiment_of_one_family_is_short(checkout, shell):
    change = ["-S", "model=cnn", "-S", "train.epochs=2"]
    done = shell(["dvc", "exp", "run", "-n", "two-epochs", *change], checkout)
    printed = re.sub(r"╭.*?╯\n", "", done.stdout + done.stderr, flags=re.S)  # of the fallback
    assert len(printed.splitlines()) <= MOST_LINES + 1  # two epochs
    diff = shell(["dvc", "metrics", "diff"], checkout).stdout
    assert re.search(r"test.softmax +0\.\d+ +- ", diff)  # it was not trained
    assert re.search(r"train.epochs +recipe +2", shell(["dvc", "params", "diff"], checkout).stdout)


def test_the_columns_of_the_experiments_can_be_read(checkout, shell):
    header = shell(["dvc", "exp", "show", "--csv"], checkout).stdout.splitlines()[0].split(",")
    shown = [name for name in header if name not in HIDDEN_COLUMNS]
    assert len([name for name in shown if name.startswith("test.")]) == len(TRAINED)
    assert len(shown) - len(TRAINED) + 8 <= MOST_COLUMNS  # eight recipes, as in the README
    assert shown.index("model") < shown.index("data/incoming")  # parameters in front of files


def test_queued_experiments_with_another_seed_use_the_same_mlflow_store(
    checkout, shell, logged_trainings
):
    change = ["-S", "model=mlp_65x2,softmax", "-S", "train.seed=9"]
    shell(["dvc", "exp", "run", "--queue", *change], checkout)
    shell(["dvc", "queue", "start", "-j", "2"], checkout)
    for _ in range(60):
        status = shell(["dvc", "queue", "status"], checkout).stdout
        if status.count("Success") + status.count("Failed") == 2:
            break
        time.sleep(2)
    assert status.count("Success") == 2, status
    logged = [name for name, _ in logged_trainings(checkout)]
    assert [logged.count(name) for name in ("mlp_65x2", "softmax_normal")] == [2, 2]


def test_one_block_in_recipes_yaml_adds_a_recipe(checkout, shell, edit_params):
    block = {"like": "mlp_65x2", "hidden": [32], "epochs": 1}
    edit_params(checkout, models__tiny=block, model=["tiny", "softmax"])
    done = shell(["dvc", "repro"], checkout)
    assert trained_in(done.stdout) == ["tiny"]
    table = pd.read_csv(checkout / "metrics/comparison.csv")
    assert {*table.recipe} == {"tiny", "softmax", "softmax_normal"}


def test_invalid_parameters_stop_the_pipeline_before_any_training(checkout, shell, edit_params):
    edit_params(checkout, train__sede=3, models__cnn__epochs=-1)
    done = shell(["dvc", "repro"], checkout, fails=True)
    assert "train.sede: unknown key (did you mean 'seed'?)" in done.stderr
    assert "Traceback" not in done.stderr
    shell(["git", "checkout", "-q", "params.yaml"], checkout)
    done = shell(["dvc", "repro"], checkout, fails=True)
    assert "recipes.yaml has a mistake" in done.stderr and "cnn.epochs: found -1:" in done.stderr
    assert trained_in(done.stdout) == []


def test_without_data_and_without_fallback_the_error_names_each_source(checkout, shell):
    change = ["-S", "data.fallback=none"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout, fails=True)
    assert "mnist could not be downloaded" in done.stderr
    assert "data/incoming: no such file" in done.stderr and "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_users_own_files_in_data_incoming_are_used(checkout, shell, edit_params, write_set):
    """The dataset has images of another size, three classes, and plain files."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 120, np.uint8)
    images = random.integers(0, 60, (120, 12, 9), np.uint8)
    images[np.arange(120), labels] = 255  # the class is the index of the light row
    files = {
        catalog.TRAIN_IMAGES: images[:100],
        catalog.TRAIN_LABELS: labels[:100],
        catalog.TEST_IMAGES: images[100:],
        catalog.TEST_LABELS: labels[100:],
    }
    write_set(checkout / "data/incoming", files)
    edit_params(checkout, data__dataset="local", model=["mlp_65x2", "cnn"])
    done = shell(["dvc", "repro"], checkout)
    assert trained_in(done.stdout) == ["mlp_65x2", "cnn"]
    assert summary(checkout)["dataset"] == "local"
    assert max(summary(checkout)["test"].values()) > 0.9
    for path in (checkout / "data/incoming").glob("t*"):
        path.unlink()


def test_a_fresh_clone_trains_only_the_selected_model(
    new_short_checkout, tmp_path, shell, logged_trainings
):
    clone = new_short_checkout(tmp_path / "clone")
    done = shell(["dvc", "exp", "run", "-S", "model=cnn"], clone)  # make repro MODEL=cnn
    assert trained_in(done.stdout) == ["cnn"]
    assert [name for name, _ in logged_trainings(clone)] == ["cnn"]
    assert list(json.loads((clone / "metrics/test.json").read_text())) == ["cnn"]
    shell(["git", "checkout", "params.yaml"], clone)  # the next `make repro` trains the others
    assert set(json.loads(shell(["dvc", "status", "--json", "plan"], clone).stdout)) == {"plan"}


def test_requesting_a_missing_gpu_is_an_error(checkout, shell):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    change = ["-S", "train.device=gpu", "-S", "model=cnn"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout, fails=True)
    assert "train.device is gpu, but TensorFlow" in done.stderr
    assert "requirements-gpu.txt" in done.stderr and "Traceback" not in done.stderr
