"""MLflow's store fails between and during the stages."""

import sqlite3
import time

import pytest

from tests.faults.conftest import RECIPES, bound_by_permissions, few, only_all, results
from tests.faults.test_concurrency import finished_runs
from tests.servers import Handler, web_server

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
    sees="`warning: not logged in MLflow yet: …; kept in .unsent …`, from each stage",
    then="all results are there; the next stage that can, or `make send`, sends what was kept",
)
@pytest.mark.parametrize("fault", few([damaged, older, read_only]))
@only_all
def test_a_store_that_fails(results_there, shell, expected, tmp_path, fault):
    checkout = results_there
    kept = (checkout / "mlflow.db").read_bytes()
    before = finished_runs(checkout)
    fault(checkout)
    stages = [f"train@{RECIPES[0]}", "evaluate", "compare"]
    done = shell([*bound_by_permissions(), "dvc", "repro", "--force", *stages], checkout)
    assert results(checkout) == expected
    assert "warning: not logged in MLflow yet" in done.stderr
    assert "Traceback" not in done.stderr
    (checkout / "mlflow.db").chmod(0o644)
    (checkout / "mlflow.db").write_bytes(kept)
    shell(["python", "-m", "src.tracking", "--send"], checkout)
    assert len(finished_runs(checkout)) == len(before) + len(RECIPES)


@pytest.mark.fault(
    "The store deleted between two stages",
    sees="nothing; before `compare`, that the best model is not registered, and what logs it again",
    then="a new one is made; `evaluate` logs the trainings in it as restored ones, once",
)
def test_a_store_that_is_deleted(results_there, shell):
    deleted(results_there)
    shell(["dvc", "repro", "-q", "--force", "-s", "evaluate"], results_there)
    shell(["dvc", "repro", "-q", "--force", "-s", "evaluate"], results_there)
    assert finished_runs(results_there) == [(name, "") for name in RECIPES]
    deleted(results_there)
    done = shell(["dvc", "repro", "--force", "-s", "compare"], results_there)
    assert "is not registered: its run is not in this store any more; `dvc repro" in done.stdout
    assert "warning" not in done.stderr and not list(results_there.glob(".unsent/*"))


@pytest.fixture(params=few(["hangs", "500"]))
def bad_server(request):
    def answer(handler: Handler) -> None:
        if request.param == "hangs":
            time.sleep(120)
        handler.send_error(500)

    with web_server(answer, answer) as address:
        yield address.replace("//", "//user:secret@")


@only_all
def test_a_server_that_fails(checkout, shell, expected, bad_server):
    done = shell(["dvc", "repro"], checkout, MLFLOW_TRACKING_URI=bad_server)
    told = done.stdout + done.stderr
    assert results(checkout) == expected
    assert told.count("warning: not logged in MLflow yet") == len(RECIPES) + 2
    assert "secret" not in told and "Traceback" not in told
    shell(["python", "-m", "src.tracking", "--send"], checkout)
    assert finished_runs(checkout) == [(name, "") for name in RECIPES]
    for path in (checkout / ".unsent").rglob("*"):
        assert not path.is_file() or b"secret" not in path.read_bytes()
