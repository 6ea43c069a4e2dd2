"""The commands of the README for a user's own images: from a folder of files to the browser."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.slow
README = Path(__file__).parent.parent / "README.md"
NAMES = ("Tür & Tor", "$x_1$ [red]", "猫 neko")


def picture(name: str, random: np.random.Generator) -> Image.Image:
    """A colored drawing of a rectangle, a line or a circle, on a light background."""
    image = Image.new("RGB", (90, 60), tuple(random.integers(200, 256, 3).tolist()))
    pen, ink = ImageDraw.Draw(image), tuple(random.integers(0, 90, 3).tolist())
    left, top = random.integers(5, 35, 2) * (1, 0.5)
    draw = dict(zip(NAMES, (pen.rectangle, pen.line, pen.ellipse), strict=True))[name]
    draw((left, top, left + 35, top + 35), ink, width=5)
    return image


def commands() -> list[list[str]]:
    """The words of each command in the section, without the comments."""
    section = README.read_text("utf-8").split("## Your own images")[1].split("\n## ")[0]
    return [shlex.split(line, comments=True) for line in re.findall(r"^ {4}(\S.*)", section, re.M)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, new_checkout) -> Path:
    """A checkout before any run, and the images of the user."""
    checkout = new_checkout(tmp_path_factory.mktemp("own") / "checkout")
    random = np.random.default_rng(0)
    for name in NAMES:
        (checkout / "pictures" / name).mkdir(parents=True)
        for number in range(60):
            picture(name, random).save(checkout / "pictures" / name / f"{number}.png")
    picture(NAMES[2], random).save(checkout / "picture.png")
    return checkout


@pytest.fixture(scope="module")
def outputs(checkout, shell) -> list[str]:
    """The outputs of the commands that read the user's files; the last one starts the demo."""
    _, imports, _, trains, _, predicts, demo = commands()
    assert demo == ["make", "demo"]
    return [shell(each, checkout).stdout for each in (imports, trains, predicts)]


def test_the_classes_have_their_names_everywhere(checkout, outputs):
    imported, trained, predicted = outputs
    assert "data/incoming: 144 training and 36 test images of 28×28, 3 classes" in imported
    assert "Recipes on local, best on validation first" in trained
    assert f"picture.png (90×60: scaled to fit): predicted {NAMES[2]}\n" in predicted
    per_class = pd.read_csv(checkout / "metrics/per_class.csv")
    assert set(per_class.label) == set(NAMES)
    summary = json.loads((checkout / "metrics/summary.json").read_text())
    assert max(summary["test"].values()) > 0.7  # by chance: 0.33


def test_an_image_is_dropped_on_the_page(checkout, outputs, environment, serving, browser):
    with serving(["src.apps.demo"], checkout, environment) as address:
        page = browser.new_page(base_url=address, viewport={"width": 1000, "height": 640})
        use_the_page(page, checkout)
        page.close()


def use_the_page(page, checkout) -> None:
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    page.locator("#choice input").first.wait_for()
    assert page.title() == page.locator("h1").text_content() == "Predict an image"
    page.locator("#file").set_input_files(checkout / "picture.png")
    label = page.locator(".card .label").first
    label.filter(has_text=NAMES[2]).wait_for(timeout=20_000)
    names = page.locator(".card").first.locator(".bars span:nth-child(3n+1)").all_text_contents()
    assert names == sorted(NAMES)
    page.evaluate(
        """async () => {
            const blob = await (await fetch("data:image/png;base64,AAAA")).blob();
            const files = new DataTransfer();
            files.items.add(new File([blob], "broken.png", {type: "image/png"}));
            dispatchEvent(new DragEvent("drop", {dataTransfer: files}));
        }"""
    )
    page.locator("#message").filter(has_text="cannot be read as an image").wait_for()
    assert errors == []
