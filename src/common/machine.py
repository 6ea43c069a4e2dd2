"""The machine that runs this process."""

import os
import platform
import re
from contextlib import suppress
from pathlib import Path


def processor() -> str:
    """The name of the processor, and the number of cores that this process can use."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):  # not on Linux
        if found := re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8")):
            name = found[1]
    return f"{name}, {cores()} cores"


def cores() -> int:
    """The number of cores that this process can use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
