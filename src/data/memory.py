"""How much of the training split is on the device at once."""

import subprocess
from pathlib import Path
from typing import Literal

import psutil

from src.common.errors import PipelineError

GB = 1e9
# The split stays on the device if it takes no more than this share of the memory: while it is
# brought there, it is in memory twice, and TensorFlow with its programs needs as much again.
RESIDENT_SHARE = 1 / 4
# Else a window of it does. There are up to four at a time: one to train on, the next one being
# read, and a copy of it on its way to the device.
WINDOW_SHARE = 1 / 16
CGROUP = Path("/sys/fs/cgroup/memory.max")


def choose_buffer_size(
    images: tuple[int, int, int],
    batch_size: int,
    limit: float | Literal["auto"],
    device: Literal["cpu", "gpu"],
) -> int | None:
    """The number of images on the device at once; none if all of them stay there.

    Args:
        images: shape ``[N, H, W]`` of the training split, a byte for each point.
        batch_size: a window holds whole batches.
        limit: of the memory, in GB; ``auto`` is all that the device has. Not what is free: the
            same machine is to choose the same each time, as weights depend on it.
        device: where the images are to be.

    Raises:
        PipelineError: the images are to be streamed, and a batch is larger than a window.
    """
    count, height, width = images
    memory = device_memory(device) if limit == "auto" else limit * GB
    if count * height * width <= memory * RESIDENT_SHARE:
        return None
    size = int(memory * WINDOW_SHARE / (height * width))
    if size < batch_size:
        raise PipelineError(
            f"a batch of {batch_size:,} images of {height} × {width} is larger than the window of "
            f"{size:,} that {memory / GB:.1f} GB of memory allow; set batch_size of the recipe "
            "to less, or train.memory_limit to more"
        )
    return size // batch_size * batch_size


def device_memory(device: Literal["cpu", "gpu"]) -> float:
    """All of a device's memory in bytes, in use or not; of several GPUs, the smallest one's."""
    if device == "gpu":
        return _gpu_memory()
    memory = psutil.virtual_memory().total
    try:
        return min(memory, int(CGROUP.read_text()))  # a container's own limit
    except (OSError, ValueError):  # not a container, or "max"
        return memory


def _gpu_memory() -> float:
    # TensorFlow tells how much it has taken, not how much there is.
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return min(float(line) for line in told.stdout.split()) * 2**20
    except (OSError, ValueError, subprocess.SubprocessError):
        raise PipelineError(
            "nvidia-smi, which comes with the driver, does not tell how much memory the GPU has; "
            "set train.memory_limit to it, in GB"
        ) from None
