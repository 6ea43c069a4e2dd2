"""What ``dvc repro`` costs beside training, what MLflow costs, and what having nothing to do."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import yaml

from benchmarks.timing import in_turn, ratio
from src.common.paths import RAW

ROOT = Path(__file__).parent.parent
UNTRACKED = "import sys\n\nsys.stdin.read()\n"  # in place of the process that logs


def environment() -> dict[str, str]:
    """For processes of a checkout: this Python first, nothing of DVC's or of a server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    kept.pop("MLFLOW_TRACKING_URI", None)
    return kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


def command(folder: Path, *words: str) -> float:
    """Run a command in the folder; the seconds it took."""
    started = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return time.perf_counter() - started


def clone(folder: Path, with_data: bool = True) -> Path:
    """The last commit in a checkout of its own, with the raw files as its user's files."""
    checkout = folder / "checkout"
    folder.mkdir(exist_ok=True)
    command(folder, "git", "clone", "-q", str(ROOT), str(checkout))
    for path in RAW.glob("*ubyte*") if with_data else ():
        shutil.copy(path, checkout / "data/incoming")
    return checkout


def no_ops(folder: Path, count: int) -> Path:
    """A project of as many stages, each of which copies the output of the one before."""
    project = folder / "no-ops"
    project.mkdir()
    stages = {
        f"stage{i}": {"cmd": f"cp {i} {i + 1}", "deps": [str(i)], "outs": [str(i + 1)]}
        for i in range(count)
    }
    (project / "0").write_text("a file\n")
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for words in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "repro", "-q"]):
        command(project, *words)
    return project


def training_seconds(checkout: Path) -> float:
    """The seconds of training that the records of all recipes name."""
    records = checkout.glob("models/*/training.json")
    return sum(json.loads(path.read_text())["seconds"] for path in records)


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section."""
    with tempfile.TemporaryDirectory() as name:
        checkout, untracked = clone(Path(name, "tracked")), clone(Path(name, "untracked"))
        (untracked / "src/tracking/__main__.py").write_text(UNTRACKED)
        listed = subprocess.check_output(["dvc", "stage", "list", "--name-only"], cwd=checkout)
        yield "All of it on MNIST in a fresh clone, from the IDX files to the comparison; in turn,"
        yield "the same without MLflow: what would log reads what it gets and does nothing."
        yield "*Overhead*: what is not training, that is, imports, evaluation, MLflow, DVC itself."
        yield ""
        yield "| `dvc repro --force`, seconds | training | overhead | with MLflow / without |"
        yield "| ---: | ---: | ---: | ---: |"
        tracked, others, trainings = [], [], []
        for _ in range(repeat):
            tracked.append(command(checkout, "dvc", "repro", "--force", "--no-run-cache"))
            trainings.append(training_seconds(checkout))
            others.append(command(untracked, "dvc", "repro", "--force", "--no-run-cache"))
        shares = [1 - training / wall for training, wall in zip(trainings, tracked, strict=True)]
        yield (
            f"| {median(tracked):.0f} | {median(trainings):.0f} | {median(shares):.1%} "
            f"({min(shares):.1%}–{max(shares):.1%}) | {ratio(tracked, others)} |"
        )
        stages = len(listed.splitlines())
        bare = no_ops(Path(name), stages)
        seconds = in_turn(
            {
                "ours": lambda: command(checkout, "dvc", "repro"),
                "bare": lambda: command(bare, "dvc", "repro"),
            },
            repeat,
        )
        ours, others = seconds.values()
        yield ""
        yield f"Nothing to do: `dvc repro` here, against DVC with {stages} stages that copy a file."
        yield ""
        yield "| ours, seconds | bare DVC | bare DVC / ours |"
        yield "| ---: | ---: | ---: |"
        yield f"| {median(ours):.2f} | {median(others):.2f} | {ratio(others, ours)} |"
