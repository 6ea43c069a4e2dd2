"""MLflow's store fails between and during the stages."""

import shutil
import socket
import sqlite3
import subprocess
import time

import psutil
import pytest

pytestmark = pytest.mark.slow


def deleted(checkout):
    for path in checkout.glob("mlflow.db*"):
        path.unlink()


def read_only(checkout):
    (checkout / "mlflow.db").chmod(0o444)


def older(checkout):
    with sqlite3.connect(checkout / "mlflow.db") as store:
        store.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")


def damaged(checkout):
    (checkout / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)


@pytest.mark.fault(
    "The store read-only, damaged, or of an older schema; a server that answers 500, or hangs",
    sees="`warning: MLflow at … did not log: …; details in logs/mlflow-errors.log; …`, per stage",
    then="no result is lost; the next stage that can, or `make send`, logs what is missing",
)
@pytest.mark.parametrize("fault", [damaged, older, read_only])
@pytest.mark.first_cases(1)
@pytest.mark.make_faults
def test_a_store_that_fails(
    results_there, shell, expected, fault, logged_trainings, bound_by_permissions, results
):
    checkout = results_there
    with sqlite3.connect(checkout / "mlflow.db") as store:
        store.execute("UPDATE runs SET lifecycle_stage = 'deleted'")
    content = (checkout / "mlflow.db").read_bytes()
    before = logged_trainings(checkout)
    fault(checkout)
    stages = ["train@mlp", "evaluate", "compare"]
    done = shell([*bound_by_permissions, "dvc", "repro", "--force", *stages], checkout)
    assert results(checkout) == expected
    assert done.stderr.count("warning: MLflow at ") == 2
    assert "Traceback" not in done.stderr
    (checkout / "mlflow.db").chmod(0o644)
    (checkout / "mlflow.db").write_bytes(content)
    shell(["python", "-m", "src.tracking.sync"], checkout)
    assert len(logged_trainings(checkout)) == len(before) + 2


@pytest.mark.fault(
    "The store deleted between two stages",
    sees="nothing",
    then="a new one is created; `compare` logs the results in it, once",
)
def test_a_store_that_is_deleted(results_there, shell, logged_trainings):
    deleted(results_there)
    shell(["dvc", "repro", "-q", "--force", "-s", "compare"], results_there)
    deleted(results_there)
    done = shell(["dvc", "repro", "--force", "-s", "compare"], results_there)
    assert "of mnist-classifier-fallback, is the first champion" in done.stdout
    assert "warning" not in done.stderr
    assert logged_trainings(results_there) == [(name, "") for name in ("mlp_65x2", "mlp_dropout")]


@pytest.fixture(params=["hangs", "500"])
def bad_server(request, web_server):
    def respond(handler):
        if request.param == "hangs":
            time.sleep(120)
        handler.send_error(500)

    with web_server(respond, respond) as address:
        yield address.replace("//", "//user:secret@")


@pytest.mark.make_faults
def test_a_server_that_fails(checkout, shell, expected, bad_server, logged_trainings, results):
    done = shell(["dvc", "repro"], checkout, MLFLOW_TRACKING_URI=bad_server)
    output = done.stdout + done.stderr
    assert results(checkout) == expected
    assert output.count("warning: MLflow at ") == 2
    assert "secret" not in output and "Traceback" not in output
    shell(["python", "-m", "src.tracking.sync"], checkout)
    assert logged_trainings(checkout) == [(name, "") for name in ("mlp_65x2", "mlp_dropout")]
    assert "secret" not in (checkout / "logs/mlflow-errors.log").read_text()


@pytest.mark.fault(
    "The process that logs to MLflow is stopped, or the store is slow: seconds for each request",
    sees="`warning: logging to MLflow stopped early; …`, after a minute at the end of the stage",
    then="the training is as fast as without it, with the same durations; the next stage, or `make "
    "send`, logs it",
)
@pytest.mark.make_faults
def test_a_stopped_process(results_there, environment, shell, results, expected, logged_trainings):
    before = logged_trainings(results_there)
    shutil.rmtree(results_there / ".checkpoints")
    command = ["python", "-m", "stages.train", "mlp"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=results_there, env=environment, **pipes) as stage:
        deadline = time.monotonic() + 60
        while not (children := psutil.Process(stage.pid).children()):
            assert time.monotonic() < deadline
        children[0].suspend()
        _, errors = stage.communicate(timeout=300)
    assert stage.returncode == 0
    assert errors.decode().startswith("warning: logging to MLflow stopped early; `make send` logs")
    assert results(results_there) == expected
    shell(["dvc", "commit", "-q", "-f"], results_there)
    deleted(results_there)
    shell(["python", "-m", "src.tracking.sync"], results_there)
    assert logged_trainings(results_there) == before


@pytest.mark.fault(
    "A database or server that accepts the connection, and never answers",
    sees="`warning: MLflow at … did not log: … (TimeoutError: no response within 8 s) …`",
    then="the next stage that can, or `make send`, logs what is missing",
)
def test_a_database_that_never_answers(results_there, shell):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"postgresql://user:secret@127.0.0.1:{mute.getsockname()[1]}/mlflow"
        done = shell(["python", "-m", "stages.compare"], results_there, MLFLOW_TRACKING_URI=address)
    assert "(TimeoutError: no response within 8 s)" in done.stderr
    assert "secret" not in done.stderr


DELETE = """
import mlflow
client = mlflow.MlflowClient("sqlite:///mlflow.db")
(experiment,) = (each for each in client.search_experiments() if "fallback" in each.name)
for model in client.search_logged_models([experiment.experiment_id]):
    client.delete_logged_model(model.model_id)
run, *_ = client.search_runs([experiment.experiment_id], "tags.recipe = 'mlp_65x2'")
client.delete_run(run.info.run_id)
client.delete_experiment(experiment.experiment_id)
"""


@pytest.mark.fault(
    "A run, a model or the experiment is deleted in MLflow; an item that the store refuses",
    sees="`MLflow: restored the deleted experiment …`; `… is not registered, because its model was "
    "deleted in MLflow; …`",
    then="`make send` logs a deleted run again, restores the experiment, and logs all other items",
)
def test_what_is_deleted_in_mlflow(results_there, shell, logged_trainings):
    shell(["python", "-c", DELETE], results_there)
    done = shell(["python", "-m", "src.tracking.sync"], results_there)
    assert "MLflow: restored the deleted experiment digits (fallback for mnist)" in done.stdout
    assert "warning" not in done.stderr and "Traceback" not in done.stderr
    again = shell(["python", "-m", "src.tracking.sync"], results_there)
    assert "MLflow: nothing was missing" in again.stdout


MOVE = """
import mlflow
client = mlflow.MlflowClient("sqlite:///mlflow.db")
(own,) = client.search_model_versions()
other = client.create_model_version(own.name, own.source, own.run_id)
client.set_registered_model_alias(own.name, "champion", other.version)
"""


@pytest.mark.fault(
    "The alias `champion` is moved to a version that this project did not register",
    sees="`warning: the champion, version … of … in MLflow, is not used, because this project did "
    "not register it; …`",
    then="`predict` and the demo use the best model in `models/`",
)
def test_a_champion_of_others(results_there, shell):
    shell(["python", "-c", MOVE], results_there)
    done = shell(["python", "-m", "src.apps.predict", "--test", "1"], results_there)
    assert "is not used, because this project did not register it" in done.stderr
    assert "Traceback" not in done.stderr
