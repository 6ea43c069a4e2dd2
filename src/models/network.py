"""Builds the Keras model and the optimizer of a recipe."""

from collections.abc import Iterator
from typing import Any

from src.common.tensorflow import keras
from src.config.optimizer import CosineSchedule, ExponentialSchedule
from src.config.recipe import Recipe


def build_model(
    recipe: Recipe,
    height: int,
    width: int,
    classes: int,
    precision: str = "float32",
) -> keras.Model:
    """Build a model with the initial weights of the recipe, drawn from Keras' global seed.

    The input is ``uint8 [N, height, width]``, which a layer scales to [0, 1]. The output is logits,
    ``float32 [N, classes]``.

    Args:
        precision: ``float32``, or ``bfloat16`` for all layers except the last.
    """
    x = images = keras.Input((height, width), dtype="uint8", name="images")
    for layer in _layers(recipe, height, width, precision):
        x = layer(x)
    logits = keras.layers.Dense(classes, dtype="float32", **initial_values(recipe))(x)
    return keras.Model(images, logits)


def _layers(
    recipe: Recipe, height: int, width: int, precision: str
) -> Iterator[keras.layers.Layer]:
    """Yield the layers from the pixels to the last hidden layer."""

    def dropout(rate: float) -> Iterator[keras.layers.Layer]:
        if rate:
            yield keras.layers.Dropout(rate, dtype=precision)

    yield keras.layers.Rescaling(1 / 255)  # in float32: bfloat16 has no 1 / 255
    if recipe.family == "cnn":
        yield keras.layers.Reshape((height, width, 1), dtype=precision)
        for filters in recipe.filters:
            yield keras.layers.Conv2D(
                filters, recipe.kernel, padding="same", dtype=precision, **initial_values(recipe)
            )
            # The tutorial activates before it pools. Activations are monotone, so the result is
            # the same, with fewer values to activate.
            yield keras.layers.MaxPooling2D(recipe.pool, padding="same", dtype=precision)
            yield keras.layers.Activation(recipe.activation, dtype=precision)
            yield from dropout(recipe.dropout.convolutions)
    yield keras.layers.Flatten(dtype=precision)
    if recipe.family == "mlp":
        yield from dropout(recipe.dropout.inputs)
    if recipe.family != "softmax":
        for units in recipe.hidden:
            yield keras.layers.Dense(units, dtype=precision, **initial_values(recipe))
            yield keras.layers.Activation(recipe.activation, dtype=precision)
            yield from dropout(recipe.dropout.hidden)


def initial_values(recipe: Recipe) -> dict:
    """Return the arguments for dense and convolutional layers: initializers, bias, L2 penalty."""
    bias = recipe.bias.kind != "none"
    return {
        "kernel_initializer": _initializer(recipe.weights),
        "use_bias": bias,
        "bias_initializer": _initializer(recipe.bias) if bias else None,
        # Keras: l2 × Σ w². Recipe: l2 × ½ Σ w².
        "kernel_regularizer": keras.regularizers.L2(recipe.l2 / 2) if recipe.l2 else None,
    }


def _initializer(initial: Any) -> keras.Initializer:
    name = "random_normal" if initial.kind == "normal" else initial.kind
    settings = initial.model_dump(exclude={"kind"})
    return keras.initializers.get({"class_name": name, "config": settings})


def build_optimizer(recipe: Recipe, total_steps: int) -> keras.Optimizer:
    """Build the optimizer of the recipe; a cosine schedule decreases over ``total_steps``."""
    settings = recipe.optimizer.model_dump(exclude={"kind", "learning_rate"})
    rate = recipe.optimizer.learning_rate
    match recipe.schedule:
        case ExponentialSchedule(decay_steps=steps, decay_rate=decay_rate):
            rate = keras.optimizers.schedules.ExponentialDecay(rate, steps, decay_rate)
        case CosineSchedule():
            rate = keras.optimizers.schedules.CosineDecay(rate, total_steps)
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
