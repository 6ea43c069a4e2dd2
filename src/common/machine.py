"""The machine that runs this process."""

import os
import platform
from contextlib import suppress
from pathlib import Path


def processor() -> str:
    """The name of the processor, and the number of cores that this process can use.

    On Linux, family, model and stepping are part of it: virtual machines hide the exact name.
    """
    name = platform.processor() or platform.machine()
    with suppress(OSError, KeyError):  # not on Linux, or not an x86 processor
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        pairs = (line.partition(":") for line in lines)
        info = {key.strip(): value.strip() for key, _, value in pairs}
        numbers = "/".join(info[key] for key in ("cpu family", "model", "stepping"))
        name = f"{info['model name']} ({numbers})"
    return f"{name}, {cores()} cores"


def cores() -> int:
    """The number of cores that this process can use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
