"""From a recipe to a Keras model: raw pixels in, logits out."""

import keras
import tensorflow as tf

from src.config.recipe import Recipe


def build_model(
    recipe: Recipe,
    height: int,
    width: int,
    classes: int,
    policy: str = "float32",
    shared_batch: int | None = None,
) -> keras.Model:
    """A model with the recipe's initial weights, drawn from Keras' global seed.

    Takes ``uint8 [N, height, width]``, scales it to [0, 1] itself, and gives logits
    ``float32 [N, classes]``.

    Args:
        recipe: what to build.
        height, width, classes: of the data.
        policy: Keras' name of the precision to compute in; the logits are float32 all the same.
        shared_batch: images in a step, if replicas share them; such a model only trains.
    """

    def dense(units: int, dtype: str = policy) -> keras.layers.Layer:
        return keras.layers.Dense(units, dtype=dtype, **initial_values(recipe))

    def dropout(rate: float, x: keras.KerasTensor) -> keras.KerasTensor:
        if not rate:
            return x
        if shared_batch is None:
            return keras.layers.Dropout(rate, dtype=policy)(x)
        return SharedDropout(rate, shared_batch, dtype=policy)(x)

    x = images = keras.Input((height, width), dtype="uint8", name="images")
    x = keras.layers.Rescaling(1 / 255, dtype=policy)(x)
    if recipe.family == "cnn":
        x = keras.layers.Reshape((height, width, 1))(x)
        for filters in recipe.filters:
            x = keras.layers.Conv2D(
                filters, recipe.kernel, padding="same", dtype=policy, **initial_values(recipe)
            )(x)
            # The tutorial activates first; activations are monotone, so pooling first is the
            # same function with fewer values to activate.
            x = keras.layers.MaxPooling2D(recipe.pool, padding="same")(x)
            x = keras.layers.Activation(recipe.activation, dtype=policy)(x)
            x = dropout(recipe.dropout.convolutions, x)
    x = keras.layers.Flatten()(x)
    if recipe.family == "mlp":
        x = dropout(recipe.dropout.inputs, x)
    if recipe.family != "softmax":
        for units in recipe.hidden:
            x = dense(units)(x)
            x = keras.layers.Activation(recipe.activation, dtype=policy)(x)
            x = dropout(recipe.dropout.hidden, x)
    return keras.Model(images, dense(classes, "float32")(x))


def own_rows(batch: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Within a step: the first row, and the end, of this replica's share of a batch."""
    context = tf.distribute.get_replica_context()
    replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
    count = context.num_replicas_in_sync
    return replica * batch // count, (replica + 1) * batch // count


class SharedDropout(keras.layers.Dropout):
    """Dropout that is the same however many replicas share a batch.

    Each draws the masks of the whole batch, and takes those of its own rows.
    """

    def __init__(self, rate: float, batch: int, **settings) -> None:
        super().__init__(rate, **settings)
        self._batch = batch

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        whole = tf.ones([self._batch, *inputs.shape[1:]], inputs.dtype)
        first, end = own_rows(self._batch)
        return inputs * super().call(whole, training)[first:end]


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
