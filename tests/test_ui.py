"""The MLflow UI on a small store, as a user sees it: in a browser."""

import json
import os
from pathlib import Path

import pytest

from src.tracking.session import Session
from tests.servers import mlflow_server
from tests.trainings import log_evaluation, log_training, make_training

pytestmark = pytest.mark.slow

ACCURACIES = {"softmax": 0.9137, "cnn": 0.9932, "mlp_sigmoid": 0.9048}
NETWORK = "6 × 5 pixels → 3 × 3 convolutions (32, 64) → 20 relu → 3 classes"  # of tests.trainings
RUNS = "experiments/1/runs?workflowType=machine_learning&viewStateShareKey=recipes"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(tmp_path_factory.mktemp("main checkout")))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        yield patch


@pytest.fixture(scope="module")
def server(environment, tmp_path_factory, model_file):
    """The address of `make ui` over a store with three trainings."""
    models = tmp_path_factory.mktemp("models")
    picture = draw(tmp_path_factory.mktemp("plots") / "confusion.png")
    for name, accuracy in ACCURACIES.items():
        folder = make_training(models / name, model_file, val_accuracy=accuracy)
        log_training(folder)
        log_evaluation(folder, {"test_accuracy": accuracy}, confusion=picture)
    compare(models, best="cnn")

    with mlflow_server("sqlite:///mlflow.db", Path(os.environ["DVC_ROOT"])) as address:
        yield address


@pytest.fixture
def page(browser, server, tmp_path):
    """A page of the UI; a picture of its last state is left in the test's folder."""
    page = browser.new_page(base_url=server, viewport={"width": 1600, "height": 1000})
    strangers = []
    page.on("request", lambda request: strangers.append(request.url))
    yield page
    page.screenshot(path=tmp_path / "page.png")
    page.close()
    ours = (server, "data:", "blob:")
    assert [url for url in strangers if not url.startswith(ours)] == []


def draw(path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 3))
    figure.subplots().imshow([[9, 1], [0, 8]])
    figure.savefig(path)
    return path


def compare(models, best):
    """Log as the stage compare does."""
    folders = sorted(models.iterdir())
    session = Session()
    session.comparison(
        records={each.name: json.loads((each / "training.json").read_text()) for each in folders},
        results={each.name: ["Test accuracy **0.99**."] for each in folders},
        table={"recipe": list(ACCURACIES), "test": [str(each) for each in ACCURACIES.values()]},
        text="| recipe | test |\n| --- | ---: |\n| cnn | 0.9932 |\n",
        best=best,
        minimum=0.9,
    )
    session.close()


def test_the_runs_stand_best_first_with_their_test_accuracy(page):
    page.goto(f"/#/{RUNS}")
    for name, accuracy in ACCURACIES.items():
        page.get_by_role("link", name=name, exact=True).wait_for(timeout=60_000)
        page.get_by_text(str(accuracy), exact=True).first.wait_for()
    best_first = sorted(ACCURACIES, key=ACCURACIES.get, reverse=True)
    heights = [
        page.get_by_role("link", name=name, exact=True).bounding_box()["y"] for name in best_first
    ]
    assert heights == sorted(heights)


def test_a_run_shows_its_curves_pictures_and_model(page, tmp_path):
    page.goto(f"/#/{RUNS}")
    page.get_by_role("link", name="cnn", exact=True).click(timeout=60_000)
    page.get_by_role("tab", name="Model metrics").wait_for()
    for text in ("dvc.yaml:train@cnn", "0.9932", NETWORK):
        page.get_by_text(text).first.wait_for()
    page.screenshot(path=tmp_path / "run.png", full_page=True)

    page.get_by_role("tab", name="Model metrics").click()
    for name in ("loss", "val_accuracy", "test_accuracy"):
        page.get_by_text(name, exact=True).first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    page.screenshot(path=tmp_path / "curves.png")

    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("pictures", exact=True).click()
    page.get_by_text("confusion.png").click()
    page.locator("img[src^='blob:'], img[src*='confusion']").first.wait_for()
    page.screenshot(path=tmp_path / "picture.png")

    page.goto("/#/experiments/1/models?workflowType=machine_learning")
    page.get_by_role("link", name="model", exact=True).first.click()
    page.get_by_text("About this logged model").wait_for()  # the list of models has the rest too
    for text in ("Ready", "val_accuracy"):
        page.get_by_text(text).first.wait_for()


def test_the_model_page_shows_the_champion(page, tmp_path):
    page.goto("/#/models/mnist-classifier")
    page.get_by_text("champion").first.wait_for(timeout=60_000)
    page.screenshot(path=tmp_path / "model.png")
    page.goto("/#/models/mnist-classifier/versions/1")
    page.get_by_text(NETWORK).first.wait_for()
    page.get_by_text("0.993200").first.wait_for()
    page.screenshot(path=tmp_path / "version.png")


def test_two_runs_stand_side_by_side(page, tmp_path):
    page.goto(f"/#/{RUNS}")
    for name in ("cnn", "softmax"):
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        row.get_by_role("checkbox").first.check(timeout=60_000)
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Comparing 2 Runs").wait_for()
    for figure in ("0.993", "0.914"):  # test accuracies, as this page rounds them
        page.get_by_text(figure).first.wait_for()
    page.screenshot(path=tmp_path / "two.png", full_page=True)


def test_the_comparison_is_a_table(page, tmp_path):
    page.goto(f"/#/{RUNS}")
    page.get_by_role("link", name="comparison of 3", exact=True).click(timeout=60_000)
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("comparison.json").click()
    page.get_by_text("0.9932").first.wait_for()
    page.screenshot(path=tmp_path / "table.png")


def test_a_training_can_be_logged_through_the_server(
    server, environment, tmp_path, model_file, capfd
):
    from mlflow import MlflowClient

    environment.setenv("MLFLOW_TRACKING_URI", server)
    log_training(make_training(tmp_path / "models/mlp", model_file))
    assert capfd.readouterr() == ("", "")
    client = MlflowClient(server)
    (run,) = client.search_runs(["1"], "tags.recipe = 'mlp'")
    assert run.data.metrics["val_accuracy"] == 0.9
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"history.csv", "training.json"}
