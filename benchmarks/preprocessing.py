"""Compare the stage ``preprocess`` with a minimal script, for datasets of different sizes."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.datasets import write_copies
from benchmarks.processes import ROOT, Cost, measure_command
from benchmarks.timing import ratio
from src.common.paths import RAW

SIZES = (1, 10, 50)  # copies of each image
OURS = """
import sys
from pathlib import Path
from types import SimpleNamespace
from src.ingest.preprocess import preprocess
data = SimpleNamespace(split="first", validation=5000, seed=1)
preprocess(Path(sys.argv[1]), Path(sys.argv[2]), data)
"""
MINIMAL = """
import sys
from pathlib import Path
import numpy as np
for path in Path(sys.argv[1]).glob("*ubyte"):
    content = path.read_bytes()
    header = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:header], ">u4")
    np.save(Path(sys.argv[2], path.name), np.frombuffer(content[header:], np.uint8).reshape(shape))
"""
INTRODUCTION = """\
*Ours* checks the data, converts it to `.npy` and separates the validation images. *Minimal* is a
script of `Path.read_bytes` and `np.save`. Each runs in its own process, imports included. MB/s of
pixels and labels; the dataset 10 × contains each image ten times. MB is the peak memory.

| dataset | ours, MB/s | minimal, MB/s | minimal / ours, seconds | ours, MB | minimal, MB |
| --- | ---: | ---: | ---: | ---: | ---: |"""


def run_program(program: str, raw: Path) -> Cost:
    """Run the Python code ``program`` on the files in ``raw``; its output is deleted."""
    with tempfile.TemporaryDirectory(dir=raw.parent) as target:
        return measure_command(ROOT, sys.executable, "-c", program, str(raw), target)


def measure(repeat: int) -> Iterator[str]:
    yield INTRODUCTION
    for times in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder, "raw")
            raw.mkdir()
            size = write_copies(RAW, raw, times) / 1e6
            rounds = [
                (run_program(OURS, raw), run_program(MINIMAL, raw)) for _ in range(repeat + 1)
            ]
        programs = list(zip(*rounds[1:], strict=True))  # the first round is not measured
        ours, minimal = ([cost.seconds for cost in costs] for costs in programs)
        memory = [max(cost.peak_memory for cost in costs) / 1e6 for costs in programs]
        yield (
            f"| {times} × | {size / median(ours):.0f} | {size / median(minimal):.0f} | "
            f"{ratio(minimal, ours)} | {memory[0]:.0f} | {memory[1]:.0f} |"
        )
