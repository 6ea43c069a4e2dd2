"""Stage preprocess against the simplest script, and the memory of both as data grow."""

import gzip
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.timing import ratio
from src.common.paths import RAW
from src.ingest import catalog, idx

TIMES = (1, 10, 50)
OURS = """
import sys
from pathlib import Path
from src.ingest.preprocess import preprocess
preprocess(Path(sys.argv[1]), Path(sys.argv[2]), 5000)
"""
SIMPLEST = """
import gzip, sys
from pathlib import Path
import numpy as np
for path in Path(sys.argv[1]).glob("*.gz"):
    content = gzip.decompress(path.read_bytes())
    header = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:header], ">u4")
    np.save(Path(sys.argv[2], path.stem), np.frombuffer(content[header:], np.uint8).reshape(shape))
"""
PEAK = """
import re
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def grow(raw: Path, target: Path, times: int) -> int:
    """Write the raw files with each image ``times`` times; the bytes they hold, unpacked.

    A gzip file may consist of many, so the content is compressed once.
    """
    size = 0
    shutil.copy(raw / "dataset.json", target)
    for name in catalog.NAMES:
        (path,) = raw.glob(f"{name}*")
        shape = idx.read_header(path)
        content = (gzip.decompress if idx.is_gzip(path) else bytes)(path.read_bytes())
        header = 4 + 4 * len(shape)
        body = gzip.compress(content[header:], 6)
        count = (shape[0] * times).to_bytes(4, "big")
        with (target / f"{name}.gz").open("wb") as file:
            file.write(gzip.compress(content[:4] + count + content[8:header]))
            for _ in range(times):
                file.write(body)
        size += (len(content) - header) * times
    return size


def cost(code: str, raw: Path) -> tuple[float, float]:
    """Seconds, and MB of memory at the peak, of a process that runs ``code``."""
    with tempfile.TemporaryDirectory(dir=raw.parent) as target:
        started = time.perf_counter()
        command = [sys.executable, "-c", code + PEAK, str(raw), target]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return time.perf_counter() - started, int(told) * 1024 / 1e6


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section."""
    yield "*Ours* checks, divides and writes; *simplest* is a script of `gzip.decompress` and"
    yield "`np.save`. Each is a process of its own, imports included. MB/s of pixels and labels."
    yield ""
    yield "| data | ours, MB/s | simplest | simplest / ours | ours, peak MB | simplest |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for times in TIMES:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder, "raw")
            raw.mkdir()
            size = grow(RAW, raw, times) / 1e6
            ours, simplest = [], []
            for turn in range(repeat + 1):
                costs = cost(OURS, raw), cost(SIMPLEST, raw)
                if turn:
                    ours.append(costs[0])
                    simplest.append(costs[1])
        seconds = [[each[0] for each in costs] for costs in (ours, simplest)]
        memory = [max(each[1] for each in costs) for costs in (ours, simplest)]
        yield (
            f"| {times} × | {size / median(seconds[0]):.0f} | {size / median(seconds[1]):.0f} | "
            f"{ratio(seconds[1], seconds[0])} | {memory[0]:.0f} | {memory[1]:.0f} |"
        )
