"""Programs timed in turn, so that a machine that slows down slows all of them."""

import os
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

Seconds = dict[str, list[float]]  # of each program, a number for each turn


def in_turn(programs: dict[str, Callable[[], object]], repeat: int) -> Seconds:
    """Run all programs ``repeat`` times in turn, after a turn that is not counted."""
    seconds: Seconds = {name: [] for name in programs}
    for turn in range(repeat + 1):
        for name, program in programs.items():
            started = time.perf_counter()
            program()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio(peer: list[float], ours: list[float]) -> str:
    """How many times as long the peer takes: median of the turns, least and most."""
    ratios = [a / b for a, b in zip(peer, ours, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def machine() -> str:
    """The machine and the versions, as the results name them."""
    found = None
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    processor = found[1] if found else platform.processor()
    packages = ("tensorflow", "keras", "numpy", "dvc", "mlflow")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
