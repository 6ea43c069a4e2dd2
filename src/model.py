"""From a recipe to a Keras model: raw pixels in, logits out."""

import keras

from src.recipe import Recipe


def build_model(recipe: Recipe, height: int, width: int, classes: int) -> keras.Model:
    """A model with the recipe's initial weights, drawn from Keras' global seed.

    Takes ``uint8 [N, height, width]``, scales it to [0, 1] itself, and gives logits
    ``float32 [N, classes]``.
    """

    def dense(units: int) -> keras.layers.Layer:
        return keras.layers.Dense(units, **initial_values(recipe))

    x = images = keras.Input((height, width), dtype="uint8", name="images")
    x = keras.layers.Rescaling(1 / 255)(x)
    if recipe.family == "cnn":
        x = keras.layers.Reshape((height, width, 1))(x)
        for filters in recipe.filters:
            x = keras.layers.Conv2D(
                filters, recipe.kernel, padding="same", **initial_values(recipe)
            )(x)
            # The tutorial activates first; activations are monotone, so pooling first is the
            # same function with fewer values to activate.
            x = keras.layers.MaxPooling2D(recipe.pool, padding="same")(x)
            x = keras.layers.Activation(recipe.activation)(x)
            x = _dropout(recipe.dropout.convolutions, x)
    x = keras.layers.Flatten()(x)
    if recipe.family == "mlp":
        x = _dropout(recipe.dropout.inputs, x)
    if recipe.family != "softmax":
        for units in recipe.hidden:
            x = dense(units)(x)
            x = keras.layers.Activation(recipe.activation)(x)
            x = _dropout(recipe.dropout.hidden, x)
    return keras.Model(images, dense(classes)(x))


def _dropout(rate: float, x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.Dropout(rate)(x) if rate else x


def initial_values(recipe: Recipe) -> dict:
    """What dense and convolution layers share: initializers, bias or none, weight penalty."""
    bias = recipe.bias.kind != "none"
    return {
        "kernel_initializer": _initializer(recipe.weights),
        "use_bias": bias,
        "bias_initializer": _initializer(recipe.bias) if bias else None,
        # Keras' L2 is l2 × Σ w²; the recipe's is l2 × ½ Σ w².
        "kernel_regularizer": keras.regularizers.L2(recipe.l2 / 2) if recipe.l2 else None,
    }


def _initializer(initial) -> keras.Initializer:
    match initial.kind:
        case "zeros":
            return keras.initializers.Zeros()
        case "constant":
            return keras.initializers.Constant(initial.value)
        case "normal":
            return keras.initializers.RandomNormal(initial.mean, initial.stddev)
        case "truncated_normal":
            return keras.initializers.TruncatedNormal(initial.mean, initial.stddev)
        case "glorot_uniform":
            return keras.initializers.GlorotUniform()


def build_optimizer(recipe: Recipe, total_steps: int) -> keras.Optimizer:
    """The recipe's optimizer, with its learning-rate schedule over ``total_steps``."""
    settings = recipe.optimizer.model_dump(exclude={"kind", "learning_rate"})
    rate = recipe.optimizer.learning_rate
    match recipe.schedule.kind if recipe.schedule else None:
        case "exponential":
            schedule = recipe.schedule
            rate = keras.optimizers.schedules.ExponentialDecay(
                rate, schedule.decay_steps, schedule.decay_rate
            )
        case "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, total_steps)
    kinds = {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "rmsprop": keras.optimizers.RMSprop,
    }
    return kinds[recipe.optimizer.kind](rate, **settings)
