"""Builds the optimizer of a recipe, and updates the weights with it."""

from typing import Any

from src.common.tensorflow import keras, tf
from src.config.blocks import CosineSchedule, ExponentialSchedule
from src.config.recipe import Recipe
from src.training.forward import Moments, update_moving_moments


class Update:
    """Changes weights with an optimizer, and their moving averages if the recipe has them.

    Args:
        trained: the network whose weights the optimizer changes.
        averaged: a network with the moving averages of these weights; not used without averaging.
        total_steps: of the training, for a schedule of the learning rate.
    """

    def __init__(
        self, recipe: Recipe, trained: keras.Model, averaged: keras.Model, total_steps: int
    ) -> None:
        self._recipe, self._trained, self._averaged = recipe, trained, averaged
        self._optimizer, weights = build_optimizer(recipe, total_steps), trained.trainable_variables
        # Weight decay is for kernels, not for biases and the scales of batch normalization.
        self._optimizer.exclude_from_weight_decay([each for each in weights if each.ndim == 1])
        self._optimizer.build(weights)

    def apply(self, gradients: list[tf.Tensor], moments: list[Moments]) -> None:
        """Change the weights.

        Args:
            gradients: of the mean loss of the batch; with several replicas, of its part of it.
            moments: of the batch, for each layer with batch normalization.
        """
        weights = self._trained.trainable_variables
        gradients = [tf.cast(each, tf.float32) for each in gradients]
        if l2 := self._recipe.l2:  # the optimizer sums the gradients of all replicas
            replicas = tf.distribute.get_replica_context().num_replicas_in_sync
            penalties = [l2 * each / replicas if each.regularizer else 0 for each in weights]
            gradients = [a + b for a, b in zip(gradients, penalties, strict=True)]
        self._optimizer.apply(gradients, weights)
        update_moving_moments(self._trained, moments)
        if self._recipe.averaging:
            step = tf.cast(self._optimizer.iterations, tf.float32)
            decay = tf.minimum(self._recipe.averaging.decay, (1 + step) / (10 + step))
            for average, each in zip(self._averaged.weights, self._trained.weights, strict=True):
                average.assign(decay * average + (1 - decay) * each)

    def step(self) -> tf.Tensor:
        """The number of updates, ``int32 []``."""
        return tf.cast(self._optimizer.iterations, tf.int32)

    def learning_rate(self) -> float:
        """The learning rate of the next update."""
        return float(tf.convert_to_tensor(self._optimizer.learning_rate))

    def variables(self) -> list[keras.Variable]:
        """The state of the optimizer."""
        return self._optimizer.variables


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
