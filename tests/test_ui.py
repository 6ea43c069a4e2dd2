"""The MLflow UI on a small store, as a user sees it: in a browser."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from src.common import paths
from src.common.files import write_json
from src.tracking.sync import sync

pytestmark = pytest.mark.slow

ACCURACIES = {"softmax": 0.9137, "cnn": 0.9932, "mlp_sigmoid": 0.9048}
RUNS = "experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART"
RUNS += "&orderByKey=metrics.%60val_accuracy%60&orderByAsc=false"
ROOT = Path(__file__).parents[1]
DATASET = {"name": "mnist", "is_fallback": False, "digest": "of other data"}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory,
    model_file,
    make_training,
    make_evaluation,
    make_comparison,
    log_training,
    serving,
):
    """The address of `make ui` for a store with three trainings and their comparison."""
    root = tmp_path_factory.mktemp("main checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(root))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.chdir(root)
        for name, accuracy in ACCURACIES.items():
            folder = make_training(
                root / "models/cnn" / name,
                model_file,
                val_accuracy=accuracy,
                weights_sha256=f"{len(name):02}" * 32,
            )
            log_training(folder)
        make_evaluation(ACCURACIES)
        make_comparison()
        write_json(paths.PROCESSED / "training/dataset.json", DATASET)
        sync()
        path = {"PYTHONPATH": str(ROOT)}
        with serving(["src.tracking.ui"], root, os.environ | path, ready="/health") as address:
            yield address
            (log,) = root.glob("server-*.log")
            lines = log.read_text().splitlines()
            assert f"Runs, best first: {address}/#/{RUNS}" in lines
            assert len(lines) <= 4  # no request and no warning came after it


@pytest.fixture
def page(browser, server, tmp_path):
    """A page of the UI; a screenshot of its last state is in the test's folder."""
    page = browser.new_page(base_url=server, viewport={"width": 1600, "height": 1000})
    foreign = []
    page.on("request", lambda request: foreign.append(request.url))
    yield page
    page.screenshot(path=tmp_path / "page.png")
    page.close()
    ours = (server, "data:", "blob:")
    assert [url for url in foreign if not url.startswith(ours)] == []


def open_run(page, name: str) -> None:
    page.goto(f"/#/{RUNS}")
    page.get_by_role("link", name=name, exact=True).click(timeout=60_000)


def test_runs_are_listed_best_first_with_their_datasets_and_can_be_compared(page, tmp_path):
    page.goto(f"/#/{RUNS}")
    for name in ACCURACIES:
        page.get_by_role("link", name=name, exact=True).wait_for(timeout=60_000)
    page.get_by_text("test_accuracy", exact=True).first.wait_for()  # a chart
    assert page.get_by_text("shared view").count() == 0
    best_first = sorted(ACCURACIES, key=ACCURACIES.get, reverse=True)
    heights = [
        page.get_by_role("link", name=name, exact=True).bounding_box()["y"] for name in best_first
    ]
    assert heights == sorted(heights)
    for name in ("cnn", "softmax"):
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        row.get_by_role("checkbox").first.check(timeout=60_000)
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Comparing 2 Runs").wait_for()
    for accuracy in ("0.993", "0.914"):  # test accuracies, as this page rounds them
        page.get_by_text(accuracy).first.wait_for()
    page.goto(f"/#/{RUNS.replace('&compareRunsMode=CHART', '')}")
    page.get_by_role("button", name="Views").click(timeout=60_000)
    page.get_by_text("Results", exact=True).click()
    for accuracy in ACCURACIES.values():
        page.get_by_text(str(accuracy), exact=True).first.wait_for()
    page.screenshot(path=tmp_path / "results.png")
    page.get_by_test_id("datasets-select-dropdown").click(timeout=60_000)
    for split in ("train", "validation", "test"):
        page.get_by_text(f"mnist-{split} (d1d1d1d1)").first.wait_for()


def test_a_run_shows_its_curves_and_plots(page, tmp_path):
    open_run(page, "cnn")
    page.get_by_role("heading", name="Registered models").wait_for()
    page.get_by_role("link", name="mnist-classifier").first.wait_for()
    for text in ("dvc.yaml:train@cnn", "0.9932", "trained on 60 images of mnist"):
        page.get_by_text(text).first.wait_for()
    page.screenshot(path=tmp_path / "run.png", full_page=True)

    page.get_by_role("tab", name="Model metrics").click()
    for name in ("loss", "val_accuracy", "test_accuracy"):
        page.get_by_text(name, exact=True).first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    charts = page.get_by_text(re.compile("^(loss|train_learning_rate|test_accuracy)$"))
    charts.nth(2).wait_for()
    assert charts.all_inner_texts() == ["loss", "test_accuracy", "train_learning_rate"]
    page.screenshot(path=tmp_path / "curves.png")

    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("plots", exact=True).click()
    page.get_by_text("confusion.png").click()
    page.locator("img[src^='blob:'], img[src*='confusion']").first.wait_for()


def test_the_pages_of_a_model_show_its_version_and_the_champion(page, tmp_path):
    open_run(page, "cnn")
    page.goto("/" + page.get_by_role("link", name="cnn", exact=True).first.get_attribute("href"))
    page.get_by_text("About this logged model").wait_for()
    page.get_by_text("Model versions").wait_for()
    page.get_by_role("link", name="mnist-classifier").first.wait_for()
    assert page.get_by_text("Not registered").count() == 0
    for split in ("train", "validation", "test"):  # of the metrics
        page.get_by_text(f"mnist-{split} (#d1d1d1d1)").first.wait_for()
    page.screenshot(path=tmp_path / "model.png")

    page.goto("/#/models/mnist-classifier")
    page.get_by_text("champion").first.wait_for(timeout=60_000)
    page.get_by_text('load_model("models:/mnist-classifier@champion")').wait_for()
    page.goto("/#/models/mnist-classifier/versions/1")
    for text in ("0.993200", "Intended use."):
        page.get_by_text(text).first.wait_for()


def test_a_training_can_be_logged_through_the_server(
    server, tmp_path, model_file, make_training, monkeypatch, capfd
):
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid")
    monkeypatch.chdir(tmp_path)
    make_training(tmp_path / "models/cnn/mlp", model_file)
    assert sync()
    assert capfd.readouterr().err == ""
    client = MlflowClient(server)
    (run,) = client.search_runs(["1"], "tags.recipe = 'mlp'")
    assert run.data.metrics["val_accuracy"] == 0.9
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"history.csv", "training.json"}


def test_for_a_server_only_the_link_is_printed(server, tmp_path):
    path = {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": server, "DVC_ROOT": ""}
    done = subprocess.run(
        [sys.executable, "-m", "src.tracking.ui"],
        cwd=tmp_path,
        env=os.environ | path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"Runs, best first: {server}/#/experiments\n"


def test_a_busy_port_is_one_error(tmp_path, environment):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        command = [sys.executable, "-m", "src.tracking.ui", "--port", str(port)]
        path = {"PYTHONPATH": str(ROOT), "DVC_ROOT": ""}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment | path, capture_output=True, text=True
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in done.stderr
    assert "make ui PORT=5001" in done.stderr and "Traceback" not in done.stderr
