"""How a training runs on its device: compiled by what, and in which precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tensorflow as tf

from src.common.errors import PipelineError
from src.config.recipe import Recipe
from src.training.distributed import Strategy


@dataclass(frozen=True)
class Execution:
    """The choices for one training, as they are printed and logged."""

    device: Literal["cpu", "gpu"]
    compile: Literal["graph", "xla"]
    precision: Literal["float32", "bfloat16"]
    strategy: Strategy = "single"
    buffer_size: int | None = None  # images on the device at once; none: all of them

    def __str__(self) -> str:
        images = (
            "all images on it"
            if self.buffer_size is None
            else f"{self.buffer_size:,} images at a time"
        )
        parts = [self.device, images, self.compile, self.precision]
        return ", ".join(parts if self.strategy == "single" else [self.strategy, *parts])

    def policy(self) -> str:
        """Keras' name of the precision that the layers compute in."""
        reduced = self.precision == "bfloat16" and self.device == "gpu"
        return "mixed_bfloat16" if reduced else "float32"

    @contextmanager
    def rewritten(self) -> Iterator[None]:
        """On a CPU, let TensorFlow compute matrix products and convolutions in bfloat16.

        Weights, sums and all that is sensitive stay in float32; the graph's own rewriter draws
        the line, which is faster there than Keras' policy. Only graphs called in the block are
        affected.
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
    device: Literal["cpu", "gpu"],
    compile: Literal["auto", "graph", "xla"],
    precision: Literal["auto", "float32", "bfloat16"],
    strategy: Strategy = "single",
    buffer_size: int | None = None,
) -> Execution:
    """What pays for this recipe on this device, unless it is forced.

    On a CPU, XLA fuses the small steps of dense layers to advantage, while its convolutions and
    random numbers are many times slower than TensorFlow's own kernels. It does not compile what
    several replicas tell each other. Bfloat16 needs a processor that multiplies it, and large
    products; on a CPU, XLA does not take part in it.

    Raises:
        PipelineError: XLA or bfloat16 is asked for where TensorFlow would silently not use it.
    """
    convolutions = recipe.family == "cnn"
    dropout = recipe.family != "softmax" and any(recipe.dropout.model_dump().values())
    if compile == "xla" and strategy != "single":
        raise PipelineError(
            f"train.compile is xla, which does not go with train.strategy {strategy}; set "
            "train.compile to auto"
        )
    if compile == "auto":
        slow_in_xla = convolutions or (dropout and device == "cpu")
        impossible = strategy != "single" or (precision == "bfloat16" and device == "cpu")
        compile = "graph" if slow_in_xla or impossible else "xla"
    if precision == "auto":
        # On a GPU, dense layers as small as these wait for memory, not for products.
        pays = convolutions or (dropout and device == "cpu")
        pays = pays and (device, compile) != ("cpu", "xla")
        precision = "bfloat16" if pays and _has_bfloat16(device) else "float32"
    elif precision == "bfloat16" and (device, compile) == ("cpu", "xla"):
        raise PipelineError(
            "train.precision is bfloat16, which is to be had on a CPU with train.compile graph, "
            "not with xla; set train.precision to auto"
        )
    elif precision == "bfloat16" and device == "gpu" and not _has_bfloat16(device):
        raise PipelineError(
            "train.precision is bfloat16, which a GPU multiplies from compute capability 8.0 on; "
            "set train.precision to auto"
        )
    return Execution(device, compile, precision, strategy, buffer_size)


def _has_bfloat16(device: Literal["cpu", "gpu"]) -> bool:
    """Whether it multiplies bfloat16; unknown, so no, where a processor's system does not say."""
    if device == "gpu":
        details = map(
            tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU")
        )
        return all(each.get("compute_capability", (0, 0)) >= (8, 0) for each in details)
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
