"""A training is shown while it runs, and a stage waits for it only for a limited time."""

import json
import time
from contextlib import closing

import pytest

from src.tracking import live
from src.tracking.sync import sync
from tests.fixtures.trainings import ENVIRONMENT, ROW, SECONDS

HANGS = "store.connect = lambda uri: time.sleep(600)"


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(live, "START_SECONDS", 0)


def curve(client, run):
    return sorted(each.step for each in client.get_metric_history(run.info.run_id, "val_loss"))


def test_a_run_is_visible_while_its_training_runs(
    client, folder, record, run_config, runs_of, at_once, capfd
):
    with closing(live.LiveLogger()) as log:
        log.begin(run_config(folder), ENVIRONMENT, False)
        log.row(ROW)
        (run,) = wait_for(lambda: [r for r in runs_of(client) if "loss" in r.data.metrics])
        assert (run.info.status, run.data.metrics["loss"]) == ("RUNNING", 2.4)
        assert run.data.params["epochs"] == "2"
        log.end(record, SECONDS)
    (run,) = runs_of(client)
    assert run.info.status == "FINISHED"
    assert capfd.readouterr() == ("", "")


def test_the_curves_of_a_new_training_replace_those_of_the_last(folder, run_config):
    with closing(live.LiveLogger()) as log:
        curves = log.begin(run_config(folder), ENVIRONMENT, False)
        curves.mkdir(parents=True)
        assert log.begin(run_config(folder), ENVIRONMENT, True) == curves and curves.exists()
        assert log.begin(run_config(folder), ENVIRONMENT, False).parent == curves.parent
        assert not curves.exists()


def test_a_short_training_is_logged_by_sync(client, folder, record, run_config, runs_of):
    with closing(live.LiveLogger()) as log:
        log.begin(run_config(folder), ENVIRONMENT, False)
        log.row(ROW)
        log.end(record, SECONDS)
    assert runs_of(client) == []
    assert sync()
    (run,) = runs_of(client)
    assert "restored" not in run.data.tags and curve(client, run) == [215, 430, 860]


def test_a_training_without_an_end_is_a_failed_run(client, folder, run_config, runs_of, at_once):
    with pytest.raises(ZeroDivisionError), closing(live.LiveLogger()) as log:
        log.begin(run_config(folder), ENVIRONMENT, False)
        raise ZeroDivisionError
    assert [run.info.status for run in runs_of(client)] == ["FAILED"]


def test_a_killed_and_resumed_training_is_one_run(
    client, checkout, folder, record, run_config, stage, runs_of, at_once, monkeypatch
):
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    killed = stage("time.sleep(60)")
    wait_for(lambda: [r for r in runs_of(client) if "loss" in r.data.metrics])
    killed.kill()
    killed.communicate(timeout=30)  # returns when no process has the output open
    (before,) = runs_of(client)
    assert before.info.status == "RUNNING"
    monkeypatch.setenv("DVC_EXP_NAME", "")
    for _ in range(2):  # the second time, the checkpoint is complete
        with closing(live.LiveLogger()) as log:
            log.begin(run_config(folder), ENVIRONMENT, True)
            log.end(record, SECONDS)
        assert sync()
    (run,) = runs_of(client)
    assert (run.info.run_id, run.info.status) == (before.info.run_id, "FINISHED")
    assert run.data.tags["dvc_exp"] == "bold-move" and "restored" not in run.data.tags
    assert curve(client, run) == [215, 430, 860]
    (path,) = checkout.glob("logs/trainings/*.json")
    assert json.loads(path.read_text())["start"] == run.info.start_time


@pytest.mark.parametrize(("seconds", "code"), [(0.1, "pass"), (2, "pass"), (1, HANGS)])
def test_the_stage_ends_normally_while_the_thread_is_at_work(client, stage, runs_of, seconds, code):
    """It may be importing MLflow, in SQLite's code, or waiting for a store."""
    process = stage(code, seconds)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert output == "" or f"took longer than {seconds} s" in output
    assert sync()
    (run,) = runs_of(client)
    assert run.data.metrics["training_seconds"] == 4.5 and "restored" not in run.data.tags


@pytest.mark.slow
def test_concurrent_trainings_create_one_store(checkout, stage, runs_of, tmp_path):
    from mlflow import MlflowClient

    several = [stage(), stage(), stage()]
    assert [process.communicate()[0] for process in several] == ["", "", ""]
    client = MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")
    assert [run.info.status for run in runs_of(client)] == ["FINISHED"] * 3
    assert not (tmp_path / "copy/mlruns").exists()
