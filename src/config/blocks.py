"""The blocks of a recipe: initial values, optimizer, schedule of the learning rate, augmentation.

Defaults are those of Keras. Where TensorFlow 1 has another value, it is in the docstring.
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


class Block(BaseModel):
    """A block of parameters: no unknown keys, no type conversions, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Zeros(Block):
    kind: Literal["zeros"]


class GlorotUniform(Block):
    """The default of ``tf.get_variable`` in TensorFlow 1, also for biases."""

    kind: Literal["glorot_uniform"]


class Constant(Block):
    kind: Literal["constant"]
    value: Value


class Normal(Block):
    """If truncated, values more than two standard deviations from the mean are redrawn."""

    kind: Literal["normal", "truncated_normal"]
    mean: Value = 0.0
    stddev: NotNegative


class NoBias(Block):
    kind: Literal["none"]


Weights = Annotated[Zeros | Constant | Normal | GlorotUniform, Field(discriminator="kind")]
Bias = Annotated[Zeros | Constant | Normal | GlorotUniform | NoBias, Field(discriminator="kind")]


class Sgd(Block):
    """Stochastic gradient descent.

    ``weight_decay`` is decoupled (Loshchilov and Hutter, 2019): each step multiplies the kernels of
    layers by 1 - learning_rate × weight_decay.
    """

    kind: Literal["sgd"]
    learning_rate: LearningRate
    momentum: Fraction = 0.0
    nesterov: bool = False
    weight_decay: NotNegative = 0.0


class Adam(Block):
    """Adam (Kingma and Ba, 2015), in the form with epsilon outside the bias correction.

    ``epsilon`` of ``tf.compat.v1.train.AdamOptimizer`` is 1e-8.
    """

    kind: Literal["adam"]
    learning_rate: LearningRate
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: Epsilon = 1e-7
    weight_decay: NotNegative = 0.0


class Rmsprop(Block):
    """w -= learning_rate × g / √(v + epsilon), with v = rho × v + (1 - rho) × g².

    ``initial_accumulator`` is the first v. In ``tf.compat.v1.train.RMSPropOptimizer``, it is 1 (in
    Keras: 0), and ``epsilon`` is 1e-10. With v = 1, the first steps are small.
    """

    kind: Literal["rmsprop"]
    learning_rate: LearningRate
    rho: Fraction = 0.9
    initial_accumulator: NotNegative = 0.0
    epsilon: Epsilon = 1e-7


class ExponentialSchedule(Block):
    """learning_rate × decay_rate ^ (step / decay_steps), continuous."""

    kind: Literal["exponential"]
    decay_rate: Annotated[float, Field(gt=0, le=1)]
    decay_steps: Count


class CosineSchedule(Block):
    """From learning_rate to zero along half a cosine, over the complete training.

    During ``warmup``, a fraction of the training, the learning rate first increases from almost
    zero along a straight line: a cycle.
    """

    kind: Literal["cosine"]
    warmup: Fraction = 0.0


Optimizer = Annotated[Sgd | Adam | Rmsprop, Field(discriminator="kind")]
Schedule = Annotated[ExponentialSchedule | CosineSchedule, Field(discriminator="kind")]


class Augmentation(Block):
    """Random changes of each training image, different in each step.

    Every amount is the largest one: an image is shifted, for example, by a distance that is drawn
    uniformly from -shift to shift, in both directions. The keys from ``stroke_width`` on change a
    fraction of the images each: see ``src/training/augmentation.py``.
    """

    shift: Pixels = 0.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees, around the center
    scale: Fraction = 0.0  # 0.1: from 1 / 1.1 to 1 / 0.9 times the size, in each direction
    shear: Fraction = 0.0  # pixels to the side for each pixel upwards
    elastic: Pixels = 0.0  # typical distance by which a smooth random field moves a pixel
    stroke_width: Fraction = 0.0  # pixels by which the edges of strokes move, outwards or inwards
    occlusion: Pixels = 0.0  # side of a black square
    blur: Pixels = 0.0  # standard deviation of a Gaussian
    contrast: Fraction = 0.0  # 0.9: pixels are 0.1 to 1 times as far from the mean of the image
    background: Annotated[float, Field(ge=0, le=1)] = 0.0  # 1: up to the inverted image
    noise: Annotated[float, Field(ge=0, le=255)] = 0.0  # standard deviation in gray levels
