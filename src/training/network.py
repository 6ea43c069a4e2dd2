"""Builds the Keras model and the optimizer of a recipe."""

from collections.abc import Iterator
from typing import Any

from src.common.errors import PipelineError
from src.common.tensorflow import keras
from src.config.blocks import CosineSchedule, ExponentialSchedule
from src.config.recipe import CnnRecipe, ConvnetRecipe, Convolution, MlpRecipe, Recipe

layers = keras.layers
EPSILON = 1.001e-5  # of batch normalization; a smaller one is not exact in the kernel of a GPU


def build_model(
    recipe: Recipe,
    height: int,
    width: int,
    classes: int,
    precision: str = "float32",
) -> keras.Model:
    """Build the network of a recipe with its initial weights, drawn from Keras' global seed.

    The input is ``uint8 [N, height, width]``, which a layer scales to [0, 1]. The output is logits,
    ``float32 [N, classes]``.

    Args:
        precision: ``float32``, or ``bfloat16`` for all layers except the last.
    """
    x = images = keras.Input((height, width), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(x)  # in float32: bfloat16 has no 1 / 255
    default = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        for layer in _hidden_layers(recipe, height, width):
            _check_size(x, layer, height, width)
            x = layer(x)
    finally:
        keras.config.set_dtype_policy(default)
    logits = layers.Dense(classes, dtype="float32", **initial_values(recipe))(x)
    return keras.Model(images, logits)


def _check_size(x: keras.KerasTensor, layer: keras.layers.Layer, height: int, width: int) -> None:
    unpadded = isinstance(layer, layers.Conv2D) and layer.padding == "valid"
    if unpadded and min(x.shape[1:3]) < layer.kernel_size[0]:
        raise PipelineError(
            f"images of {height} × {width} pixels are too small for a convolution with the kernel "
            f"{' × '.join(map(str, layer.kernel_size))} and no padding; set its padding to same, "
            "or use other recipes for this dataset"
        )


def _hidden_layers(recipe: Recipe, height: int, width: int) -> Iterator[keras.layers.Layer]:
    """Yield the layers from the scaled pixels to the last hidden layer."""
    match recipe:
        case CnnRecipe() | ConvnetRecipe():
            yield layers.Reshape((height, width, 1))
            yield from _convolutions(recipe)
            average = isinstance(recipe, ConvnetRecipe) and recipe.global_average
            yield layers.GlobalAveragePooling2D() if average else layers.Flatten()
            yield from _dense_layers(recipe)
            if isinstance(recipe, ConvnetRecipe):
                yield from _dropout(recipe.dropout.features)
        case MlpRecipe():
            yield layers.Flatten()
            yield from _dropout(recipe.dropout.inputs)
            yield from _dense_layers(recipe)
        case _:
            yield layers.Flatten()


def _dense_layers(recipe: MlpRecipe | CnnRecipe | ConvnetRecipe) -> Iterator[keras.layers.Layer]:
    for units in recipe.hidden:
        yield layers.Dense(units, **initial_values(recipe))
        yield from _normalized(recipe)
        yield from _dropout(recipe.dropout.hidden)


def _convolutions(recipe: CnnRecipe | ConvnetRecipe) -> Iterator[keras.layers.Layer]:
    if isinstance(recipe, CnnRecipe):
        size, kernel = recipe.pool, recipe.kernel
        blocks = [Convolution(filters=n, kernel=kernel, pool="max") for n in recipe.filters]
    else:
        size, blocks = 2, recipe.convolutions
    for block in blocks:
        shape = block.filters, block.kernel
        yield layers.Conv2D(*shape, padding=block.padding, **initial_values(recipe))
        # The tutorial of cnn activates before it pools. Activations are monotone, so the largest
        # value is the same, with fewer values to activate. Batch normalization is after pooling.
        if block.pool == "max":
            yield layers.MaxPooling2D(size, padding="same")
        yield from _normalized(recipe)
        if block.pool == "average":
            yield layers.AveragePooling2D(size, padding="same")
        if block.pool:
            yield from _dropout(recipe.dropout.convolutions)


def _normalized(recipe: MlpRecipe | CnnRecipe | ConvnetRecipe) -> Iterator[keras.layers.Layer]:
    """Batch normalization, if the recipe has it, and the activation."""
    if isinstance(recipe, ConvnetRecipe) and recipe.batch_normalization:
        # Its parameters stay in float32.
        policy = keras.config.dtype_policy().compute_dtype
        dtype = policy if policy == "float32" else f"mixed_{policy}"
        yield layers.BatchNormalization(
            momentum=recipe.batch_normalization.momentum, epsilon=EPSILON, dtype=dtype
        )
    yield layers.Activation(recipe.activation)


def _dropout(rate: float) -> Iterator[keras.layers.Layer]:
    if rate:
        yield layers.Dropout(rate)


def initial_values(recipe: Recipe) -> dict:
    """Return the arguments for dense and convolutional layers: initializers, bias, L2 penalty."""
    bias = recipe.bias.kind != "none"
    return {
        "kernel_initializer": _initializer(recipe.weights),
        "use_bias": bias,
        "bias_initializer": _initializer(recipe.bias) if bias else None,
        # Keras: l2 × Σ w². Recipe: l2 × ½ Σ w², whose gradient ``Steps`` adds to that of the loss.
        "kernel_regularizer": keras.regularizers.L2(recipe.l2 / 2) if recipe.l2 else None,
    }


def _initializer(initial: Any) -> keras.Initializer:
    name = "random_normal" if initial.kind == "normal" else initial.kind
    settings = initial.model_dump(exclude={"kind"})
    return keras.initializers.get({"class_name": name, "config": settings})


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
