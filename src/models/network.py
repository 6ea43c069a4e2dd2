"""Builds the Keras model and the optimizer of a recipe."""

from collections.abc import Iterator
from typing import Any

from src.common.tensorflow import keras, tf
from src.config.optimizer import CosineSchedule, ExponentialSchedule
from src.config.recipe import Recipe


def build_model(
    recipe: Recipe,
    height: int,
    width: int,
    classes: int,
    policy: str = "float32",
    global_batch: int | None = None,
) -> keras.Model:
    """Build a model with the initial weights of the recipe, drawn from Keras' global seed.

    The input is ``uint8 [N, height, width]``, which a layer scales to [0, 1]. The output is logits,
    ``float32 [N, classes]``.

    Args:
        policy: Keras' name of the precision of all layers except the last.
        global_batch: images in a step, if several replicas divide it. Such a model can only train.
    """
    x = images = keras.Input((height, width), dtype="uint8", name="images")
    for layer in _layers(recipe, height, width, policy, global_batch):
        x = layer(x)
    logits = keras.layers.Dense(classes, dtype="float32", **initial_values(recipe))(x)
    return keras.Model(images, logits)


def _layers(
    recipe: Recipe, height: int, width: int, policy: str, global_batch: int | None
) -> Iterator[keras.layers.Layer]:
    """Yield the layers from the pixels to the last hidden layer."""

    def dropout(rate: float) -> Iterator[keras.layers.Layer]:
        if rate and global_batch:
            yield ReplicaDropout(rate, global_batch, dtype=policy)
        elif rate:
            yield keras.layers.Dropout(rate, dtype=policy)

    yield keras.layers.Rescaling(1 / 255, dtype=policy)
    if recipe.family == "cnn":
        yield keras.layers.Reshape((height, width, 1))
        for filters in recipe.filters:
            yield keras.layers.Conv2D(
                filters, recipe.kernel, padding="same", dtype=policy, **initial_values(recipe)
            )
            # The tutorial activates before it pools. Activations are monotone, so the result is
            # the same, with fewer values to activate.
            yield keras.layers.MaxPooling2D(recipe.pool, padding="same")
            yield keras.layers.Activation(recipe.activation, dtype=policy)
            yield from dropout(recipe.dropout.convolutions)
    yield keras.layers.Flatten()
    if recipe.family == "mlp":
        yield from dropout(recipe.dropout.inputs)
    if recipe.family != "softmax":
        for units in recipe.hidden:
            yield keras.layers.Dense(units, dtype=policy, **initial_values(recipe))
            yield keras.layers.Activation(recipe.activation, dtype=policy)
            yield from dropout(recipe.dropout.hidden)


def replica_rows(global_batch: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the first row, and the end, of this replica's part of a batch; only within a step."""
    context = tf.distribute.get_replica_context()
    replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
    count = context.num_replicas_in_sync
    return replica * global_batch // count, (replica + 1) * global_batch // count


class ReplicaDropout(keras.layers.Dropout):
    """Dropout with the same result for any number of replicas.

    Each replica draws the masks of the complete batch, and uses those of its rows.
    """

    def __init__(self, rate: float, global_batch: int, **settings: Any) -> None:
        super().__init__(rate, **settings)
        self._global_batch = global_batch

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        batch = tf.ones([self._global_batch, *inputs.shape[1:]], inputs.dtype)
        first, end = replica_rows(self._global_batch)
        return inputs * super().call(batch, training)[first:end]


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
