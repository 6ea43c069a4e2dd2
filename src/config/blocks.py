"""The blocks of a recipe: initial values, optimizer, schedule of the learning rate, augmentation.

Defaults are those of Keras.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Value = Annotated[float, Field(ge=-1000, le=1000)]
NotNegative = Annotated[float, Field(ge=0, le=1000)]
LearningRate = Annotated[float, Field(gt=0, le=1000)]
Epsilon = Annotated[float, Field(gt=0, le=1)]
Pixels = Annotated[float, Field(ge=0, le=100)]
# The descriptions of the fields are in docs/parameters.md: `python -m benchmarks.parameters`.
WEIGHT_DECAY = "A step multiplies kernels by 1 - learning_rate × this."


class Block(BaseModel):
    """A block of parameters: no unknown keys, no type conversions, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Zeros(Block):
    """All are 0."""

    kind: Literal["zeros"]


class GlorotUniform(Block):
    """The default of TensorFlow 1."""

    kind: Literal["glorot_uniform"]


class Constant(Block):
    """All have one value."""

    kind: Literal["constant"]
    value: Value = Field(description="Of all weights.")


class Normal(Block):
    """If truncated, values beyond two standard deviations are redrawn."""

    kind: Literal["normal", "truncated_normal"]
    mean: Value = Field(0.0, description="Mean.")
    stddev: NotNegative = Field(description="Standard deviation.")


class NoBias(Block):
    """Layers have no bias."""

    kind: Literal["none"]


Weights = Annotated[Zeros | Constant | Normal | GlorotUniform, Field(discriminator="kind")]
Bias = Annotated[Zeros | Constant | Normal | GlorotUniform | NoBias, Field(discriminator="kind")]


class Sgd(Block):
    """Stochastic gradient descent; weight decay is decoupled (Loshchilov and Hutter, 2019)."""

    kind: Literal["sgd"]
    learning_rate: LearningRate = Field(description="At the start.")
    momentum: Fraction = Field(0.0, description="Part of the last step that is added.")
    nesterov: bool = Field(False, description="Nesterov's momentum.")
    weight_decay: NotNegative = Field(0.0, description=WEIGHT_DECAY)


class Adam(Block):
    """Adam (Kingma and Ba, 2015), with epsilon outside the bias correction."""

    kind: Literal["adam"]
    learning_rate: LearningRate = Field(description="At the start.")
    beta_1: Fraction = Field(0.9, description="Decay of the mean gradient.")
    beta_2: Fraction = Field(0.999, description="Decay of the mean squared gradient.")
    epsilon: Epsilon = Field(1e-7, description="TensorFlow 1: 1e-8.")
    weight_decay: NotNegative = Field(0.0, description=WEIGHT_DECAY)


class Rmsprop(Block):
    """w -= learning_rate × g / √(v + epsilon), with v = rho × v + (1 - rho) × g²."""

    kind: Literal["rmsprop"]
    learning_rate: LearningRate = Field(description="At the start.")
    rho: Fraction = Field(0.9, description="Decay of v.")
    initial_accumulator: NotNegative = Field(0.0, description="The first v; TensorFlow 1: 1.")
    epsilon: Epsilon = Field(1e-7, description="TensorFlow 1: 1e-10.")


class ExponentialSchedule(Block):
    """learning_rate × decay_rate ^ (step / decay_steps), continuous."""

    kind: Literal["exponential"]
    decay_rate: float = Field(gt=0, le=1, description="Factor of the learning rate …")
    decay_steps: Count = Field(description="… in so many steps.")


class CosineSchedule(Block):
    """From learning_rate to zero along half a cosine, over the complete training."""

    kind: Literal["cosine"]
    warmup: Fraction = Field(0.0, description="First part of the training, in which it rises.")


Optimizer = Annotated[Sgd | Adam | Rmsprop, Field(discriminator="kind")]
Schedule = Annotated[ExponentialSchedule | CosineSchedule, Field(discriminator="kind")]


class Augmentation(Block):
    """Random changes of training images in each step, uniformly up to these amounts.

    The keys from ``stroke_width`` on change a quarter of the images each.
    """

    shift: Pixels = Field(0.0, description="Pixels, in both directions.")
    rotation: float = Field(0.0, ge=0, le=180, description="Degrees, around the center.")
    scale: Fraction = Field(0.0, description="0.1: from 1 / 1.1 to 1 / 0.9 times the size.")
    shear: Fraction = Field(0.0, description="Pixels to the side for each pixel upwards.")
    elastic: Pixels = Field(0.0, description="Pixels that a smooth field moves one, typically.")
    stroke_width: Fraction = Field(0.0, description="Pixels that the edges of strokes move.")
    occlusion: Pixels = Field(0.0, description="Pixels per side of a black square.")
    blur: Pixels = Field(0.0, description="Standard deviation of a Gaussian in pixels.")
    contrast: Fraction = Field(0.0, description="0.9: 0.1 to 1 times the distance from the mean.")
    background: float = Field(0.0, ge=0, le=1, description="1: up to the inverted image.")
    noise: float = Field(0.0, ge=0, le=255, description="Standard deviation in gray levels.")
