"""Creates the parts of a training, in each worker."""

import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any, Literal

from src.common import machine
from src.common.errors import PipelineError
from src.common.tensorflow import keras, recorded_variables, tf
from src.config.recipe import Recipe, load_recipe
from src.data.loader import Loader, Shuffle, Split
from src.data.memory import GB, choose_buffer_size, device_memory, inference_batch
from src.data.splits import load_dataset_info, load_split
from src.models.device import choose_device
from src.models.record import Environment, RunConfig, make_run_config
from src.training.checkpoint import Checkpoint, training_code_sha256
from src.training.distributed import SINGLE_WORKER, Worker, broadcast_from_chief, make_strategy
from src.training.execution import Execution, choose_execution
from src.training.steps import Steps
from src.training.trainer import Trainer

FLOAT = 4  # bytes
BUFFERS = 4  # copies of a shuffle buffer that exist at the same time: see src/data/memory.py
BASE_BYTES = 1_000_000_000  # of TensorFlow with its programs and the libraries that it loads
LARGE_BYTES = 2_000_000_000  # larger estimates are printed


@dataclass(frozen=True)
class Job:
    """A training that is ready to run."""

    trainer: Trainer
    run_config: RunConfig
    environment: Environment
    checkpoint: Checkpoint


def prepare(plan: dict[str, Any], processed: Path, checkpoints: Path, worker: Worker) -> Job:
    """Prepare the training of a recipe from its ``plan``, and print how it runs.

    Raises:
        PipelineError: the data is missing or damaged, or the machine does not support a setting.
    """
    name, recipe, settings = plan["name"], load_recipe(plan["recipe"]), plan["train"]
    dataset = load_dataset_info(processed)
    splits = load_split(processed, "train"), load_split(processed, "validation")
    device = choose_device(settings["device"], settings["threads"])
    limit, shape = settings["memory_limit"], splits[0][0].shape
    buffer_size = choose_buffer_size(shape, recipe.batch_size, limit, device)
    modes = settings["compile"], settings["precision"], settings["strategy"]
    execution = choose_execution(recipe, device, *modes, buffer_size)
    trainer = make_trainer(
        recipe,
        *splits,
        dataset["classes"],
        settings["seed"],
        execution,
        keep_epochs=plan["keep_epochs"],
        worker=worker,
        in_random_order=dataset["split"] == "first",
    )
    # While the images are loaded, they are in memory twice; of a buffer, there are four copies.
    images = BUFFERS * buffer_size * prod(shape[1:]) if buffer_size else 2 * prod(shape)
    needed = images + memory_of_step(trainer, min(recipe.batch_size, shape[0]))
    check_memory(name, needed, limit, device)
    execution, count = trainer.execution, dataset["counts"]["train"]
    memory = f", about {needed / GB:.1f} GB" if needed > LARGE_BYTES else ""
    print(f"{name}: {count:,} images of {dataset['name']}; {execution}{memory}")
    run_config = make_run_config(plan, dataset, trainer.model, training_code_sha256())
    environment = make_environment(execution, settings["threads"])
    return Job(trainer, run_config, environment, Checkpoint(checkpoints, run_config, environment))


def make_trainer(
    recipe: Recipe,
    training: Split,
    validation: Split,
    classes: int,
    seed: int,
    execution: Execution,
    *,
    keep_epochs: bool = False,
    worker: Worker = SINGLE_WORKER,
    in_random_order: bool = True,
) -> Trainer:
    """Create a trainer; the same arguments on the same machine give the same weights.

    If the training split is smaller than a batch, it is the batch.

    Args:
        training, validation: images ``uint8 [N, H, W]`` and labels ``uint8 [N]``, 0 to K - 1.
        classes: K.
        seed: of initial weights, order of the images, dropout and augmentation.
        keep_epochs: whether to keep the weights of each row of the history.
        in_random_order: whether the images are. Otherwise, a recipe that uses them in the order of
            the files gets one random order for all epochs: sorted classes cannot be learned.
    """
    keras.utils.clear_session()  # the names of layers do not depend on earlier trainings
    keras.utils.set_random_seed(seed)
    count, *shape = training[0].shape
    batch_size = min(recipe.batch_size, count)
    total_steps = recipe.steps or recipe.epochs * (count // batch_size)
    strategy = make_strategy(execution.strategy, execution.device, worker)
    numbers = {"batch_size": batch_size, "seed": seed, "total_steps": total_steps}
    steps = Steps(recipe, shape, classes, **numbers, execution=execution, strategy=strategy)
    if execution.strategy == "multi_worker":
        execution = _with_buffer_of_chief(execution, strategy, worker)
    shuffle: Shuffle = "each epoch" if recipe.shuffle else "never" if in_random_order else "once"
    loader = Loader(training, batch_size, execution.buffer_size, seed, shuffle, total_steps)
    return Trainer(
        recipe, steps, loader, validation, execution, keep_epochs=keep_epochs, worker=worker
    )


def _with_buffer_of_chief(
    execution: Execution, strategy: tf.distribute.Strategy, worker: Worker
) -> Execution:
    """The memory of the workers can differ, but all must use the same chunks."""
    own = str(execution.buffer_size).encode() if execution.buffer_size else None
    size = broadcast_from_chief(strategy, worker.chief, own)
    return replace(execution, buffer_size=int(size) if size else None)


def memory_of_step(trainer: Trainer, batch_size: int) -> int:
    """Estimate the memory of a training without the images of the training split, in bytes.

    Weights exist also as gradients, in the optimizer, as a moving average, and as a copy while a
    checkpoint is written. Of the hidden values of a batch, the estimate counts those that the
    gradients need, and copies of the largest layer.
    """
    state = sum(prod(variable.shape) for variable in trainer.steps.variables())
    values = [prod(layer.output.shape[1:]) for layer in trainer.model.layers]
    training = batch_size * (sum(values) + 2 * max(values))
    inference = 2 * inference_batch(max(values)) * max(values)
    weights = 2 * (state + trainer.model.count_params())
    return BASE_BYTES + FLOAT * (weights + max(training, inference))


def check_memory(
    name: str, needed: int, limit: float | Literal["auto"], device: Literal["cpu", "gpu"]
) -> None:
    """Refuse a training that needs more memory than there is.

    Raises:
        PipelineError: the machine has less memory, or ``train.memory_limit`` is less.
    """
    if limit != "auto" and (device == "gpu" or limit * GB < device_memory(device)):
        available, source = limit * GB, "train.memory_limit is"
    else:
        available, source = device_memory(device), "this machine has"
    if needed > available:
        raise PipelineError(
            f"{name} needs about {needed / GB:.1f} GB of memory, but {source} {available / GB:.1f} "
            "GB; decrease its batch_size, filters or hidden units, use smaller images, or select "
            "other recipes with `model`"
        )


def make_environment(execution: Execution, threads: int | Literal["auto"]) -> Environment:
    """Return what a training runs on; ``threads`` is the setting."""
    versions = {package: version(package) for package in ("tensorflow", "keras", "numpy")}
    return Environment(
        device=execution.device,
        compile=execution.compile,
        precision=execution.precision,
        strategy=execution.strategy,
        buffer_size=execution.buffer_size,
        threads=machine.cores() if threads == "auto" else threads,
        processor=machine.processor(),
        versions={"python": platform.python_version()} | versions,
        variables=recorded_variables(),
    )
