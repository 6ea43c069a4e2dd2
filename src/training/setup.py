"""A training as ``plan`` wrote it down, made ready: what each of its workers does alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.config.recipe import load_recipe
from src.data.memory import choose_buffer_size
from src.data.splits import load_dataset_info, load_split
from src.models import artifacts
from src.models.checkpoint import Checkpoint
from src.models.device import choose_device  # before TensorFlow, which it quiets
from src.training.distributed import Worker
from src.training.execution import choose_execution
from src.training.trainer import Trainer


@dataclass(frozen=True)
class Job:
    """A training that can run."""

    trainer: Trainer
    run_config: dict[str, Any]  # what ``training.json`` says before the training
    checkpoint: Checkpoint


def prepare(plan: dict[str, Any], processed: Path, checkpoints: Path, worker: Worker) -> Job:
    """Bring together what a training is made of, and say how it is to run.

    Args:
        plan: the content of the recipe's file.
        processed: folder of the preprocessed data.
        checkpoints: folder of all checkpoints.
        worker: who this process is among those that train the model.

    Raises:
        PipelineError: data, device, precision or memory are not as the plan wants them.
    """
    name, recipe, settings = plan["name"], load_recipe(plan["recipe"]), plan["train"]
    dataset = load_dataset_info(processed)
    splits = load_split(processed, "train"), load_split(processed, "validation")
    device = choose_device(settings["device"], settings["threads"])
    buffer_size = choose_buffer_size(
        splits[0][0].shape, recipe.batch_size, settings["memory_limit"], device
    )
    how = settings["compile"], settings["precision"], settings["strategy"]
    execution = choose_execution(recipe, device, *how, buffer_size)
    trainer = Trainer(
        *(recipe, *splits, dataset["classes"], settings["seed"], execution),
        *(plan["keep_epochs"], worker),
    )
    execution, count = trainer.execution, dataset["counts"]["train"]
    print(f"{name}: {count:,} images of {dataset['name']}; {execution}")
    run_config = artifacts.make_run_config(plan, dataset, trainer.model, execution)
    return Job(trainer, run_config, Checkpoint(checkpoints, run_config))
