"""Measure the speed of this project: ``make bench`` updates all of ``benchmarks/RESULTS.md``.

``python -m benchmarks.run SECTION …`` updates only these sections. Sections of other pages, listed
below in ``PAGES``, are measured only if they are named. Each section is a module with a function
``measure``, which takes the number of rounds and yields the Markdown of the section.
"""

import argparse
from importlib import import_module
from pathlib import Path

from rich.console import Console

from benchmarks.processes import ROOT
from benchmarks.timing import describe_machine
from src.common.errors import run
from src.common.markdown import replace_section

RESULTS, SCALE = ROOT / "benchmarks/RESULTS.md", ROOT / "docs/scale.md"
PAGES: dict[str, Path] = {
    **dict.fromkeys(("training", "target", "precision", "tensorboard"), RESULTS),
    **dict.fromkeys(("inference", "preprocessing", "pipeline"), RESULTS),
    **dict.fromkeys(("memory", "streaming", "workers", "sweeps"), SCALE),
    "portability": ROOT / "docs/reproducibility.md",
    "fidelity": ROOT / "docs/fidelity.md",
    "durations": ROOT / "docs/recipes.md",
    **dict.fromkeys(("unfamiliar", "photographs"), ROOT / "docs/prediction.md"),
    "batch_accuracy": ROOT / "docs/recipes.md",
    "sorted_classes": ROOT / "docs/datasets.md",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(PAGES))
    parser.add_argument("--repeat", type=int, default=5, help="measured rounds (default: 5)")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(PAGES):
        parser.error(f"unknown section {', '.join(unknown)}; choose from {', '.join(PAGES)}")
    console = Console(highlight=False, soft_wrap=True)
    for name in options.sections or [name for name, page in PAGES.items() if page == RESULTS]:
        lines = [f"Measured on {describe_machine()}.", ""]
        console.print(f"\n{name}\n", style="bold")
        for line in import_module(f"benchmarks.{name}").measure(options.repeat):
            console.print(line)
            lines.append(line)
        page = PAGES[name]
        page.write_text(replace_section(page.read_text("utf-8"), name, "\n".join(lines)), "utf-8")


if __name__ == "__main__":
    run(main, is_stage=False)
