"""The schema of an optimizer and its learning rate.

Defaults are those of Keras. Where TensorFlow 1 has another value, it is in the docstring.
"""

from typing import Annotated, Literal

from pydantic import Field

from src.config.block import Block, Count, Fraction

LearningRate = Annotated[float, Field(gt=0, le=1000)]
Epsilon = Annotated[float, Field(gt=0, le=1)]
# Decoupled (Loshchilov and Hutter, 2019): each step multiplies the kernels of layers by
# 1 - learning_rate × weight_decay.
WeightDecay = Annotated[float, Field(ge=0, le=1000)]


class Sgd(Block):
    kind: Literal["sgd"]
    learning_rate: LearningRate
    momentum: Fraction = 0.0
    nesterov: bool = False
    weight_decay: WeightDecay = 0.0


class Adam(Block):
    """Adam (Kingma and Ba, 2015), in the form with epsilon outside the bias correction.

    ``epsilon`` of ``tf.compat.v1.train.AdamOptimizer`` is 1e-8.
    """

    kind: Literal["adam"]
    learning_rate: LearningRate
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: Epsilon = 1e-7
    weight_decay: WeightDecay = 0.0


class Rmsprop(Block):
    """w -= learning_rate × g / √(v + epsilon), with v = rho × v + (1 - rho) × g².

    ``initial_accumulator`` is the first v. In ``tf.compat.v1.train.RMSPropOptimizer``, it is 1 (in
    Keras: 0), and ``epsilon`` is 1e-10. With v = 1, the first steps are small.
    """

    kind: Literal["rmsprop"]
    learning_rate: LearningRate
    rho: Fraction = 0.9
    initial_accumulator: Annotated[float, Field(ge=0, le=1000)] = 0.0
    epsilon: Epsilon = 1e-7


class ExponentialSchedule(Block):
    """learning_rate × decay_rate ^ (step / decay_steps), continuous."""

    kind: Literal["exponential"]
    decay_rate: Annotated[float, Field(gt=0, le=1)]
    decay_steps: Count


class CosineSchedule(Block):
    """From learning_rate to zero along half a cosine, over the complete training.

    During ``warmup``, a fraction of the training, the learning rate first increases from zero along
    a straight line: a cycle.
    """

    kind: Literal["cosine"]
    warmup: Fraction = 0.0


Optimizer = Annotated[Sgd | Adam | Rmsprop, Field(discriminator="kind")]
Schedule = Annotated[ExponentialSchedule | CosineSchedule, Field(discriminator="kind")]
