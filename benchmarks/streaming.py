"""An epoch of images on the device, in windows, and by ``tf.data``."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from benchmarks.timing import in_turn, ratio
from src.common.paths import PROCESSED
from src.config.params import load_params
from src.config.recipe import load_recipe
from src.data.loader import BLOCK, Split
from src.data.memory import choose_buffer_size
from src.data.splits import load_split, read_rows
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.setup import make_trainer
from src.training.trainer import Trainer

RECIPES = ("softmax", "mlp_65x2", "mlp_dropout")
TIMES = 20  # the split, one after the other: 1.1 million images
LIMIT = 2  # GB


class OneEpoch(keras.callbacks.Callback):
    """Ends a call of ``Trainer.run`` after an epoch; the next call goes on."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


def by_tf_data(trainer: Trainer, split: Split, batch: int, window: int) -> Callable[[], None]:
    """An epoch of the same steps, fed by ``tf.data``; its buffer is as large as a window."""
    count = len(split[1]) // BLOCK

    def read(block: np.int64) -> tuple[np.ndarray, np.ndarray]:
        parts = [np.empty((BLOCK, *part.shape[1:]), part.dtype) for part in split]
        for part, into in zip(split, parts, strict=True):
            read_rows(part, int(block) * BLOCK, into)
        return tuple(parts)

    def shaped(block: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = tf.numpy_function(read, [block], [tf.uint8, tf.uint8])
        shape = split[0].shape[1:]
        return tf.ensure_shape(images, (BLOCK, *shape)), tf.ensure_shape(labels, (BLOCK,))

    dataset = tf.data.Dataset.range(count).shuffle(count, seed=1)
    dataset = dataset.map(shaped, num_parallel_calls=tf.data.AUTOTUNE).unbatch().shuffle(window)
    dataset = dataset.batch(batch, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

    @tf.function(jit_compile=trainer.execution.compile == "xla")
    def step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return trainer.steps.train_step(images, labels, tf.range(batch))

    @tf.function
    def epoch() -> tf.Tensor:
        total = tf.zeros([])
        for images, labels in dataset:
            total += step(images, labels)
        return total

    def run() -> None:
        with trainer.execution.graph_rewriter():
            epoch()

    return run


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section."""
    images, labels = (np.asarray(each) for each in load_split(PROCESSED, "train"))
    few, device = (images[:100], labels[:100]), choose_device("cpu")
    with tempfile.TemporaryDirectory() as folder:
        split = []
        for name, part in (("images", images), ("labels", labels)):
            np.save(Path(folder, name), np.concatenate([part] * TIMES))
            split.append(np.load(Path(folder, f"{name}.npy"), mmap_mode="r"))
        yield f"Seconds per epoch of {len(split[1]):,} images, in a file that the system has in"
        yield f"memory. *Windows*: with `train.memory_limit: {LIMIT}`. *tf.data*: the same blocks,"
        yield "shuffled by a buffer as large as a window, and the same compiled step."
        yield ""
        yield "| recipe | device | windows | tf.data | windows / device | tf.data / windows |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: |"
        for name in RECIPES:
            recipe = load_params().models[name]
            recipe = load_recipe(recipe.model_dump() | {"epochs": 100})
            execution = choose_execution(recipe, device, "auto", "auto")
            window = choose_buffer_size(split[0].shape, recipe.batch_size, LIMIT, device)

            def trainer(window: int | None, recipe=recipe, execution=execution) -> Trainer:
                return make_trainer(
                    recipe, split, few, 10, 1, replace(execution, buffer_size=window)
                )

            resident, streamed = trainer(None), trainer(window)
            fed = by_tf_data(trainer(None), split, recipe.batch_size, window)
            programs = {
                "resident": lambda resident=resident: resident.run([OneEpoch()]),
                "windows": lambda streamed=streamed: streamed.run([OneEpoch()]),
                "tf.data": fed,
            }
            there, windows, data = in_turn(programs, repeat).values()
            middle = " | ".join(f"{median(each):.2f}" for each in (there, windows, data))
            yield f"| {name} | {middle} | {ratio(windows, there)} | {ratio(data, windows)} |"
