"""Seconds per epoch: ours, the original programs, Keras' ``fit``, and the limit of the machine."""

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from benchmarks.keras_fit import KerasFit
from benchmarks.matrix_products import MatrixProducts
from benchmarks.originals import PROGRAMS, Original
from benchmarks.timing import Seconds, ratio
from src.common.paths import PROCESSED
from src.common.tensorflow import keras
from src.config.recipe import Recipe, load_recipe
from src.config.recipes import load_recipes
from src.data.splits import load_split
from src.models.device import choose_device
from src.training.execution import Execution, choose_execution
from src.training.trainer import Trainer

VALIDATION = 100  # images; our training loop validates after each epoch, the others never do
INTRODUCTION = """\
Seconds per epoch of {images:,} images. *Ours* is our training loop, with a validation on
{validation} images. *Original* is the program of the tutorial in `benchmarks/originals.py`:
each step is a call of `Session.run` that receives a batch from Python. *fit* is Keras'
`compile` and `fit` with default settings, without the moving average of the weights.

| recipe | our execution | ours | original | fit | original / ours | fit / ours |
| --- | --- | ---: | ---: | ---: | ---: | ---: |"""
MACHINE_LIMIT = """
How close this is to the limit of the machine. *Arithmetic*: the matrix products and convolutions of
a step, forward and backward, counted from the shapes of the layers. *Matrix products only*: these
products and convolutions without the rest of the step, each kind timed separately, in TensorFlow
with the same compilation and precision as ours. *Fraction*: their time as a fraction of our epoch.

| recipe | arithmetic, MFLOP per image | ours, GFLOP/s | matrix products only, GFLOP/s | fraction |
| --- | ---: | ---: | ---: | ---: |"""


class AlternateEpochs(keras.callbacks.Callback):
    """After each epoch of our training loop, run one epoch of each other program; time all."""

    def __init__(self, others: dict[str, Callable[[], object]]) -> None:
        super().__init__()
        self.seconds: Seconds = {name: [] for name in ("ours", *others)}
        self._others = others

    def on_train_begin(self, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds["ours"].append(time.perf_counter() - self._started)
        for name, train_epoch in self._others.items():
            started = time.perf_counter()
            train_epoch()
            self.seconds[name].append(time.perf_counter() - started)
        self._started = time.perf_counter()


def make_timed_trainer(
    recipe: Recipe, images: np.ndarray, labels: np.ndarray, epochs: int
) -> Trainer:
    """Make a trainer of a recipe on the CPU, for ``epochs`` with a small validation after each."""
    content = recipe.model_dump() | {"epochs": epochs, "steps": None, "validate_every": None}
    recipe = load_recipe(content)
    execution = choose_execution(recipe, choose_device("cpu"), "auto", "auto")
    classes = int(labels.max()) + 1
    validation = images[:VALIDATION], labels[:VALIDATION]
    return Trainer(recipe, (images, labels), validation, classes, 1, execution)


def describe_execution(execution: Execution) -> str:
    return f"{execution.device}, {execution.compile}, {execution.precision}"


def time_epochs(
    name: str, images: np.ndarray, labels: np.ndarray, repeat: int
) -> tuple[AlternateEpochs, int]:
    """Train a recipe with each program for one epoch that is not measured, then ``repeat`` epochs.

    Returns the measurements, and the floating-point operations per step.
    """
    recipe = load_recipes()[name]
    trainer = make_timed_trainer(recipe, images, labels, repeat + 1)
    products = MatrixProducts(trainer.model, recipe.batch_size, trainer.execution)
    timed = AlternateEpochs(
        {
            "original": Original(name, images, labels).train_epoch,
            "fit": KerasFit(recipe, images, labels).train_epoch,
            "matrix products": lambda: products.run(len(labels) // recipe.batch_size),
        }
    )
    trainer.run([timed])
    timed.seconds = {name: seconds[1:] for name, seconds in timed.seconds.items()}
    return timed, products.flops


def measure(repeat: int) -> Iterator[str]:
    images, labels = (np.asarray(each) for each in load_split(PROCESSED, "train"))
    yield INTRODUCTION.format(images=len(labels), validation=VALIDATION)
    limits = []
    for name in PROGRAMS:
        recipe = load_recipes()[name]
        timed, flops = time_epochs(name, images, labels, repeat)
        ours, original, fit, products = timed.seconds.values()
        execution = choose_execution(recipe, "cpu", "auto", "auto")
        medians = " | ".join(f"{median(each):.3f}" for each in (ours, original, fit))
        modes = describe_execution(execution)
        yield f"| {name} | {modes} | {medians} | {ratio(original, ours)} | {ratio(fit, ours)} |"
        per_image = flops / recipe.batch_size
        rates = [per_image * len(labels) / median(each) / 1e9 for each in (ours, products)]
        fraction = median(a / b for a, b in zip(products, ours, strict=True))
        limits.append(
            f"| {name} | {per_image / 1e6:.2f} | {rates[0]:.0f} | {rates[1]:.0f} | {fraction:.0%} |"
        )
    yield MACHINE_LIMIT
    yield from limits
