"""Update what ``dvc plots`` needs, and its picture in the README.

``python -m benchmarks.plots_page`` copies Vega from the package vl-convert-python into
``.dvc/plots/page.html``, so that the page needs no network. Then it draws the results of this
checkout, and saves the picture.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import vl_convert
from playwright.sync_api import sync_playwright

from benchmarks.processes import ROOT
from src.common.errors import run
from src.common.markdown import replace_section

PAGE = ROOT / ".dvc/plots/page.html"
PICTURE = ROOT / "docs/images/plots.png"
WIDTH = 1160  # pixels; two charts are next to each other
LAST = "#validation_accuracy_by_training_time"  # the last chart in the picture


def with_libraries(page: str) -> str:
    """The page of ``dvc plots`` with Vega-Embed, Vega-Lite and Vega of vl-convert-python."""
    libraries = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return replace_section(page, "vega", f"<script>(() => {{{libraries}}})()</script>")


def take_picture(address: str) -> None:
    """Save the page from its top to the last chart."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        size = {"width": WIDTH, "height": 800}
        page = chromium.new_page(viewport=size, device_scale_factor=1.25)
        page.goto(address)
        chart = page.locator(f"{LAST} .chart-wrapper").bounding_box() or {}
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": chart["y"] + chart["height"] + 10}
        page.screenshot(path=PICTURE, clip=clip, full_page=True)
        chromium.close()


def main() -> None:
    PAGE.write_text(with_libraries(PAGE.read_text("utf-8")), "utf-8")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dvc", "plots", "show", "-o", folder], cwd=ROOT, check=True)
        take_picture((Path(folder) / "index.html").as_uri())


if __name__ == "__main__":
    run(main)
