"""How a training runs on its device: compiled by what, and in which precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tensorflow as tf

from src.errors import PipelineError
from src.recipe import Recipe


@dataclass(frozen=True)
class Execution:
    """The choices for one training, as they are printed and logged."""

    device: Literal["cpu", "gpu"]
    compile: Literal["graph", "xla"]
    precision: Literal["float32", "bfloat16"]

    def __str__(self) -> str:
        return f"{self.device}, {self.compile}, {self.precision}"

    def strategy(self) -> tf.distribute.Strategy:
        """The strategy under which variables are made and steps run."""
        return tf.distribute.OneDeviceStrategy(f"/{self.device}:0")

    @contextmanager
    def reduced_precision(self) -> Iterator[None]:
        """Let TensorFlow compute matrix products and convolutions of graphs in bfloat16.

        Weights, sums and all that is sensitive stay in float32; the graph's own rewriter draws
        the line. Only what is called in the block is affected.
        """
        if self.precision == "float32":
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
) -> Execution:
    """What pays for this recipe on this device, unless it is forced.

    On a CPU, XLA fuses the small steps of dense layers to advantage, while its convolutions and
    random numbers are many times slower than TensorFlow's own kernels. Bfloat16 needs processor
    instructions for it, and large products; XLA does not take part in it.

    Raises:
        PipelineError: bfloat16 is asked for where TensorFlow would silently not use it.
    """
    convolutions = recipe.family == "cnn"
    dropout = recipe.family != "softmax" and any(recipe.dropout.model_dump().values())
    if compile == "auto":
        slow_in_xla = convolutions or (dropout and device == "cpu")
        compile = "graph" if slow_in_xla or precision == "bfloat16" else "xla"
    if precision == "auto":
        pays = device == "cpu" and compile == "graph" and (convolutions or dropout)
        precision = "bfloat16" if pays and _has_bfloat16() else "float32"
    if precision == "bfloat16" and (device, compile) != ("cpu", "graph"):
        raise PipelineError(
            f"train.precision is bfloat16, which is to be had on a CPU with train.compile graph, "
            f"not on {device} with {compile}; set train.precision to auto"
        )
    return Execution(device, compile, precision)


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16; unknown, so no, where Linux does not say."""
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
