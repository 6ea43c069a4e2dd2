"""MLflow's store fails between and during the stages."""

import sqlite3
import time

import pytest

from tests.fixtures.checkout import TRAINED

pytestmark = pytest.mark.slow
SYNC = ["python", "-m", "src.tracking.sync"]


def read_only(checkout):
    (checkout / "mlflow.db").chmod(0o444)


def older(checkout):
    with sqlite3.connect(checkout / "mlflow.db") as store:
        store.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")


def damaged(checkout):
    (checkout / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)


MORE = [pytest.param(fault, marks=pytest.mark.expensive) for fault in (older, read_only)]


@pytest.mark.parametrize("fault", [damaged, *MORE])
def test_a_store_that_fails(
    results_there, shell, expected, fault, logged_trainings, bound_by_permissions, results
):
    checkout = results_there
    with sqlite3.connect(checkout / "mlflow.db") as store:
        store.execute("UPDATE runs SET lifecycle_stage = 'deleted'")
    content = (checkout / "mlflow.db").read_bytes()
    before = logged_trainings(checkout)
    fault(checkout)
    command = ["dvc", "repro", "--force", "-s", "train@mlp", "compare"]
    done = shell([*bound_by_permissions, *command], checkout)
    assert results(checkout) == expected
    assert 1 <= done.stderr.count("warning: MLflow at ") <= 2  # a long training, and `compare`
    assert "Traceback" not in done.stderr
    (checkout / "mlflow.db").chmod(0o644)
    (checkout / "mlflow.db").write_bytes(content)
    shell(SYNC, checkout)
    assert len(logged_trainings(checkout)) == len(before) + len(TRAINED)


def test_a_store_that_is_deleted(results_there, shell, logged_trainings):
    (results_there / "mlflow.db").unlink()
    done = shell(["dvc", "repro", "--force", "-s", "compare"], results_there)
    assert "is the new champion, version 1 of mnist-classifier-fallback" in done.stdout
    assert "warning" not in done.stderr
    assert logged_trainings(results_there) == [(name, "") for name in sorted(TRAINED)]


@pytest.fixture(params=["hangs", "500"])
def bad_server(request, web_server):
    def respond(handler):
        if request.param == "hangs":
            time.sleep(120)
        handler.send_error(500)

    with web_server(respond, respond) as address:
        yield address.replace("//", "//user:secret@")


@pytest.mark.expensive
def test_a_server_that_fails(checkout, shell, expected, bad_server, logged_trainings, results):
    done = shell(["dvc", "repro"], checkout, MLFLOW_TRACKING_URI=bad_server)
    output = done.stdout + done.stderr
    assert results(checkout) == expected
    assert "warning: MLflow at http://***@" in output or "took longer than" in output
    assert "secret" not in output and "Traceback" not in output
    shell(SYNC, checkout)
    assert logged_trainings(checkout) == [(name, "") for name in sorted(TRAINED)]
    assert "secret" not in (checkout / "logs/mlflow-errors.log").read_text()
