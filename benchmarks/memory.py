"""Each stage at 60,000 images and at 8.1 million: memory at the peak, seconds for a million."""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import yaml

from benchmarks.grown import grow
from benchmarks.pipeline import clone, environment
from src.common.paths import RAW
from src.data.splits import SPLITS, load_dataset_info
from src.models.artifacts import load_history, load_record

TIMES = (1, 135)
LIMIT = 2  # GB, train.memory_limit
RECIPES = ("softmax", "softmax_normal", "mlp_65x2")
STAGES = (
    *(["python", "-m", "stages.download"], ["python", "-m", "stages.preprocess"]),
    ["python", "-m", "stages.plan"],
    *(["python", "-m", "stages.train", name] for name in RECIPES),
    ["python", "-m", "stages.evaluate"],
    ["dvc", "commit", "--force", "--quiet", "download", "preprocess"],
)


def prepare(folder: Path, times: int) -> Path:
    """A checkout with so many variants of each image, and two epochs of training."""
    checkout = clone(folder, with_data=False)
    grow(RAW, folder / "incoming", times)
    path = checkout / "params.yaml"
    params = yaml.safe_load(path.read_text("utf-8"))
    params["model"] = list(RECIPES)
    params["data"] |= {"dataset": "local", "folders": [str(folder / "incoming")]}
    params["train"]["memory_limit"] = LIMIT
    for name in RECIPES:
        params["models"][name] |= {"epochs": 2}
    path.write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
    return checkout


def cost(checkout: Path, words: list[str]) -> tuple[float, float]:
    """Seconds, and GB at the peak, of a process; its largest child's if that is larger."""
    started, most = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as said:
        output = {"stdout": said, "stderr": subprocess.STDOUT}
        process = psutil.Popen(words, cwd=checkout, env=environment(), **output)
        while process.poll() is None:
            with suppress(psutil.Error, FileNotFoundError, ProcessLookupError):
                for each in (process, *process.children(recursive=True)):
                    status = Path(f"/proc/{each.pid}/status").read_text()
                    if found := re.search(r"VmHWM:\s*(\d+) kB", status):
                        most = max(most, int(found[1]) * 1024)
            time.sleep(0.02)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{words}: {said.read()}")
    return time.perf_counter() - started, most / 1e9


def later_epochs(checkout: Path) -> dict[str, float]:
    """For each recipe, microseconds for an image in the epochs after the first."""
    found = {}
    for name in RECIPES:
        record = load_record(checkout / "models" / name)
        rows = load_history(checkout / "models" / name)[1:]
        seconds = sum(row["seconds"] for row in rows) / len(rows)
        found[name] = seconds / record["dataset"]["counts"]["train"] * 1e6
    return found


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section; each is measured once, whatever ``repeat``."""
    costs, counts, epochs = [], [], []
    for times in TIMES:
        with tempfile.TemporaryDirectory() as folder:
            checkout = prepare(Path(folder), times)
            costs.append([cost(checkout, stage) for stage in STAGES])
            counts.append(load_dataset_info(checkout / "data/processed")["counts"])
            epochs.append(later_epochs(checkout))
    yield f"{counts[0]['train']:,} and {counts[1]['train']:,} images to train on, two epochs;"
    yield f"{counts[0]['test']:,} and {counts[1]['test']:,} to test on; with"
    yield f"`train.memory_limit: {LIMIT}`. Whole processes, imports included. *More*: seconds for"
    yield "each further million of images."
    yield ""
    few, many = (f"{sum(each.values()):,}" for each in counts)
    yield f"| process | {few} images: s | GB | {many} images: s | GB | more, s per million |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for stage, (seconds, memory), (longer, larger) in zip(STAGES, *costs, strict=True):
        which = {"stages.evaluate": ["test"], "stages.train": ["train"]}.get(stage[2], SPLITS)
        counted = [sum(each[split] for split in which) for each in counts]
        more = (longer - seconds) / (counted[1] - counted[0]) * 1e6
        yield (
            f"| `{' '.join(stage)}` | {seconds:.1f} | {memory:.2f} | {longer:.1f} | {larger:.2f} "
            f"| {more:.2f} |"
        )
    yield ""
    yield "Within a training, in its second epoch, microseconds for an image:"
    yield ""
    yield f"| recipe | {counts[0]['train']:,} images | {counts[1]['train']:,} |"
    yield "| --- | ---: | ---: |"
    for name in RECIPES:
        yield f"| {name} | {epochs[0][name]:.2f} | {epochs[1][name]:.2f} |"
