"""Compare three ways to provide images: all on the device, a shuffle buffer, and ``tf.data``."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.timing import alternate, ratio
from src.common.paths import PROCESSED
from src.common.tensorflow import keras, tf
from src.config.recipe import Recipe, load_recipe
from src.config.recipes import load_recipes
from src.data.loader import BLOCK, Split
from src.data.splits import load_split, read_rows
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.memory import GB, choose_buffer_size
from src.training.trainer import Trainer

RECIPES = ("softmax", "mlp_65x2", "mlp_dropout")
COPIES = 20  # of the training split: 1.1 million images
LIMIT = 2  # train.memory_limit, in GB
INTRODUCTION = """\
Seconds per epoch of {images:,} images, in a file that the operating system has cached in memory.
*Device*: all images stay on the device. *Shuffle buffer*: with `train.memory_limit: {limit}`.
*tf.data*: the same blocks of images, a shuffle buffer of the same size, and the same compiled step.

| recipe | device | shuffle buffer | tf.data | shuffle buffer / device | tf.data / shuffle buffer |
| --- | ---: | ---: | ---: | ---: | ---: |"""


class OneEpoch(keras.callbacks.Callback):
    """Ends ``Trainer.run`` after one epoch; the next call continues."""

    def on_epoch_end(self, epoch, logs=None):
        raise StopIteration


def train_epoch(trainer: Trainer) -> None:
    with suppress(StopIteration):
        trainer.run([OneEpoch()])


def shuffled_batches(split: Split, batch: int, buffer_size: int) -> tf.data.Dataset:
    """Blocks of images in random order, shuffled in a buffer of ``buffer_size`` images."""

    def read_block(block: np.int64) -> tuple[np.ndarray, np.ndarray]:
        parts = [np.empty((BLOCK, *part.shape[1:]), part.dtype) for part in split]
        for part, into in zip(split, parts, strict=True):
            read_rows(part, int(block) * BLOCK, into)
        return tuple(parts)

    def block_tensors(block: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = tf.numpy_function(read_block, [block], [tf.uint8, tf.uint8])
        shape = split[0].shape[1:]
        return tf.ensure_shape(images, (BLOCK, *shape)), tf.ensure_shape(labels, (BLOCK,))

    count = len(split[1]) // BLOCK
    blocks = tf.data.Dataset.range(count).shuffle(count, seed=1)
    images = blocks.map(block_tensors, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
    batches = images.shuffle(buffer_size).batch(batch, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def tf_data_epoch(trainer: Trainer, dataset: tf.data.Dataset, batch: int) -> Callable[[], None]:
    """Return a function that runs one epoch of the trainer's steps on ``dataset``."""

    @tf.function(jit_compile=trainer.execution.compile == "xla")
    def step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return trainer.steps.train_step(images, labels, tf.range(batch))

    @tf.function
    def epoch() -> tf.Tensor:
        total = tf.zeros([])
        for images, labels in dataset:
            total += step(images, labels)
        return total

    return epoch


def programs(recipe: Recipe, split: Split, validation: Split) -> dict[str, Callable[[], object]]:
    """For each way to provide the images, a function that trains for one epoch."""
    device, batch = choose_device("cpu"), recipe.batch_size
    execution = choose_execution(recipe, device, "auto", "auto")
    size = choose_buffer_size(split[0].shape, batch, LIMIT * GB)

    def trainer(size: int | None) -> Trainer:
        return Trainer(recipe, split, validation, 10, 1, replace(execution, buffer_size=size))

    resident, streamed = trainer(None), trainer(size)
    return {
        "device": partial(train_epoch, resident),
        "shuffle buffer": partial(train_epoch, streamed),
        "tf.data": tf_data_epoch(trainer(None), shuffled_batches(split, batch, size), batch),
    }


def measure(repeat: int) -> Iterator[str]:
    images, labels = (np.asarray(each) for each in load_split(PROCESSED, "train"))
    validation = images[:100], labels[:100]
    with tempfile.TemporaryDirectory() as folder:
        split = []
        for name, part in (("images", images), ("labels", labels)):
            np.save(Path(folder, name), np.concatenate([part] * COPIES))
            split.append(np.load(Path(folder, f"{name}.npy"), mmap_mode="r"))
        yield INTRODUCTION.format(images=len(split[1]), limit=LIMIT)
        for name in RECIPES:
            recipe = load_recipe(load_recipes()[name].model_dump() | {"epochs": 100})
            seconds = alternate(programs(recipe, split, validation), repeat)
            device, buffer, tf_data = seconds.values()
            medians = " | ".join(f"{median(each):.2f}" for each in seconds.values())
            yield f"| {name} | {medians} | {ratio(buffer, device)} | {ratio(tf_data, buffer)} |"
