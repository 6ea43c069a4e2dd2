"""How a training runs: device, compiler, precision, strategy and buffer size."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from src.common.errors import PipelineError
from src.common.tensorflow import tf
from src.config.recipe import Recipe
from src.training.distributed import Strategy

Device = Literal["cpu", "gpu"]
Compile = Literal["graph", "xla"]
Precision = Literal["float32", "bfloat16"]
# Images of a step × hidden units: float32 is faster with 80,000 (mlp_sigmoid), not with 160,000.
LARGE_STEP = 120_000
CONVOLUTIONAL = ("cnn", "convnet")


@dataclass(frozen=True)
class Execution:
    """The choices for one training, which are printed and logged."""

    device: Device
    compile: Compile
    precision: Precision
    strategy: Strategy = "single"
    buffer_size: int | None = None  # of the shuffle buffer, in images; None: no streaming

    def __str__(self) -> str:
        buffer = "all images" if self.buffer_size is None else f"{self.buffer_size:,} images"
        parts = [self.device, f"{buffer} in memory", self.compile, self.precision]
        return ", ".join(parts if self.strategy == "single" else [self.strategy, *parts])


def choose_execution(
    recipe: Recipe,
    device: Device,
    compile: Literal["auto", Compile],
    precision: Literal["auto", Precision],
    strategy: Strategy = "single",
    buffer_size: int | None = None,
) -> Execution:
    """Replace ``auto`` by the fastest choice for this recipe on this device.

    Raises:
        PipelineError: a setting is not ``auto``, and TensorFlow does not support it here.
    """
    if compile == "xla" and strategy != "single":
        raise PipelineError(
            f"train.compile is xla, which train.strategy {strategy} does not support; set "
            "train.compile to auto"
        )
    has_bfloat16 = compile != "xla" if device == "cpu" else _has_fast_bfloat16(device)
    if precision == "auto":
        gains = has_bfloat16 and _gains_from_bfloat16(recipe, device)
        precision = "bfloat16" if gains else "float32"
    elif precision == "bfloat16" and not has_bfloat16:
        needed = "train.compile graph" if device == "cpu" else "compute capability 8.0 or higher"
        raise PipelineError(
            f"train.precision is bfloat16, which needs {needed} on a {device.upper()}; set "
            "train.precision to auto"
        )
    if compile == "auto":
        # XLA's convolutions are many times slower than the kernels of TensorFlow. It compiles
        # neither the communication of replicas nor products in bfloat16 on a CPU.
        supported = strategy == "single" and (precision, device) != ("bfloat16", "cpu")
        compile = "xla" if supported and recipe.family not in CONVOLUTIONAL else "graph"
    return Execution(device, compile, precision, strategy, buffer_size)


def _gains_from_bfloat16(recipe: Recipe, device: Device) -> bool:
    """Whether bfloat16 is faster than float32; see benchmarks/RESULTS.md.

    For dense layers, which XLA computes in float32, it is if their products are large. On a GPU,
    memory limits their speed.
    """
    if recipe.family in CONVOLUTIONAL:
        return _has_fast_bfloat16(device)
    hidden = [] if recipe.family == "softmax" else recipe.hidden
    large = recipe.batch_size * sum(hidden) >= LARGE_STEP
    return large and device == "cpu" and _has_fast_bfloat16(device)


def _has_fast_bfloat16(device: Device) -> bool:
    """Whether a GPU multiplies bfloat16, or a CPU has tiles for it (AMX).

    With vectors only, bfloat16 is slower than float32: section ``modes`` of the benchmarks.
    """
    if device == "gpu":
        gpus = tf.config.list_physical_devices("GPU")
        details = map(tf.config.experimental.get_device_details, gpus)
        return all(gpu.get("compute_capability", (0, 0)) >= (8, 0) for gpu in details)
    with suppress(OSError):
        return "amx_bf16" in Path("/proc/cpuinfo").read_text("utf-8").split()
    return False
