"""MLflow's store fails between and during the stages."""

import sqlite3
import time

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
    stages = ["train@mlp_65x2", "evaluate", "compare"]
    done = shell([*bound_by_permissions, "dvc", "repro", "--force", *stages], checkout)
    assert results(checkout) == expected
    assert done.stderr.count("warning: MLflow at ") == 4
    assert "Traceback" not in done.stderr
    (checkout / "mlflow.db").chmod(0o644)
    (checkout / "mlflow.db").write_bytes(content)
    shell(["python", "-m", "src.tracking.sync"], checkout)
    assert len(logged_trainings(checkout)) == len(before) + 2


@pytest.mark.fault(
    "The store deleted between two stages",
    sees="nothing",
    then="a new one is created; `evaluate` and `compare` log the results in it, once",
)
def test_a_store_that_is_deleted(results_there, shell, logged_trainings):
    deleted(results_there)
    shell(["dvc", "repro", "-q", "--force", "-s", "evaluate"], results_there)
    shell(["dvc", "repro", "-q", "--force", "-s", "evaluate"], results_there)
    assert logged_trainings(results_there) == [(name, "") for name in ("mlp_65x2", "mlp_dropout")]
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
    assert output.count("warning: MLflow at ") == 4
    assert "secret" not in output and "Traceback" not in output
    shell(["python", "-m", "src.tracking.sync"], checkout)
    assert logged_trainings(checkout) == [(name, "") for name in ("mlp_65x2", "mlp_dropout")]
    assert "secret" not in (checkout / "logs/mlflow-errors.log").read_text()
