"""Measure the speed of this project: `make bench` updates all of `benchmarks/RESULTS.md`.

`python -m benchmarks.run SECTION …` updates only these sections. Sections of other pages, listed
below in `PAGES`, are measured only if they are named. Each section is a module with a function
`measure`, which takes the number of rounds and yields the Markdown of the section.

`make bench` can be stopped and started again: it measures no section whose page says that it was
measured on this machine, at this commit and with as many rounds. `--again` measures all of them.
"""

import argparse
import re
import subprocess
import time
from importlib import import_module
from pathlib import Path

from rich.console import Console

from benchmarks.processes import ROOT
from benchmarks.readme import replace_section
from benchmarks.timing import describe_machine, instructions
from src.common.errors import PipelineError, run

DOCS, RESULTS, DETAILS = (
    ROOT / "docs",
    ROOT / "benchmarks/RESULTS.md",
    ROOT / "benchmarks/DETAILS.md",
)
PAGES: dict[str, Path] = {
    **dict.fromkeys(("training", "peers", "modes", "inference", "pipeline", "waits"), RESULTS),
    **dict.fromkeys(("memory", "streaming", "workers", "sweeps", "portability"), DETAILS),
    **dict.fromkeys(("crossval", "layers", "batch_accuracy", "durations"), DETAILS),
    **dict.fromkeys(("sorted_classes", "photographs", "disputed"), DETAILS),
    "fidelity": DOCS / "fidelity.md",
    **dict.fromkeys(("pictures", "unfamiliar"), DOCS / "prediction.md"),
    **dict.fromkeys(("modern", "robustness"), DOCS / "modern.md"),
}
BY_PROCESSOR = ("training", "peers", "modes")  # with a part for each kind of processor
CODE = ("src", "stages", "examples", "benchmarks/*.py", ":(glob)*.yaml", "requirements.lock")
MACHINE = re.compile(r"^Measured on .+?(?=, at commit)", re.M)
ABOVE = "Measured as above"  # on the machine of the first section of a page
CHANGED = "with changes"  # in the place of a commit: such a section is always measured again


def origin(name: str, repeat: int) -> str:
    """The first line of a section, up to its duration: machine, commit and command."""
    command = f"`python -m benchmarks.run {name} --repeat {repeat}`"
    return f"Measured on {describe_machine()}, at commit {last_commit()}, by {command}, in "


def last_commit() -> str:
    """The last commit that changed the code, its parameters or its packages."""
    changes = _git("status", "--porcelain", "--", *CODE)
    return CHANGED if changes else _git("log", "-1", "--format=%h", "--", *CODE)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def is_measured(name: str, repeat: int) -> bool:
    """Whether the page has the section as this machine and this commit would measure it."""
    start = origin(name, repeat)
    return CHANGED not in start and start in PAGES[name].read_text("utf-8")


def mark(name: str) -> str:
    """What the comments around a section, or its part for this processor, contain."""
    return f"{name} {instructions()}" if name in BY_PROCESSOR else name


def last_duration(name: str) -> str:
    """How long the last measurement of a section took, from its page."""
    command = rf"by `python -m benchmarks\.run {name} --repeat (\d+)`, in (\d+) s\.$"
    found = re.search(command, PAGES[name].read_text("utf-8"), re.M)
    if not found:
        return "its duration is not known"
    return f"about {max(1, round(int(found[2]) / 60))} min, the last time, with --repeat {found[1]}"


def measure(name: str, repeat: int, console: Console) -> None:
    """Measure a section, print it, and write it into its page.

    Raises:
        PipelineError: this machine lacks what the section needs.
    """
    start, started, lines = origin(name, repeat), time.monotonic(), [""]
    console.print(f"\n{name}\n", style="bold")
    for line in import_module(f"benchmarks.{name}").measure(repeat):
        console.print(line)
        lines.append(line)
    part = "\n".join([f"{start}{time.monotonic() - started:.0f} s.", *lines])
    page = PAGES[name]
    text = page.read_text("utf-8")
    if first := MACHINE.search(text):
        text = text.replace(ABOVE, first[0])
    text = replace_section(text, mark(name), part)
    if page.parent == DOCS:
        text = machine_once(text)
    page.write_text(text, "utf-8")


def machine_once(text: str) -> str:
    """A page that names the machine of its first section only once."""
    first = MACHINE.search(text)
    return text[: first.end()] + text[first.end() :].replace(first[0], ABOVE) if first else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(PAGES))
    parser.add_argument("--repeat", type=int, default=5, help="measured rounds (default: 5)")
    parser.add_argument("--again", action="store_true", help="measure all sections again")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(PAGES):
        parser.error(f"unknown section {', '.join(unknown)}; choose from {', '.join(PAGES)}")
    console = Console(highlight=False, soft_wrap=True)
    planned = []
    for name in options.sections or [name for name, page in PAGES.items() if page == RESULTS]:
        if not (options.sections or options.again) and is_measured(name, options.repeat):
            console.print(f"{name}: already measured on this machine at this commit")
        else:
            console.print(f"{name}: {last_duration(name)}")
            planned.append(name)
    for name in planned:
        try:
            measure(name, options.repeat, console)
        except PipelineError as error:
            if options.sections:
                raise
            console.print(f"not measured: {error}")  # the other sections can be


if __name__ == "__main__":
    run(main)
