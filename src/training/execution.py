"""How a training runs: device, compiler, precision, strategy and buffer size."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

    def policy(self) -> str:
        """Return Keras' name of the precision of the layers."""
        reduced = self.precision == "bfloat16" and self.device == "gpu"
        return "mixed_bfloat16" if reduced else "float32"

    @contextmanager
    def graph_rewriter(self) -> Iterator[None]:
        """On a CPU, let TensorFlow's graph rewriter use bfloat16 in graphs that the block calls.

        It converts matrix products and convolutions, but not weights and sums. On a CPU, this is
        faster than the policy of Keras.
        """
        if (self.precision, self.device) != ("bfloat16", "cpu"):
            yield
            return
        option = "auto_mixed_precision_onednn_bfloat16"
        tf.config.optimizer.set_experimental_options({option: True})
        try:
            yield
        finally:
            tf.config.optimizer.set_experimental_options({option: False})


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
    if compile == "auto":
        compile = _choose_compile(recipe, device, precision, strategy)
    if precision == "auto":
        precision = _choose_precision(recipe, device, compile)
    elif precision == "bfloat16" and (device, compile) == ("cpu", "xla"):
        raise PipelineError(
            "train.precision is bfloat16, which a CPU supports with train.compile graph, not with "
            "xla; set train.precision to auto"
        )
    elif precision == "bfloat16" and device == "gpu" and not _has_bfloat16(device):
        raise PipelineError(
            "train.precision is bfloat16, which needs a GPU of compute capability 8.0 or higher; "
            "set train.precision to auto"
        )
    return Execution(device, compile, precision, strategy, buffer_size)


def _choose_compile(recipe: Recipe, device: Device, precision: str, strategy: Strategy) -> Compile:
    """Choose XLA where it is supported and faster.

    XLA fuses the small operations of dense layers. Its convolutions, and on a CPU its random
    numbers, are many times slower than the kernels of TensorFlow. It compiles neither the
    communication of replicas nor bfloat16 on a CPU.
    """
    supported = strategy == "single" and (precision, device) != ("bfloat16", "cpu")
    slower = recipe.family == "cnn" or (_has_dropout(recipe) and device == "cpu")
    return "xla" if supported and not slower else "graph"


def _choose_precision(recipe: Recipe, device: Device, compile: Compile) -> Precision:
    """Choose bfloat16 where it is supported and faster: for large matrix products.

    On a GPU, memory limits the speed of dense layers of these sizes, not arithmetic.
    """
    faster = recipe.family == "cnn" or (_has_dropout(recipe) and device == "cpu")
    supported = (device, compile) != ("cpu", "xla")
    return "bfloat16" if faster and supported and _has_bfloat16(device) else "float32"


def _has_dropout(recipe: Recipe) -> bool:
    return recipe.family != "softmax" and any(recipe.dropout.model_dump().values())


def _has_bfloat16(device: Device) -> bool:
    """Whether the device multiplies bfloat16; False if the operating system does not report it."""
    if device == "gpu":
        gpus = tf.config.list_physical_devices("GPU")
        details = map(tf.config.experimental.get_device_details, gpus)
        return all(each.get("compute_capability", (0, 0)) >= (8, 0) for each in details)
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text("utf-8")
        return "avx512_bf16" in flags or "amx_bf16" in flags
    return False
