"""This program against its peers: ``make bench`` writes ``benchmarks/RESULTS.md``.

``python -m benchmarks.run SECTION …`` measures these sections anew and keeps the others. Those of
docs/scale.md, ``memory``, ``streaming``, ``workers`` and ``sweeps``, are measured only so.
"""

import argparse
import re
from importlib import import_module
from pathlib import Path

from rich.console import Console

from benchmarks.timing import machine
from src.common.errors import run
from src.common.markdown import replace_section

RESULTS = Path(__file__).with_name("RESULTS.md")
SCALE = Path(__file__).parent.parent / "docs/scale.md"
SECTIONS = (
    *("training", "target", "precision", "tensorboard", "inference", "preprocessing", "pipeline"),
)
OF_SCALE = ("memory", "streaming", "workers", "sweeps")
HEADING = """# Results

Made by `make bench`; `python -m benchmarks.run SECTION …` measures some sections anew. Programs
run in turn, and figures are medians of all turns. A ratio is of one turn, with the least and the
most in brackets: above 1, ours is faster. No section but `pipeline` sees the test split.
"""


def results(text: str, measured: dict[str, str]) -> str:
    """The results with the measured sections in place of the old, in the order of SECTIONS."""
    parts = re.split(r"^## (\w+)\n", text, flags=re.MULTILINE)
    kept = dict(zip(parts[1::2], parts[2::2], strict=True)) | measured
    sections = [f"## {name}\n\n{kept[name].strip()}\n" for name in SECTIONS if name in kept]
    return "\n".join([HEADING, *sections])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--repeat", type=int, default=5, help="counted turns")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    known = SECTIONS + OF_SCALE
    if unknown := set(options.sections) - set(known):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(known)}")
    console = Console(highlight=False, soft_wrap=True)
    for name in options.sections or SECTIONS:
        lines = [f"Measured on {machine()}.", ""]
        console.print(f"\n{name}\n", style="bold")
        for line in import_module(f"benchmarks.{name}").measure(options.repeat):
            console.print(line)
            lines.append(line)
        if name in OF_SCALE:
            SCALE.write_text(
                replace_section(SCALE.read_text("utf-8"), name, "\n".join(lines)), "utf-8"
            )
            continue
        old = options.output.read_text("utf-8") if options.output.exists() else ""
        options.output.write_text(results(old, {name: "\n".join(lines)}), "utf-8")


if __name__ == "__main__":
    run(main)
