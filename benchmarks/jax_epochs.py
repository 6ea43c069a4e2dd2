"""A recipe in JAX: the same network and steps as ours, with Flax and Optax.

An epoch is one call of a compiled function, a scan over its steps, which reuses the memory of its
state. With convolutions, each step is a call, because XLA's convolutions are many times slower in a
loop on a CPU. The network is in Linen, not in NNX, because both ways need a function of the
weights; the compiled operations are the same. The L2 penalty is ``add_decayed_weights`` of Optax,
which has the same gradient. The optimizers have the same definition as ours.
"""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
import optax
from jax import numpy as jnp

from src.config.blocks import ExponentialSchedule
from src.config.recipe import Recipe

Setting = tuple[str, ...]
PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def settings(recipe: Recipe) -> list[Setting]:
    """The settings that can be the fastest: precision of the layers, random numbers of dropout."""
    dropout = recipe.family != "softmax" and any(recipe.dropout.model_dump().values())
    generators = ("threefry2x32", "rbg") if dropout else ("threefry2x32",)
    return [(precision, generator) for precision in PRECISIONS for generator in generators]


class Network(nn.Module):
    """From images ``uint8 [N, H, W]`` to logits ``float32 [N, classes]``."""

    recipe: Recipe
    classes: int
    dtype: Any

    @nn.compact
    def __call__(self, images: jax.Array, training: bool) -> jax.Array:
        recipe, x = self.recipe, images.astype(self.dtype) / 255
        initial = {
            "use_bias": recipe.bias.kind != "none",
            "kernel_init": _initializer(recipe.weights),
            "bias_init": _initializer(recipe.bias),
        }

        def dropout(x: jax.Array, rate: float) -> jax.Array:
            return nn.Dropout(rate, deterministic=not training)(x)

        if recipe.family == "cnn":
            x = x[..., None]
            kernel, pool = (recipe.kernel, recipe.kernel), (recipe.pool, recipe.pool)
            for filters in recipe.filters:
                x = nn.Conv(filters, kernel, dtype=self.dtype, **initial)(x)
                x = nn.relu(nn.max_pool(x, pool, pool, padding="SAME"))
                x = dropout(x, recipe.dropout.convolutions)
        x = x.reshape(len(x), -1)
        if recipe.family == "mlp":
            x = dropout(x, recipe.dropout.inputs)
        if recipe.family != "softmax":
            for units in recipe.hidden:
                x = nn.relu(nn.Dense(units, dtype=self.dtype, **initial)(x))
                x = dropout(x, recipe.dropout.hidden)
        return nn.Dense(self.classes, dtype=jnp.float32, **initial)(x)


class State(NamedTuple):
    """What a step changes."""

    weights: Any
    averages: Any  # of the weights
    optimizer: optax.OptState
    key: jax.Array  # of dropout
    step: jax.Array


class Epochs:
    """A network with its optimizer and its images.

    Takes images ``uint8 [N, H, W]`` and labels ``uint8 [N]`` from 0 to 9.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: np.ndarray,
        labels: np.ndarray,
        setting: Setting = ("float32", "threefry2x32"),
    ) -> None:
        precision, generator = setting
        self._recipe, self._data = recipe, (jnp.asarray(images), jnp.asarray(labels))
        self._network = Network(recipe, int(labels.max()) + 1, PRECISIONS[precision])
        key = jax.random.key(1, impl=generator)
        weights = self._network.init(key, self._data[0][:1], False)
        self._optimizer = _optimizer(recipe)
        averages = jax.tree.map(jnp.copy, weights) if recipe.averaging else ()
        optimizer = self._optimizer.init(weights)
        self._state = State(weights, averages, optimizer, key, jnp.zeros((), jnp.int32))
        self._key = jax.random.key(2)  # of the order of the images
        run = self._step if recipe.family == "cnn" else self._scan
        self._run = jax.jit(run, donate_argnums=2)

    def train_epoch(self) -> float:
        """Train for one epoch; return the mean loss of its batches, without the penalty."""
        count, size = len(self._data[1]), self._recipe.batch_size
        self._key, key = jax.random.split(self._key)
        order = jax.random.permutation(key, count) if self._recipe.shuffle else jnp.arange(count)
        batches, losses = order[: count // size * size].reshape(-1, size), []
        for part in batches if self._recipe.family == "cnn" else [batches]:
            self._state, loss = self._run(*self._data, self._state, part)
            # Without waiting, JAX would queue all steps, and no time limit could end them.
            losses.append(jax.block_until_ready(loss))
        return float(jnp.stack(losses).mean())

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the accuracy of the weights, or of their moving averages if the recipe has any."""
        weights = self._state.averages or self._state.weights
        logits = self._network.apply(weights, jnp.asarray(images), False)
        return float((np.asarray(logits.argmax(axis=1)) == labels).mean())

    def parameters(self) -> int:
        return sum(each.size for each in jax.tree.leaves(self._state.weights))

    def _scan(
        self, images: jax.Array, labels: jax.Array, state: State, batches: jax.Array
    ) -> tuple[State, jax.Array]:
        return jax.lax.scan(partial(self._step, images, labels), state, batches)

    def _step(
        self, images: jax.Array, labels: jax.Array, state: State, rows: jax.Array
    ) -> tuple[State, jax.Array]:
        images, labels = images[rows], labels[rows]
        key, dropout = jax.random.split(state.key)

        def loss_of(weights: Any) -> jax.Array:
            logits = self._network.apply(weights, images, True, rngs={"dropout": dropout})
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        loss, gradients = jax.value_and_grad(loss_of)(state.weights)
        updates, optimizer = self._optimizer.update(gradients, state.optimizer, state.weights)
        weights, averages, step = optax.apply_updates(state.weights, updates), (), state.step + 1
        if self._recipe.averaging:
            decay = jnp.minimum(self._recipe.averaging.decay, (1 + step) / (10 + step))
            averages = optax.incremental_update(weights, state.averages, 1 - decay)
        return State(weights, averages, optimizer, key, step), loss


def _initializer(initial: Any) -> jax.nn.initializers.Initializer:
    """Return the initializer of the compared recipes, whose means are 0; no other kinds."""
    match initial.kind:
        case "constant":
            return nn.initializers.constant(initial.value)
        case "normal":
            return nn.initializers.normal(initial.stddev)
        case "truncated_normal":
            return nn.initializers.truncated_normal(initial.stddev)
    return nn.initializers.zeros


def _optimizer(recipe: Recipe) -> optax.GradientTransformation:
    chosen = recipe.optimizer
    rate = chosen.learning_rate
    match recipe.schedule:
        case ExponentialSchedule(decay_steps=steps, decay_rate=decay_rate):
            rate = optax.exponential_decay(rate, steps, decay_rate)
    if chosen.kind == "sgd":
        optimizer = optax.sgd(rate)
    else:
        start = chosen.initial_accumulator
        optimizer = optax.rmsprop(rate, chosen.rho, chosen.epsilon, start)
    if not recipe.l2:
        return optimizer
    # Biases are vectors.
    kernels = partial(jax.tree.map, lambda each: each.ndim > 1)
    return optax.chain(optax.add_decayed_weights(recipe.l2, kernels), optimizer)
