"""The plots, TensorBoard, and the programs that use trained models, after a real pipeline run."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.fixtures.checkout import TRAINED
from tests.fixtures.commands import EXPERIMENT, PAGES, RUN, commands_with, python_blocks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, copy_trained, shell) -> Path:
    """A checkout with trained models, and an experiment that changes one."""
    checkout = copy_trained(tmp_path_factory.mktemp("use") / "a checkout")
    lock = shell(["sh", "-c", "cksum < requirements.lock"], checkout).stdout.split()[0]
    (checkout / ".venv").mkdir()
    (checkout / f".venv/.installed-{lock}").touch()  # so that `make` installs nothing
    return checkout


def responds(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=30).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def make(checkout, environment, free_port):
    """Start a server with `make`; yield its address when it responds; stop it at the end."""

    @contextmanager
    def started(target: str) -> Iterator[str]:
        port = free_port()
        log = checkout / f"{target}.log"
        server = subprocess.Popen(
            ["make", target, f"PORT={port}"],
            cwd=checkout,
            env=environment,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 120
            while not responds(f"http://127.0.0.1:{port}/"):
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
            assert "Traceback" not in log.read_text()
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)

    return started


def specifications(page: str) -> list[dict]:
    """The Vega-Lite specifications in a page of DVC's plots."""
    found = [json.loads(each) for each in re.findall(r"var spec = (\{.*\});\n", page)]
    return [each for each in found if each]  # DVC writes {} for a plot whose file is missing


def svg(specification: dict) -> str:
    """The drawing of a chart."""
    vl_convert = pytest.importorskip("vl_convert")
    return vl_convert.vegalite_to_svg(specification, vl_version="5.8")


def texts(specification: dict) -> str:
    """All text in a chart."""
    return " ".join(re.findall(r">([^<>]+)</text>", svg(specification)))


def test_all_plots_are_on_one_page(checkout, shell):
    shell(["python", "-m", "src.tracking.sync"], checkout)  # the times of the present models
    shell(["dvc", "plots", "show", "--open"], checkout, BROWSER="true")
    page = (checkout / "dvc_plots/index.html").read_text()
    by_epoch, by_seconds, intervals = specifications(page)
    for chart, axis in ((by_epoch, "epoch"), (by_seconds, "training time in seconds")):
        written = texts(chart)
        for expected in (*TRAINED, axis, "validation accuracy", "90.0%"):
            assert expected in written
    written = texts(intervals)
    metrics = json.loads((checkout / "metrics/test.json").read_text())
    for name in TRAINED:
        assert name in written and f"{metrics[name]['accuracy']:.4f}" in written
    colors = re.findall(r'stroke="(#\w+)" stroke-width="2"', svg(by_epoch))
    assert len(set(colors)) == len(TRAINED), "each recipe has its own color"
    images = {Path(found).name for found in re.findall(r'img src="(static/[^"]+)"', page)}
    folders = ("confusion", "curves", "first_layer", "mistakes")
    expected = {f"workspace_plots_{each}_{name}.png" for each in folders for name in TRAINED}
    expected |= {f"workspace_plots_{each}.png" for each in ("samples", "reliability")}
    assert images == expected


def test_the_plots_compare_two_experiments(checkout, shell):
    shell(["dvc", "plots", "diff", "HEAD", EXPERIMENT, "--open"], checkout, BROWSER="true")
    page = (checkout / "dvc_plots/index.html").read_text()
    for chart in specifications(page):
        written = texts(chart)
        assert "HEAD" in written and EXPERIMENT in written
    assert f"{EXPERIMENT}_plots_first_layer_cnn.png" in page
    assert "HEAD_plots_first_layer_cnn.png" in page


def get_json(url: str):
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


def test_tensorboard_shows_each_training(make):
    with make("tensorboard") as address:
        deadline = time.monotonic() + 60
        expected = {f"digits/{name}/workspace" for name in TRAINED} | {f"digits/cnn/{EXPERIMENT}"}
        runs: dict[str, str] = {}
        while not expected <= runs.keys():  # without the time, which is part of a name
            runs = {run.rsplit("/", 2)[0]: run for run in get_json(f"{address}/data/runs")}
            assert time.monotonic() < deadline
            time.sleep(0.5)
        url = f"{address}/data/plugin"
        assert "epoch_loss" in get_json(f"{url}/scalars/tags")[runs[f"digits/cnn/{EXPERIMENT}"]]
        kernels = runs["digits/mlp_65x2/workspace"].replace("validation", "train")
        assert len(get_json(f"{url}/histograms/tags")[kernels]) == 6
        softmax = runs["digits/softmax/workspace"].replace("validation", "train")
        assert get_json(f"{url}/graphs/info")[softmax]


def test_mlflow_is_started(make):
    with make("ui") as address:
        assert responds(f"{address}/health")


def test_the_notebook_runs_on_the_fallback_dataset(checkout, shell, tmp_path):
    executed, status = tmp_path / "executed.ipynb", ["git", "status", "--porcelain"]
    before = shell(status, checkout).stdout
    shell(["jupyter", "execute", f"--output={executed}", "notebooks/tour.ipynb"], checkout)
    cells = json.loads(executed.read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    printed = "".join("".join(each["text"]) for each in outputs if "text" in each)
    assert re.search(r"^\w+.* \(validation accuracy 0\.\d+, .*\) on digits$", printed, re.M)
    assert re.search(r"^test accuracy 0\.\d+, 360 images$", printed, re.M)
    assert [each["name"] for each in outputs if "name" in each] == ["stdout", "stdout"]
    assert sum("image/png" in each.get("data", ()) for each in outputs) == 4
    assert shell(status, checkout).stdout == before


def test_files_of_test_images_are_predicted(checkout, shell, tmp_path):
    images, labels = (
        np.load(checkout / f"data/processed/test/test_{each}.npy")[:10]
        for each in ("images", "labels")
    )
    files = [tmp_path / f"test-{number}-{label}.png" for number, label in enumerate(labels)]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(255 - image).save(file)
    predict = [sys.executable, "-m", "src.apps.predict", "--model", "mlp_65x2"]
    done = shell([*predict, *map(str, files), "--save", str(tmp_path / "predicted")], checkout)
    assert "model: mlp_65x2" in done.stdout
    found = re.findall(r"^test-\d+-(\d).png \(dark on light.*predicted (\d)", done.stdout, re.M)
    assert len(found) == 10
    assert sum(label == predicted for label, predicted in found) >= 8
    assert done.stdout.count("%") == 100
    assert len(list((tmp_path / "predicted").glob("*.png"))) == 10


def test_without_a_trained_model_the_message_says_what_to_do(new_checkout, shell, tmp_path):
    empty = new_checkout(tmp_path / "empty")
    for arguments in (["src.apps.predict", "--test", "1"], ["src.apps.demo", "--port", "0"]):
        done = shell([sys.executable, "-m", *arguments], empty, fails=True)
        assert done.stderr == "error: no model is trained yet; run `make repro` or `dvc exp run`\n"
        assert done.stdout == ""


@pytest.fixture(scope="module")
def demo(make) -> Iterator[str]:
    with make("demo") as address:
        yield address


def arc(x: float, y: float, across: float, down: float, first: float, last: float) -> list:
    """Points on an ellipse, from one angle to another; 0 is to the right, 90 below."""
    angles = [math.radians(first + (last - first) * step / 24) for step in range(25)]
    return [(x + across * math.cos(angle), y + down * math.sin(angle)) for angle in angles]


STROKES = {
    0: [arc(140, 140, 55, 85, -90, 270)],
    1: [[(145, 50), (140, 230)]],
    2: [[*arc(140, 95, 50, 45, -170, 40), (90, 220), (200, 222)]],
    5: [[(190, 60), (110, 60), (100, 130), *arc(135, 170, 55, 50, -110, 140)]],
    9: [[*arc(140, 100, 45, 45, 0, -360), (185, 100), (180, 160), (165, 230)]],
}


@pytest.fixture
def page(browser, demo, tmp_path):
    page = browser.new_page(base_url=demo, viewport={"width": 1000, "height": 640})
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    page.locator("input[value=mlp_65x2]").check()  # softmax, which is first, is checked
    yield page
    page.screenshot(path=tmp_path / "page.png")
    page.close()
    assert errors == []
    assert [url for url in requests if not url.startswith((demo, "data:"))] == []


def draw(page, strokes) -> None:
    box = page.locator("#pad").bounding_box()
    scale = box["width"] / 280
    for stroke in strokes:
        points = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def test_each_selected_model_predicts_a_drawn_digit(page, tmp_path):
    assert page.locator(".card h2").all_text_contents() == ["softmax–", "mlp_65x2–"]
    for digit, strokes in STROKES.items():
        page.get_by_role("button", name="Clear").click()
        assert page.locator(".label").first.text_content() == "–"
        draw(page, strokes)
        page.locator(f"[data-model=mlp_65x2] .label:text-is('{digit}')").wait_for(timeout=20_000)
        page.screenshot(path=tmp_path / f"{digit}.png")
    percents = page.locator("[data-model=mlp_65x2] .probability").all_text_contents()
    assert sum(float(percent.rstrip("%")) for percent in percents) == pytest.approx(100, abs=1)
    canvas = "document.querySelector('#seen canvas')"
    ink = f"[...{canvas}.getContext('2d').getImageData(0, 0, 28, 28).data]"
    assert page.evaluate(f"{ink}.filter((value, i) => i % 4 === 0 && value > 200).length") > 20
    page.locator("input[value=softmax]").uncheck()
    assert page.locator(".card").count() == 1


def test_a_digit_can_be_drawn_with_the_keyboard(page):
    page.locator("#pad").focus()
    page.keyboard.press("Space")
    for _ in range(15):
        page.keyboard.press("ArrowDown")
    page.locator("[data-model=mlp_65x2] .label:text-is('1')").wait_for(timeout=20_000)
    pen = page.locator("#pen").bounding_box()
    area = page.locator("#pad").bounding_box()
    assert pen["y"] > area["y"] + 0.6 * area["height"]  # it is visible where the line ends
    page.keyboard.press("Escape")
    assert page.locator(".label").first.text_content() == "–"


def test_digits_in_a_row_have_boxes_and_a_stroke_can_be_undone(page):
    draw(page, STROKES[1])
    one = page.locator("[data-model=mlp_65x2] .label:text-is('1')")
    one.wait_for(timeout=20_000)
    before = page.evaluate("pad.toDataURL()")
    for x in (30, 250):
        draw(page, [[(x, 50), (x, 230)]])
    page.locator("#boxes i").nth(2).wait_for(timeout=20_000)
    assert page.locator("[data-model=mlp_65x2] .bars i").count() == 3
    page.get_by_role("button", name="Undo").click()
    page.keyboard.press("Control+z")
    one.wait_for(timeout=20_000)
    assert page.locator("#boxes i").count() == 0
    assert page.evaluate("pad.toDataURL()") == before
    page.keyboard.press("Control+z")
    assert page.locator(".label").first.text_content() == "–"


def test_a_key_shows_a_test_image(page):
    page.keyboard.press("t")
    page.locator("#note").filter(has_text=re.compile(r"test image \d+, actual \d")).wait_for()
    assert page.locator(".label").first.text_content() in "0123456789"
    assert page.evaluate(
        "ink.getImageData(0, 0, 280, 280).data.some((v, i) => i % 4 < 3 && v > 200)"
    )
    assert "one of 10 classes" in page.locator("#meaning").text_content()


def test_the_page_fits_a_phone(browser, demo):
    page = browser.new_page(base_url=demo, viewport={"width": 390, "height": 844}, is_mobile=True)
    page.goto("/")
    page.locator("#choice input").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#pad").bounding_box()["width"] > 300
    for box in [card.bounding_box() for card in page.locator(".card").all()]:
        assert box["y"] + box["height"] < 844  # the predictions are visible without scrolling
    page.close()


@pytest.mark.parametrize("command", commands_with(RUN))
def test_a_command_of_the_pages_runs(checkout, shell, command):
    assert "Traceback" not in shell(["bash", "-c", command], checkout).stderr


PROGRAMS = [each for page in PAGES for each in python_blocks(page)]


@pytest.mark.parametrize(
    "options, package",
    [
        ("onnx", "onnxruntime"),
        ("litert", "ai_edge_litert"),
        ("saved_model --log", "tensorflow"),
    ],
)
def test_an_exported_model_predicts_without_this_project(checkout, shell, options, package):
    pytest.importorskip(package)
    command = ["python", "-m", "src.apps.export", "cnn", "--format", *options.split()]
    assert ("MLflow: cnn is in the run" in shell(command, checkout).stdout) == ("--log" in options)
    (program,) = (each for each in PROGRAMS if "out/cnn" in each and package in each)
    lines = (
        "import numpy as np",
        "images = np.load('data/processed/test/test_images.npy')[:5]",
        program,
        "print(*logits.argmax(axis=1))",
    )
    found = shell([sys.executable, "-c", "\n".join(lines)], checkout)
    predicted = pd.read_csv(checkout / "data/predictions/cnn/test.csv").predicted[:5]
    assert found.stdout.split() == [*map(str, predicted)]


@pytest.mark.parametrize("program", [each for each in PROGRAMS if "out/cnn" not in each])
def test_a_program_of_the_pages_runs(checkout, shell, program, tmp_path):
    file = tmp_path / "program.py"  # TensorFlow reads the source of a compiled function
    file.write_text(program.replace("mnist-classifier@", "mnist-classifier-fallback@"))
    shell([sys.executable, str(file)], checkout, PYTHONPATH=str(checkout))
