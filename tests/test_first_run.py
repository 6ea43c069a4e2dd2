"""What a user does first: run the pipeline, try another parameter, predict, continue a killed run.

`make test` runs these tests; the other tests of the complete pipeline are slow.
"""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.fixtures.checkout import TRAINED, trained_in

MOST_LINES = 40


@pytest.fixture(scope="module")
def checkout(copy_trained, tmp_path_factory) -> Path:
    return copy_trained(tmp_path_factory.mktemp("first") / "a checkout")


def test_all_stages_run_on_the_fallback_dataset_and_say_so(checkout, trained):
    output = trained.with_name("repro.log").read_text()
    assert sorted(trained_in(output)) == sorted(TRAINED)
    assert "FALLBACK DATASET, NOT MNIST" in output and "data/incoming" in output
    assert "Recipes on digits, best on validation first" in output
    results = json.loads((checkout / "metrics/summary.json").read_text())
    assert (results["dataset"], results["fallback_for"]) == ("digits", "mnist")
    assert "reproduced" not in results
    table = pd.read_csv(checkout / "metrics/comparison.csv")
    assert len(table) == len(TRAINED)
    assert table.validation_accuracy.is_monotonic_decreasing
    assert (checkout / "plots/samples.png").stat().st_size > 1000
    for kind in ("curves", "confusion", "mistakes"):
        assert len(list((checkout / "plots" / kind).glob("*.png"))) == len(TRAINED)
    assert re.search(r"MLflow: .* (of mnist-classifier-fallback|is not registered)", output)


def test_an_experiment_trains_what_it_changes_and_prints_little(trained):
    output = trained.with_name("experiment.log").read_text()
    assert trained_in(output) == ["cnn"]
    assert "plan: train cnn, with train.epochs=1 in place of their own values" in output
    of_the_digits = ("NOT mnist", "Not significantly better", "MLflow: cnn is not registered")
    printed = [line for line in output.splitlines() if not line.startswith(of_the_digits)]
    assert len(printed) <= MOST_LINES


def test_a_training_is_an_mlflow_run_with_its_test_accuracy(checkout):
    with sqlite3.connect(checkout / "mlflow.db") as store:
        runs = dict(
            store.execute(
                "select r.name, m.value from runs r join latest_metrics m "
                "on m.run_uuid = r.run_uuid and m.key = 'test_accuracy' join experiments e "
                "on e.experiment_id = r.experiment_id where e.name = 'digits (fallback for mnist)' "
                "and r.run_uuid not in (select run_uuid from tags where key = 'dvc_exp')"
            ).fetchall()
        )
    table = pd.read_csv(checkout / "metrics/comparison.csv").set_index("recipe")
    assert runs == pytest.approx(table.test_accuracy.to_dict(), rel=1e-5)


def test_the_best_model_predicts_random_test_images(checkout, shell):
    predict = [sys.executable, "-m", "src.apps.predict", "--test", "3", "--seed", "1"]
    printed = shell(predict, checkout).stdout
    assert re.search(
        r"model: \w+ \(validation accuracy 0\.\d+, .*\): the best on corrupted", printed
    )
    assert len(re.findall(r"^test image \d+: actual \d, predicted \d  [✓✗]$", printed, re.M)) == 3


def test_a_killed_training_resumes_to_the_same_weights(checkout, shell, environment, edit_params):
    def weights() -> str:
        record = checkout / "models/mlp/mlp_dropout/training.json"
        return json.loads(record.read_text())["weights_sha256"]

    edit_params(checkout, model="mlp_dropout", models__mlp_dropout__epochs=50)
    command = ["dvc", "repro", "-s", "plan", "train@mlp"]
    with subprocess.Popen(command, cwd=checkout, env=environment, start_new_session=True) as dvc:
        deadline = time.monotonic() + 120
        before = {*(checkout / ".checkpoints").glob("mlp_dropout-*.npz")}
        while {*(checkout / ".checkpoints").glob("mlp_dropout-*.npz")} == before:
            assert dvc.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        # DVC first: when its child ends, it writes files that a kill would leave incomplete.
        for process in [dvc, *psutil.Process(dvc.pid).children(recursive=True)]:
            process.send_signal(signal.SIGKILL)
    done = shell(command, checkout)
    assert "mlp_dropout: resuming from step" in done.stdout
    resumed = weights()
    for path in (checkout / ".checkpoints").glob("mlp_dropout-*"):
        path.unlink()
    done = shell([*command, "--force"], checkout)
    assert "resuming" not in done.stdout and weights() == resumed
