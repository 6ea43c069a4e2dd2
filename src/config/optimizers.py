"""Optimizers, learning-rate schedules and weight averaging. Defaults are those of Keras."""

from typing import Annotated, Literal

from pydantic import Field

from src.config.block import Block, Count, Fraction

LearningRate = Annotated[float, Field(gt=0, le=1000)]


class Sgd(Block):
    kind: Literal["sgd"]
    learning_rate: LearningRate
    momentum: Fraction = 0.0
    nesterov: bool = False


class Adam(Block):
    kind: Literal["adam"]
    learning_rate: LearningRate
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999


class Rmsprop(Block):
    kind: Literal["rmsprop"]
    learning_rate: LearningRate
    rho: Fraction = 0.9


class ExponentialSchedule(Block):
    """learning_rate × decay_rate ^ (step / decay_steps), continuous."""

    kind: Literal["exponential"]
    decay_rate: Annotated[float, Field(gt=0, le=1)]
    decay_steps: Count


class CosineSchedule(Block):
    """From learning_rate to zero along half a cosine, over the complete training."""

    kind: Literal["cosine"]


class Averaging(Block):
    """Moving average of the weights, with decay min(decay, (1 + step) / (10 + step))."""

    decay: Fraction


Optimizer = Annotated[Sgd | Adam | Rmsprop, Field(discriminator="kind")]
Schedule = Annotated[ExponentialSchedule | CosineSchedule, Field(discriminator="kind")]
