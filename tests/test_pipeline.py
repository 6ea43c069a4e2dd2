"""The pipeline as a user runs it: DVC and real processes, on the fallback dataset."""

import json
import re
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from src.ingest import catalog

pytestmark = pytest.mark.slow
# Two of one family; Adam; an average of the weights; dropout and convolutions.
RECIPES = ("softmax", "softmax_normal", "mlp_65x2", "mlp_ema", "cnn")
MOST_LINES, MOST_COLUMNS = 40, 60
HIDDEN_COLUMNS = ("rev", "typ", "parent", "State", "Executor")  # of the CSV file, not of the table


def trained(output: str) -> list[str]:
    """Return the recipes that a run of DVC trained."""
    return re.findall(r"^(\w+): validation accuracy \S+ after", output, re.MULTILINE)


def summary(checkout: Path) -> dict:
    return json.loads((checkout / "metrics/summary.json").read_text())


@pytest.fixture(scope="module")
def offline(tmp_path_factory, new_checkout, shell, edit_params, refused_url) -> Path:
    """A checkout with short trainings, without MNIST and without a network."""
    checkout = new_checkout(tmp_path_factory.mktemp("offline") / "a checkout")
    models = yaml.safe_load((checkout / "recipes.yaml").read_text())
    short = {f"models__{name}__epochs": 1 for name in ("softmax", "softmax_normal")}
    edit_params(
        checkout,
        models={name: models[name] for name in RECIPES},
        **short,
        models__mlp_ema__steps=40,
        models__mlp_ema__validate_every=20,
        models__cnn__epochs=1,
        data__folders=["data/incoming"],
        data__mirrors=[refused_url()],
    )
    shell(["git", "commit", "-qam", "Shorten the trainings"], checkout)
    return checkout


@pytest.fixture(scope="module")
def reproduced(offline, shell) -> tuple[Path, str]:
    """The checkout after `dvc repro`, and what it printed."""
    done = shell(["dvc", "repro"], offline, COLUMNS="200")
    shell(["git", "add", "."], offline)
    shell(["git", "commit", "-qm", "Results"], offline)
    return offline, done.stdout + done.stderr


def test_all_stages_run_on_the_fallback_dataset_and_say_so(reproduced):
    checkout, output = reproduced
    assert len(trained(output)) == len(RECIPES)
    assert "FALLBACK DATASET, NOT MNIST" in output
    assert "data/incoming" in output
    assert "Recipes on digits, best on validation first" in output
    results = summary(checkout)
    assert (results["dataset"], results["fallback_for"]) == ("digits", "mnist")
    assert "reproduced" not in results
    table = pd.read_csv(checkout / "metrics/comparison.csv")
    assert len(table) == len(RECIPES)
    assert table.validation_accuracy.is_monotonic_decreasing
    assert (checkout / "plots/samples.png").stat().st_size > 1000
    for kind in ("curves", "confusion", "mistakes"):
        assert len(list((checkout / "plots" / kind).glob("*.png"))) == len(RECIPES)
    assert re.search(r"MLflow: .* (of mnist-classifier-fallback|is not registered)", output)


def test_each_training_is_an_mlflow_run_with_its_test_accuracy(reproduced):
    checkout, _ = reproduced
    with sqlite3.connect(checkout / "mlflow.db") as store:
        runs = dict(
            store.execute(
                "select r.name, m.value from runs r join latest_metrics m "
                "on m.run_uuid = r.run_uuid and m.key = 'test_accuracy' join experiments e "
                "on e.experiment_id = r.experiment_id where e.name = 'digits (fallback for mnist)'"
            ).fetchall()
        )
    table = pd.read_csv(checkout / "metrics/comparison.csv").set_index("recipe")
    assert runs == pytest.approx(table.test_accuracy.to_dict(), rel=1e-5)


def test_no_stage_runs_again_without_a_change(reproduced, shell):
    checkout, _ = reproduced
    assert "Running stage" not in shell(["dvc", "repro"], checkout).stdout


def test_a_repeated_run_changes_no_file_in_git(reproduced, shell, tmp_path):
    checkout, _ = reproduced
    done = shell(["dvc", "repro", "--force", "train@softmax"], checkout)
    assert trained(done.stdout) == []
    assert "softmax: already trained; to train it again, delete .checkpoints" in done.stdout
    for kept in checkout.glob(".checkpoints/softmax*"):
        kept.unlink()
    done = shell(["dvc", "repro", "--force", "train@softmax"], checkout)
    assert trained(done.stdout) == ["softmax", "softmax_normal"]
    assert "Running stage" not in shell(["dvc", "repro"], checkout).stdout
    shell(["git", "clone", "-q", str(checkout), "clone"], tmp_path)
    done = shell(["dvc", "repro"], tmp_path / "clone")
    assert len(trained(done.stdout)) == len(RECIPES)
    assert shell(["git", "status", "--porcelain"], tmp_path / "clone").stdout == ""
    assert (tmp_path / "clone/metrics/timing.csv").exists()


@pytest.mark.parametrize(
    ("edited", "stages"),
    [
        ("src/tracking/runs.py", set()),
        ("src/common/files.py", set()),
        ("src/evaluation/statistics.py", {"evaluate", "compare"}),
        ("src/reporting/report.py", {"compare"}),
        ("src/plots/charts.py", {"preprocess", "evaluate"}),
    ],
)
def test_an_edit_changes_only_the_stages_that_depend_on_it(reproduced, shell, edited, stages):
    checkout, _ = reproduced
    with (checkout / edited).open("a") as file:
        file.write("# an edit\n")
    status = json.loads(shell(["dvc", "status", "--json"], checkout).stdout)
    shell(["git", "checkout", "-q", "."], checkout)
    assert set(status) == stages


def test_selecting_another_model_retrains_nothing(reproduced, shell, logged_trainings):
    checkout, _ = reproduced
    runs = logged_trainings(checkout)
    done = shell(["dvc", "exp", "run", "-n", "only-cnn", "-S", "model=cnn"], checkout)
    assert trained(done.stdout) == []
    assert summary(checkout)["best"] == "cnn"
    assert list(summary(checkout)["test"]) == ["cnn"]
    assert list(json.loads((checkout / "metrics/test.json").read_text())) == ["cnn"]
    shown = shell(["dvc", "exp", "show", "--csv"], checkout).stdout
    row = next(line for line in shown.splitlines() if "only-cnn" in line)
    assert ",cnn," in row
    shell(["git", "checkout", "-q", "."], checkout)
    done = shell(["dvc", "repro"], checkout)
    assert trained(done.stdout) == []
    assert len(pd.read_csv(checkout / "metrics/comparison.csv")) == len(RECIPES)
    assert logged_trainings(checkout) == runs


def test_changing_one_recipe_retrains_only_that_recipe(reproduced, shell, logged_trainings):
    """The complete training of the other recipe of the family is used again."""
    checkout, _ = reproduced
    change = ["-S", "model=[softmax,cnn]", "-S", "recipes.yaml:softmax.batch_size=50"]
    done = shell(["dvc", "exp", "run", "--temp", "-n", "small-batch", *change], checkout)
    assert trained(done.stdout) == ["softmax"]
    assert "softmax_normal: already trained" in done.stdout
    assert ("softmax", "small-batch") in logged_trainings(checkout)
    assert ("softmax_normal", "small-batch") not in logged_trainings(checkout)
    # The workspace is unchanged.
    assert shell(["git", "status", "--porcelain", "*.yaml"], checkout).stdout == ""
    table = shell([sys.executable, "-m", "src.reporting.experiments"], checkout).stdout
    assert "recipes.yaml:softmax.batch_size=50" in table
    assert "model=[softmax,cnn]" in table and "digits (NOT mnist)" in table
    assert max(map(len, table.splitlines())) <= 140


def test_an_experiment_of_one_family_is_short(reproduced, shell):
    checkout, _ = reproduced
    change = ["-S", "model=cnn", "-S", "train.epochs=2"]
    done = shell(["dvc", "exp", "run", "-n", "two-epochs", *change], checkout)
    assert trained(done.stdout) == ["cnn"]
    assert "plan: train cnn, with train.epochs=2 in place of their own values" in done.stdout
    printed = re.sub(r"╭.*?╯\n", "", done.stdout + done.stderr, flags=re.S)  # of the fallback
    assert len(printed.splitlines()) <= MOST_LINES + 1  # two epochs
    diff = shell(["dvc", "metrics", "diff"], checkout).stdout
    assert re.search(r"test.softmax +0\.\d+ +- ", diff)  # it was not trained
    assert re.search(r"train.epochs +recipe +2", shell(["dvc", "params", "diff"], checkout).stdout)
    shell(["git", "checkout", "-q", "."], checkout)
    assert trained(shell(["dvc", "repro"], checkout).stdout) == []


def test_the_columns_of_the_experiments_can_be_read(reproduced, shell):
    checkout, _ = reproduced
    header = shell(["dvc", "exp", "show", "--csv"], checkout).stdout.splitlines()[0].split(",")
    shown = [name for name in header if name not in HIDDEN_COLUMNS]
    recipes = [name for name in shown if name.startswith("test.")]
    assert len(recipes) == len(RECIPES)
    assert len(shown) - len(RECIPES) + 8 <= MOST_COLUMNS  # eight recipes, as in the README
    assert shown.index("model") < shown.index("data/incoming")  # parameters in front of files


def test_a_new_seed_retrains_every_selected_recipe(reproduced, shell):
    checkout, _ = reproduced
    change = ["-S", "train.seed=7", "-S", "model=softmax"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout)
    assert trained(done.stdout) == ["softmax", "softmax_normal"]


def test_queued_experiments_use_the_same_mlflow_store(reproduced, shell, logged_trainings):
    checkout, _ = reproduced
    change = ["-S", "model=mlp_65x2,cnn", "-S", "train.seed=9"]
    shell(["dvc", "exp", "run", "--queue", *change], checkout)
    shell(["dvc", "queue", "start", "-j", "2"], checkout)
    for _ in range(60):
        status = shell(["dvc", "queue", "status"], checkout).stdout
        if status.count("Success") + status.count("Failed") == 2:
            break
        time.sleep(2)
    assert status.count("Success") == 2, status
    assert sum(1 for name, _ in logged_trainings(checkout) if name == "mlp_65x2") == 2


def test_one_block_in_recipes_yaml_adds_a_recipe(reproduced, shell, edit_params):
    checkout, _ = reproduced
    block = {"like": "mlp_65x2", "hidden": [32], "epochs": 1}
    edit_params(checkout, models__tiny=block, model=["tiny", "mlp_65x2"])
    done = shell(["dvc", "repro"], checkout)
    assert trained(done.stdout) == ["tiny"]
    assert set(pd.read_csv(checkout / "metrics/comparison.csv").recipe) == {"tiny", "mlp_65x2"}
    shell(["git", "checkout", "-q", "."], checkout)
    shell(["dvc", "repro"], checkout)


def test_invalid_parameters_stop_the_pipeline_before_any_training(reproduced, shell, edit_params):
    checkout, _ = reproduced
    edit_params(checkout, train__sede=3, models__cnn__epochs=-1)
    done = shell(["dvc", "repro"], checkout, fails=True)
    assert "train.sede: unknown key" in done.stderr
    assert "(did you mean 'seed'?)" in done.stderr
    assert "Traceback" not in done.stderr
    shell(["git", "checkout", "-q", "params.yaml"], checkout)
    done = shell(["dvc", "repro"], checkout, fails=True)
    assert "recipes.yaml has a mistake" in done.stderr
    assert "cnn.epochs: found -1: Input should be greater than or equal to 1" in done.stderr
    assert trained(done.stdout) == []
    shell(["git", "checkout", "-q", "."], checkout)


def test_without_data_and_without_fallback_the_error_names_each_source(reproduced, shell):
    checkout, _ = reproduced
    change = ["-S", "data.fallback=none"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout, fails=True)
    assert "mnist could not be downloaded" in done.stderr
    assert "data/incoming: no such file" in done.stderr
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_users_own_files_in_data_incoming_are_used(reproduced, shell, edit_params, write_set):
    """The dataset has images of another size, three classes, and plain files."""
    checkout, _ = reproduced
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
    edit_params(
        checkout, data__dataset="local", model=["mlp_65x2", "cnn"], models__mlp_65x2__epochs=30
    )
    done = shell(["dvc", "repro"], checkout)
    assert trained(done.stdout) == ["mlp_65x2", "cnn"]
    assert summary(checkout)["dataset"] == "local"
    assert max(summary(checkout)["test"].values()) > 0.9
    for path in (checkout / "data/incoming").glob("t*"):
        path.unlink()
    shell(["git", "checkout", "-q", "."], checkout)


def test_a_fresh_clone_trains_only_the_selected_model(offline, tmp_path, shell, logged_trainings):
    shell(["git", "clone", "-q", str(offline), str(tmp_path / "clone")], tmp_path)
    clone = tmp_path / "clone"
    done = shell(["dvc", "exp", "run", "-S", "model=cnn"], clone)  # make repro MODEL=cnn
    assert trained(done.stdout) == ["cnn"]
    assert [name for name, _ in logged_trainings(clone)] == ["cnn"]
    assert list(json.loads((clone / "metrics/test.json").read_text())) == ["cnn"]
    shell(["git", "checkout", "params.yaml"], clone)  # the next `make repro` trains the others
    assert set(json.loads(shell(["dvc", "status", "--json", "plan"], clone).stdout)) == {"plan"}


def test_requesting_a_missing_gpu_is_an_error(reproduced, shell):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    checkout, _ = reproduced
    change = ["-S", "train.device=gpu", "-S", "model=cnn"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout, fails=True)
    assert "train.device is gpu, but TensorFlow" in done.stderr
    assert "requirements-gpu.txt" in done.stderr
    assert "Traceback" not in done.stderr
