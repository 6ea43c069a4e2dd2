"""The training loop: the training split lives on the device, many steps are one compiled call.

A slice of an epoch (about a second of steps) shuffles nothing, feeds nothing and returns to
Python once: it gathers each batch from the images on the device by the epoch's order, and steps.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypedDict

import keras
import numpy as np
import tensorflow as tf

from src import metrics
from src.errors import PipelineError
from src.inference import Predictor
from src.model import build_model, build_optimizer
from src.recipe import Recipe

Split = tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]
SLICE_SECONDS = 0.5  # long enough to hide Python, short enough to show progress


class Row(TypedDict):
    """A validation during training: a row of ``history.csv``."""

    epoch: float  # passes over the training split
    step: int  # batches
    loss: float  # mean cross-entropy of the batches since the last row, without the L2 penalty
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float  # since the last row


class OnProgress(Protocol):
    """Told several times an epoch how far the training is, with the loss of the last steps."""

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int, loss: float) -> None: ...


@dataclass(frozen=True)
class Training:
    """What a training gives: the model to use, its history, its weights after each epoch."""

    model: keras.Model
    history: list[Row]
    weights_by_epoch: np.ndarray | None  # float32 [rows, weights]


def train(
    recipe: Recipe,
    training: Split,
    validation: Split,
    classes: int,
    seed: int,
    keep_epochs: bool = False,
    on_row: Callable[[Row], None] = lambda row: None,
    on_progress: OnProgress = lambda **_: None,
) -> Training:
    """Train a recipe; the same arguments on the same machine give the same weights.

    A batch larger than the split is the split; images that fill no batch are left to the next
    epoch's order.

    Raises:
        PipelineError: the loss is not finite any more.
    """
    keras.utils.set_random_seed(seed)  # initial weights and dropout
    images, labels = training
    batch = min(recipe.batch_size, len(labels))
    steps_per_epoch = len(labels) // batch
    total_steps = recipe.steps or recipe.epochs * steps_per_epoch
    validate_every = recipe.validate_every or steps_per_epoch

    model = build_model(recipe, *images.shape[1:], classes)
    averaged = keras.models.clone_model(model) if recipe.averaging else model
    averaged.set_weights(model.get_weights())
    optimizer = build_optimizer(recipe, total_steps)
    optimizer.build(model.trainable_variables)
    run_slice = _compile_slice(recipe, model, averaged, optimizer, training, batch)
    predictor = Predictor(averaged)

    history: list[Row] = []
    kept: list[np.ndarray] = []
    step, slice_steps, losses, started = 0, 1, 0.0, time.perf_counter()
    while step < total_steps:
        epoch, first = divmod(step, steps_per_epoch)
        if first == 0 or step == 0:
            order = tf.range(len(labels))
            if recipe.shuffle:
                order = tf.random.experimental.stateless_shuffle(order, seed=(seed, epoch))
        next_row = min(total_steps, (step // validate_every + 1) * validate_every)
        count = min(slice_steps, steps_per_epoch - first, next_row - step)
        slice_started = time.perf_counter()
        loss = float(run_slice(order, first, count))
        slice_seconds = time.perf_counter() - slice_started
        slice_steps = max(1, min(2 * count, int(count * SLICE_SECONDS / slice_seconds)))
        step += count
        losses += loss
        if not np.isfinite(loss):
            raise PipelineError(
                f"the loss is not finite any more between steps {step - count} and {step} of "
                f"{total_steps}; a smaller learning_rate or stddev in the recipe usually mends it"
            )
        on_progress(
            step=step, total_steps=total_steps, steps_per_epoch=steps_per_epoch, loss=loss / count
        )
        if step == next_row:
            logits = predictor.logits(validation[0])
            now = time.perf_counter()
            row = Row(
                epoch=round(step / steps_per_epoch, 4),
                step=step,
                loss=losses / (step - (history[-1]["step"] if history else 0)),
                validation_loss=metrics.cross_entropy(logits, validation[1]),
                validation_accuracy=metrics.accuracy(logits, validation[1]),
                learning_rate=float(optimizer.learning_rate),
                seconds=round(now - started, 4),
            )
            losses, started = 0.0, now
            history.append(row)
            on_row(row)
            if keep_epochs:
                kept.append(np.concatenate([w.ravel() for w in averaged.get_weights()]))
    return Training(averaged, history, np.stack(kept) if kept else None)


def _compile_slice(
    recipe: Recipe,
    model: keras.Model,
    averaged: keras.Model,
    optimizer: keras.Optimizer,
    training: Split,
    batch: int,
) -> Callable:
    """``(order int32 [N], first step in the epoch, number of steps) -> sum of their losses``."""
    images, labels = (tf.constant(np.ascontiguousarray(array)) for array in training)
    variables = model.trainable_variables
    # XLA fuses small dense steps to advantage; on a CPU its convolutions and its random numbers
    # are many times slower than TensorFlow's own kernels.
    xla = recipe.family == "softmax" or (
        recipe.family == "mlp" and not any(recipe.dropout.model_dump().values())
    )

    def train_step(rows: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(tf.gather(images, rows), training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    tf.cast(tf.gather(labels, rows), tf.int32), logits
                )
            )
            penalized = tf.add_n([loss, *model.losses])
        optimizer.apply(tape.gradient(penalized, variables), variables)
        if recipe.averaging:
            step = tf.cast(optimizer.iterations, tf.float32)
            decay = tf.minimum(recipe.averaging.decay, (1 + step) / (10 + step))
            for average, variable in zip(averaged.trainable_variables, variables, strict=True):
                average.assign(decay * average + (1 - decay) * variable)
        return loss

    @tf.function(jit_compile=xla)
    def run_slice(order: tf.Tensor, first: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        # Not `for … in tf.range(…)`: XLA would compile it anew for each number of steps.
        total, step = tf.zeros([]), first
        while step < first + count:
            total += train_step(tf.slice(order, [step * batch], [batch]))
            step += 1
        return total

    return lambda order, first, count: run_slice(order, tf.constant(first), tf.constant(count))
