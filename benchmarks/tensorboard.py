"""What TensorBoard's files cost a training."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import keras

from src.callbacks.tensorboard import TensorBoard
from src.common.paths import PROCESSED
from src.config.params import load_params
from src.config.recipe import Recipe
from src.data.loader import Split
from src.data.splits import load_dataset_info, load_split
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.setup import make_trainer


class Timed(keras.callbacks.Callback):
    """Another callback, and the seconds that it takes."""

    def __init__(self, callback: keras.callbacks.Callback) -> None:
        super().__init__()
        self.callback, self.seconds = callback, 0.0

    def _take(self, method: str, *arguments) -> None:
        started = time.perf_counter()
        getattr(self.callback, method)(*arguments)
        self.seconds += time.perf_counter() - started

    def set_params(self, params):
        self.callback.set_params(params)

    def set_model(self, model):
        self._take("set_model", model)

    def on_train_batch_end(self, batch, logs=None):
        self._take("on_train_batch_end", batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._take("on_epoch_end", epoch, logs)

    def on_train_end(self, logs=None):
        self._take("on_train_end", logs)


def cost(recipe: Recipe, training: Split, validation: Split, classes: int) -> tuple[float, float]:
    """Seconds of a whole training, and of TensorBoard in it."""
    execution = choose_execution(recipe, choose_device("cpu"), "auto", "auto")
    trainer = make_trainer(recipe, training, validation, classes, 1, execution)
    with tempfile.TemporaryDirectory() as folder:
        timed = Timed(TensorBoard(Path(folder), resumes=False))
        started = time.perf_counter()
        trainer.run([timed])
        return time.perf_counter() - started, timed.seconds


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section."""
    splits = load_split(PROCESSED, "train"), load_split(PROCESSED, "validation")
    classes = load_dataset_info(PROCESSED)["classes"]
    yield "Seconds of each whole training, and those of them that went into TensorBoard's files."
    yield ""
    yield "| recipe | training | TensorBoard | share |"
    yield "| --- | ---: | ---: | ---: |"
    total = [0.0, 0.0]
    for name, recipe in load_params().models.items():
        runs = [cost(recipe, *splits, classes) for _ in range(repeat)]
        whole, own = (median(column) for column in zip(*runs, strict=True))
        total = [total[0] + whole, total[1] + own]
        yield f"| {name} | {whole:.2f} | {own:.2f} | {own / whole:.1%} |"
    yield f"| all | {total[0]:.2f} | {total[1]:.2f} | {total[1] / total[0]:.1%} |"
