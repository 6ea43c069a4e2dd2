"""How many images of the training split are in the memory of the device at the same time."""

import subprocess
from pathlib import Path
from typing import Literal

import psutil

from src.common.errors import PipelineError

GB = 1e9
# The split stays on the device if it needs at most this fraction of the memory: it is in memory
# twice while it is copied, and TensorFlow needs as much again.
RESIDENT_FRACTION = 1 / 4
# Otherwise it is streamed, and a buffer needs this fraction. Up to four exist at the same time.
BUFFER_FRACTION = 1 / 16
INFERENCE_BATCH = 1000  # images that are predicted at the same time, at most
INFERENCE_VALUES = 25_600_000  # of the largest layer, computed at the same time: 0.1 GB
CGROUP = Path("/sys/fs/cgroup/memory.max")


def choose_buffer_size(
    images: tuple[int, int, int],
    batch_size: int,
    limit: float | Literal["auto"],
    device: Literal["cpu", "gpu"],
) -> int | None:
    """Return the size of the shuffle buffer in images; None if the complete split stays loaded.

    Args:
        images: shape ``[N, H, W]`` of the training split, uint8.
        limit: ``train.memory_limit`` in GB; ``auto`` is the total memory of the device, not the
            free memory: weights depend on the buffer size, which must always be the same.

    Raises:
        PipelineError: the split must be streamed, and a batch is larger than the buffer.
    """
    count, height, width = images
    memory = device_memory(device) if limit == "auto" else limit * GB
    if count * height * width <= memory * RESIDENT_FRACTION:
        return None
    size = int(memory * BUFFER_FRACTION / (height * width))
    if size < batch_size:
        raise PipelineError(
            f"a batch of {batch_size:,} images of {height} × {width} pixels is larger than the "
            f"shuffle buffer of {size:,} images that {memory / GB:.1f} GB of memory allow; "
            "decrease batch_size of the recipe, or increase train.memory_limit"
        )
    return size // batch_size * batch_size


def inference_batch(values: int) -> int:
    """Return how many images to predict at once; ``values`` of the largest layer per image."""
    return min(INFERENCE_BATCH, max(1, INFERENCE_VALUES // values))


def device_memory(device: Literal["cpu", "gpu"]) -> float:
    """Return the total memory of a device in bytes; of several GPUs, the smallest value."""
    if device == "cpu":
        memory = psutil.virtual_memory().total
        try:
            return min(memory, int(CGROUP.read_text()))  # the limit of a container
        except (OSError, ValueError):  # not in a container, or "max"
            return memory
    # TensorFlow reports the memory that it has allocated, not the total memory.
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return min(float(line) for line in done.stdout.split()) * 2**20
    except (OSError, ValueError, subprocess.SubprocessError):
        raise PipelineError(
            "nvidia-smi, a program of the NVIDIA driver, did not report the memory of the GPU; "
            "set train.memory_limit to the memory of the GPU in GB"
        ) from None
