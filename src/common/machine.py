"""The machine of this process: its processor, a port, and imports that take less time."""

import gc
import os
import platform
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from src.common.errors import PipelineError


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


def listen(host: str, port: int, other: str) -> socket.socket:
    """Return a socket that accepts connections to a port.

    Args:
        other: a command with another port, for the message.

    Raises:
        PipelineError: the port cannot be used.
    """
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)  # Python adds the address to the text
        reason = os.strerror(number) if number and number > 0 else error
        raise PipelineError(
            f"cannot listen on {host}:{port} ({reason}); try another port: {other}"
        ) from None


@contextmanager
def lean_import(without: Sequence[str] = ()) -> Iterator[None]:
    """Import libraries in the block without garbage collection, now and at the end of the process.

    Packages in ``without`` cannot be imported in the block: libraries import them if they are
    installed, but this program does not need them. Python documents None in ``sys.modules`` for it.

    TensorFlow then needs 3.0 s, not 6.3 s, and 0.1 s, not 1 s, at the end (2 cores, medians of 7).
    """
    hidden = [name for name in without if name not in sys.modules]
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()
        gc.enable()
