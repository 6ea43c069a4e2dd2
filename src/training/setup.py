"""Prepares the training of a recipe from its plan, in every worker."""

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

from src.common import machine
from src.common.errors import PipelineError
from src.common.tensorflow import recorded_variables
from src.config.recipe import load_recipe
from src.data.splits import load_dataset_info, load_split
from src.models.device import choose_device
from src.models.record import Environment, RunConfig, make_run_config
from src.training.checkpoint import Checkpoint, training_code_sha256
from src.training.distributed import Worker
from src.training.execution import Execution, choose_execution
from src.training.memory import GB, choose_buffer_size, memory_of_training, usable_memory
from src.training.trainer import Trainer


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
    memory, shape = usable_memory(settings["memory_limit"], device), splits[0][0].shape
    batch_size = recipe.images_per_step(shape[0])
    buffer_size = choose_buffer_size(shape, batch_size, memory)
    modes = settings["compile"], settings["precision"], settings["strategy"]
    trainer = Trainer(
        recipe,
        *splits,
        dataset["classes"],
        settings["seed"],
        choose_execution(recipe, device, *modes, buffer_size),
        worker=worker,
        in_random_order=dataset["split"] == "first",  # which suits files in random order only
        balances_classes=settings["class_weights"] == "balanced",
    )
    needed = memory_of_training(trainer.steps, shape, batch_size, trainer.execution.buffer_size)
    if needed > memory:
        raise PipelineError(
            f"{name} needs about {needed / GB:.1f} GB of memory, but train.memory_limit is "
            f"{memory / GB:.1f} GB; decrease its batch_size, filters or hidden units, use smaller "
            "images, or select other recipes with `model`"
        )
    execution, count = trainer.execution, dataset["counts"]["train"]
    print(f"{name}: {count:,} images of {dataset['name']}; {execution}")
    run_config = make_run_config(plan, dataset, trainer.model, training_code_sha256())
    environment = describe_environment(execution, settings["threads"])
    return Job(trainer, run_config, environment, Checkpoint(checkpoints, run_config, environment))


def describe_environment(execution: Execution, threads: int | Literal["auto"]) -> Environment:
    """Return what a training runs on; ``threads`` is the setting."""
    versions = {package: version(package) for package in ("tensorflow", "keras", "numpy")}
    environment = asdict(execution) | {
        "threads": machine.cores() if threads == "auto" else threads,
        "processor": machine.processor(),
        "versions": {"python": platform.python_version()} | versions,
        "variables": recorded_variables(),
    }
    return cast(Environment, environment)
