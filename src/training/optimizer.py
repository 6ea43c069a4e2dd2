"""Builds the optimizer of a recipe, with its schedule of the learning rate."""

from typing import Any

from src.common.tensorflow import keras
from src.config.blocks import CosineSchedule, ExponentialSchedule
from src.config.recipe import Recipe


def build_optimizer(recipe: Recipe, total_steps: int) -> keras.Optimizer:
    """Build the optimizer of the recipe; a cosine schedule extends over ``total_steps``."""
    settings = recipe.optimizer.model_dump(exclude={"kind", "learning_rate"})
    if not settings.get("weight_decay"):  # zero would be computed, too
        settings.pop("weight_decay", None)
    rate = recipe.optimizer.learning_rate
    schedules = keras.optimizers.schedules
    match recipe.schedule:
        case ExponentialSchedule(decay_steps=steps, decay_rate=decay_rate):
            rate = schedules.ExponentialDecay(rate, steps, decay_rate)
        case CosineSchedule(warmup=warmup):
            # Keras needs a step after the warm-up.
            if steps := min(round(warmup * total_steps), total_steps - 1):
                # The first step would have the rate zero, without any effect.
                rate = schedules.CosineDecay(
                    rate / steps, total_steps - steps, warmup_target=rate, warmup_steps=steps
                )
            else:
                rate = schedules.CosineDecay(rate, total_steps)
    optimizers = keras.optimizers
    kinds = {"sgd": optimizers.SGD, "adam": optimizers.Adam, "rmsprop": Rmsprop}
    return kinds[recipe.optimizer.kind](rate, **settings)


class Rmsprop(keras.optimizers.RMSprop):
    """Keras' RMSprop with any initial value of the accumulator of squared gradients."""

    def __init__(self, *args: Any, initial_accumulator: float, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._initial_accumulator = initial_accumulator

    def add_optimizer_variables(
        self, trainable_variables: list[keras.Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        if name == "velocity":
            initializer = keras.initializers.Constant(self._initial_accumulator)
        return super().add_optimizer_variables(trainable_variables, name, initializer)
