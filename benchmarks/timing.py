"""Programs timed alternately, so that a change in the speed of the machine affects all of them."""

import platform
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median

from src.common.machine import processor

Seconds = dict[str, list[float]]  # program: seconds of each round


def alternate(
    programs: dict[str, Callable[[], object]], repeat: int, pause: float = 0.0
) -> Seconds:
    """Time all programs in each of ``repeat`` rounds, after one round that is not measured.

    ``pause``: the seconds between two programs.
    """
    seconds: Seconds = {name: [] for name in programs}
    for number in range(repeat + 1):
        for name, program in programs.items():
            time.sleep(pause)
            started = time.perf_counter()
            program()
            if number > 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio(numerator: list[float], denominator: list[float]) -> str:
    """Divide the seconds of two programs in each round: ``median (minimum–maximum)``."""
    ratios = [a / b for a, b in zip(numerator, denominator, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def instructions() -> str:
    """The instructions that decide how fast products are: AMX, AVX-512 or AVX2."""
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text("utf-8").split()
        for flag, name in {"amx_bf16": "AMX", "avx512f": "AVX-512"}.items():
            if flag in flags:
                return name
    return "AVX2"


def describe_machine() -> str:
    """The processor and the versions of the main packages, in one line."""
    packages = ("tensorflow", "keras", "numpy", "dvc", "mlflow")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{processor()}, Python {platform.python_version()}, {versions}"
