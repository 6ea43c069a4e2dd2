"""The schema of the initial values of weights and biases."""

from typing import Annotated, Literal

from pydantic import Field

from src.config.block import Block

Value = Annotated[float, Field(ge=-1000, le=1000)]
Stddev = Annotated[float, Field(ge=0, le=1000)]


class Zeros(Block):
    kind: Literal["zeros"]


class Constant(Block):
    kind: Literal["constant"]
    value: Value


class Normal(Block):
    kind: Literal["normal"]
    mean: Value = 0.0
    stddev: Stddev


class TruncatedNormal(Block):
    """A normal distribution; values more than two standard deviations from the mean are redrawn."""

    kind: Literal["truncated_normal"]
    mean: Value = 0.0
    stddev: Stddev


class GlorotUniform(Block):
    """The default of ``tf.get_variable`` in TensorFlow 1, also for biases."""

    kind: Literal["glorot_uniform"]


class NoBias(Block):
    kind: Literal["none"]


Weights = Annotated[
    Zeros | Constant | Normal | TruncatedNormal | GlorotUniform, Field(discriminator="kind")
]
Bias = Annotated[
    Zeros | Constant | Normal | TruncatedNormal | GlorotUniform | NoBias,
    Field(discriminator="kind"),
]
