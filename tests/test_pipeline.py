"""The pipeline as a user runs it: DVC and real processes on the fallback dataset."""

import json
import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from src.ingest import catalog
from tests.fixtures.checkout import edit_params as edit
from tests.idx_files import write_set
from tests.servers import refused_url

pytestmark = pytest.mark.slow
ALL = 8


def trained(output: str) -> list[str]:
    """The recipes that a run of DVC trained."""
    return re.findall(r"^(\w+): validation accuracy \S+ after", output, re.MULTILINE)


def summary(checkout: Path) -> dict:
    return json.loads((checkout / "metrics/summary.json").read_text())


def logged(checkout: Path) -> list[tuple[str, str]]:
    """The trainings in the MLflow store: (recipe, DVC experiment), sorted."""
    with sqlite3.connect(checkout / "mlflow.db") as store:
        return sorted(
            store.execute(
                "select r.name, coalesce(t.value, '') from runs r join tags w "
                "on w.run_uuid = r.run_uuid and w.key = 'weights_sha256' left join tags t "
                "on t.run_uuid = r.run_uuid and t.key = 'dvc_exp'"
            ).fetchall()
        )


@pytest.fixture(scope="module")
def offline(tmp_path_factory, new_checkout, shell) -> Path:
    """A checkout with short trainings, no MNIST beside it and no network."""
    checkout = new_checkout(tmp_path_factory.mktemp("offline") / "a checkout")
    short = {f"models__{name}__epochs": 1 for name in ("softmax", "softmax_normal", "mlp_dropout")}
    edit(
        checkout,
        **short,
        models__mlp_200__steps=20,
        models__mlp_ema__steps=40,
        models__mlp_ema__validate_every=20,
        models__cnn__epochs=1,
        data__folders=["data/incoming"],
        data__mirrors=[refused_url()],
    )
    shell(["git", "commit", "-qam", "Train for a moment only"], checkout)
    return checkout


@pytest.fixture(scope="module")
def reproduced(offline, shell) -> tuple[Path, str]:
    """The checkout after `dvc repro`, and what that said."""
    done = shell(["dvc", "repro"], offline, COLUMNS="200")
    shell(["git", "add", "."], offline)
    shell(["git", "commit", "-qm", "Results"], offline)
    return offline, done.stdout + done.stderr


def test_everything_runs_on_the_stand_in_and_says_so(reproduced):
    checkout, output = reproduced
    assert len(trained(output)) == ALL
    assert "FALLBACK DATASET, NOT MNIST" in output
    assert "put its four IDX files into data/incoming" in output
    assert "Recipes on digits, best on validation first" in output
    told = summary(checkout)
    assert (told["dataset"], told["fallback_for"]) == ("digits", "mnist")
    assert told["values_published"] == 0
    table = pd.read_csv(checkout / "metrics/comparison.csv")
    assert len(table) == ALL
    assert table.validation_accuracy.is_monotonic_decreasing
    assert (checkout / "plots/samples.png").stat().st_size > 1000
    for kind in ("curves", "confusion", "mistakes"):
        assert len(list((checkout / "plots" / kind).glob("*.png"))) == ALL
    assert re.search(r"MLflow: .* (of mnist-classifier-fallback|is not registered)", output)


def test_each_training_is_a_run_with_its_test_figures(reproduced):
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


def test_nothing_runs_twice(reproduced, shell):
    checkout, _ = reproduced
    assert "Running stage" not in shell(["dvc", "repro"], checkout).stdout


def test_selecting_a_model_trains_nothing_again(reproduced, shell):
    checkout, _ = reproduced
    runs = logged(checkout)
    done = shell(["dvc", "exp", "run", "-n", "only-cnn", "-S", "model=cnn"], checkout)
    assert trained(done.stdout) == []
    assert summary(checkout)["best"] == "cnn"
    assert list(json.loads((checkout / "metrics/test.json").read_text())) == ["cnn"]
    shown = shell(["dvc", "exp", "show", "--csv"], checkout).stdout
    row = next(line for line in shown.splitlines() if "only-cnn" in line)
    assert ",cnn," in row
    shell(["git", "checkout", "-q", "."], checkout)
    done = shell(["dvc", "repro"], checkout)
    assert trained(done.stdout) == []
    assert len(pd.read_csv(checkout / "metrics/comparison.csv")) == ALL
    assert logged(checkout) == runs


def test_a_change_of_one_recipe_trains_one(reproduced, shell):
    checkout, _ = reproduced
    change = ["-S", "model=[softmax,cnn]", "-S", "models.softmax.epochs=2"]
    done = shell(["dvc", "exp", "run", "--temp", "-n", "two-epochs", *change], checkout)
    assert trained(done.stdout) == ["softmax"]
    assert ("softmax", "two-epochs") in logged(checkout)
    assert summary(checkout)["best"] != ""  # the workspace is as it was
    assert yaml.safe_load((checkout / "params.yaml").read_text())["model"] == "all"


def test_a_seed_changes_every_selected_training(reproduced, shell):
    checkout, _ = reproduced
    change = ["-S", "train.seed=7", "-S", "model=softmax"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout)
    assert trained(done.stdout) == ["softmax", "softmax_normal"]


def test_queued_experiments_reach_the_same_store(reproduced, shell):
    checkout, _ = reproduced
    change = ["-S", "model=mlp_65x2,cnn", "-S", "train.seed=9"]
    shell(["dvc", "exp", "run", "--queue", *change], checkout)
    shell(["dvc", "queue", "start", "-j", "2"], checkout)
    for _ in range(60):
        status = shell(["dvc", "queue", "status"], checkout).stdout
        if status.count("Success") + status.count("Failed") == 2:
            break
        shell(["sleep", "2"], checkout)
    assert status.count("Success") == 2, status
    assert sum(1 for name, _ in logged(checkout) if name == "mlp_65x2") == 2


def test_a_new_recipe_is_one_block(reproduced, shell):
    checkout, _ = reproduced
    params = yaml.safe_load((checkout / "params.yaml").read_text())
    block = {**params["models"]["mlp_65x2"], "hidden": [32], "epochs": 1}
    edit(checkout, models__tiny=block, model=["tiny", "mlp_65x2"])
    done = shell(["dvc", "repro"], checkout)
    assert trained(done.stdout) == ["tiny"]
    assert set(pd.read_csv(checkout / "metrics/comparison.csv").recipe) == {"tiny", "mlp_65x2"}
    shell(["git", "checkout", "-q", "."], checkout)
    shell(["dvc", "repro"], checkout)


def test_mistakes_stop_before_anything_is_trained(reproduced, shell):
    checkout, _ = reproduced
    edit(checkout, train__sede=3, models__cnn__epochs=-1)
    done = shell(["dvc", "repro"], checkout, fails=True)
    assert "train.sede: unknown key" in done.stderr
    assert "(did you mean 'seed'?)" in done.stderr
    assert "models.cnn.epochs: found -1: Input should be greater than or equal to 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert trained(done.stdout) == []
    shell(["git", "checkout", "-q", "."], checkout)


def test_without_data_and_without_fallback_it_stops_with_a_sentence(reproduced, shell):
    checkout, _ = reproduced
    change = ["-S", "data.fallback=none"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout, fails=True)
    assert "mnist could not be downloaded" in done.stderr
    assert "data/incoming: no such file" in done.stderr
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_put_into_data_incoming_are_used(reproduced, shell):
    """The user's own set: another size, three classes, plain files."""
    checkout, _ = reproduced
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 120, np.uint8)
    images = random.integers(0, 60, (120, 12, 9), np.uint8)
    images[np.arange(120), labels] = 255  # the row that is light is the class
    files = {
        catalog.TRAIN_IMAGES: images[:100],
        catalog.TRAIN_LABELS: labels[:100],
        catalog.TEST_IMAGES: images[100:],
        catalog.TEST_LABELS: labels[100:],
    }
    write_set(checkout / "data/incoming", files, ending="")
    edit(checkout, data__dataset="local", model=["mlp_65x2", "cnn"], models__mlp_65x2__epochs=30)
    done = shell(["dvc", "repro"], checkout)
    assert trained(done.stdout) == ["mlp_65x2", "cnn"]
    assert summary(checkout)["dataset"] == "local"
    assert summary(checkout)["test_accuracy"] > 0.9
    for path in (checkout / "data/incoming").glob("t*"):
        path.unlink()
    shell(["git", "checkout", "-q", "."], checkout)


def test_a_fresh_clone_trains_the_selected_model_only(offline, tmp_path, shell):
    shell(["git", "clone", "-q", str(offline), str(tmp_path / "clone")], tmp_path)
    clone = tmp_path / "clone"
    done = shell(["dvc", "exp", "run", "-S", "model=cnn"], clone)
    assert trained(done.stdout) == ["cnn"]
    assert [name for name, _ in logged(clone)] == ["cnn"]
    assert list(json.loads((clone / "metrics/test.json").read_text())) == ["cnn"]


def test_a_gpu_that_is_not_there(reproduced, shell):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    checkout, _ = reproduced
    change = ["-S", "train.device=gpu", "-S", "model=cnn"]
    done = shell(["dvc", "exp", "run", "--temp", *change], checkout, fails=True)
    assert "train.device is gpu, but TensorFlow" in done.stderr
    assert "requirements-gpu.txt" in done.stderr
    assert "Traceback" not in done.stderr
