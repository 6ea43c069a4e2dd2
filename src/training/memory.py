"""The memory of a training: how many images are on the device, and whether all fits.

The training split stays on the device if it needs at most a quarter of the memory. Otherwise it is
streamed through a shuffle buffer.
"""

import subprocess
from math import prod
from pathlib import Path
from typing import Literal

import psutil

from src.common.errors import PipelineError
from src.models.inference import Predictor
from src.training.steps import Steps

GB = 1e9
FLOAT_BYTES = 4
# There are two copies of the split while it moves to the device; the rest needs memory, too.
RESIDENT_FRACTION = 1 / 4
BUFFER_FRACTION = 1 / 16
BUFFERS = 4  # that exist at the same time, at most
BASE_BYTES = 1_000_000_000  # of TensorFlow with its programs and the libraries that it loads
CGROUP = Path("/sys/fs/cgroup/memory.max")


def choose_buffer_size(images: tuple[int, int, int], batch_size: int, memory: float) -> int | None:
    """Return the size of the shuffle buffer in images; None if the complete split stays loaded.

    Args:
        images: shape ``[N, H, W]`` of the training split, uint8.
        memory: in bytes; see ``usable_memory``.

    Raises:
        PipelineError: the split must be streamed, and a batch is larger than the buffer.
    """
    count, height, width = images
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


def memory_of_training(
    steps: Steps, images: tuple[int, int, int], batch_size: int, buffer_size: int | None
) -> int:
    """Estimate the memory of a training in bytes.

    Weights exist also as gradients, in the optimizer, as a moving average, and as a copy while a
    checkpoint is written. Of the hidden values of a batch, the estimate counts those that the
    gradients need, and copies of the largest layer.

    Args:
        images: shape ``[N, H, W]`` of the training split, uint8.
        buffer_size: of the shuffle buffer, in images; None if all images are on the device.
    """
    split = BUFFERS * buffer_size * prod(images[1:]) if buffer_size else 2 * prod(images)
    model = steps.exported
    state = sum(prod(variable.shape) for variable in steps.variables())
    weights = 2 * (state + model.count_params())
    values = [prod(layer.output.shape[1:]) for layer in model.layers]
    training = batch_size * (sum(values) + 2 * max(values))
    inference = 2 * Predictor(model).batch_size * max(values)
    return split + BASE_BYTES + FLOAT_BYTES * (weights + max(training, inference))


def usable_memory(limit: float | Literal["auto"], device: Literal["cpu", "gpu"]) -> float:
    """Return the bytes that a training may use.

    Args:
        limit: ``train.memory_limit`` in GB; ``auto`` is the total memory of the device (of several
            GPUs, of the smallest one), not the free memory: weights depend on the buffer size,
            which must always be the same.

    Raises:
        PipelineError: the memory of the GPU is unknown.
    """
    if limit != "auto":
        return limit * GB
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
