"""What a training leaves in ``models/<recipe>/``: written here, read here.

``model.keras``, ``history.csv`` (a row for each validation), ``training.json`` (the record), and,
for recipes whose author printed a test accuracy for each epoch, ``weights_by_epoch.npy``.
"""

import csv
import hashlib
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json, write_json
from src.models.record import Record, RunConfig, TrainingResult

if TYPE_CHECKING:
    import keras

    from src.training.execution import Execution

RECORD = "training.json"
MODEL = "model.keras"
HISTORY = "history.csv"
COLUMNS = ("epoch", "step", "loss", "val_loss", "val_accuracy", "seconds")
BY_EPOCH = "weights_by_epoch.npy"


def make_run_config(
    plan: dict, dataset: dict, model: "keras.Model", execution: "Execution"
) -> RunConfig:
    """What ``training.json`` says before the training: all but its results.

    Args:
        plan: the resolved recipe file, as ``plan`` wrote it.
        dataset: ``data/processed/dataset.json``.
        model: to be trained.
        execution: how it runs.
    """
    return {
        "name": plan["name"],
        "recipe": plan["recipe"],
        "train": plan["train"],
        "recipe_sha256": json_sha256([plan["recipe"], plan["train"]]),
        "keep_epochs": plan["keep_epochs"],
        "dataset": dataset,
        "parameters": model.count_params(),
        **asdict(execution),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("tensorflow", "keras", "numpy")},
        },
    }


def save(folder: Path, run_config: RunConfig, training: TrainingResult) -> Record:
    """Write a finished training into ``folder``.

    Args:
        folder: existing, empty folder.
        run_config: as ``make_run_config`` returned it.
        training: what ``Trainer.run`` gave.

    Returns:
        The content of ``training.json``.
    """
    training.model.save(folder / MODEL)
    if training.weights_by_epoch is not None:
        np.save(folder / BY_EPOCH, training.weights_by_epoch, allow_pickle=False)
    with (folder / HISTORY).open("w", newline="") as file:
        writer = csv.DictWriter(file, training.history[0])
        writer.writeheader()
        writer.writerows(training.history)
    last = training.history[-1]
    record = run_config | {
        "steps": last["step"],
        "epochs": last["epoch"],
        "seconds": round(sum(row["seconds"] for row in training.history), 2),
        "val_accuracy": last["val_accuracy"],
        "val_loss": last["val_loss"],
        "weights_sha256": weights_sha256(training.model),
    }
    write_json(folder / RECORD, record)
    return record


def weights_sha256(model: "keras.Model") -> str:
    """The SHA-256 of a model's weights: shape, dtype and bytes of each, in the model's order."""
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(f"{weights.dtype}{weights.shape}".encode())
        digest.update(np.ascontiguousarray(weights))
    return digest.hexdigest()


def load_record(folder: Path) -> Record:
    """Read ``training.json``.

    Raises:
        PipelineError: it is missing or damaged.
    """
    record = read_json(folder / RECORD, f"train@{folder.name}")
    there = record.keys() if isinstance(record, dict) else set()
    if lacks := sorted(Record.__required_keys__ - there):
        raise _damaged(folder / RECORD, ValueError(f"it lacks {', '.join(lacks)}"))
    return record


def load_history(folder: Path) -> list[dict[str, float]]:
    """Read ``history.csv``: a dictionary for each row.

    Raises:
        PipelineError: it is missing or damaged.
    """
    path = folder / HISTORY
    try:
        with path.open(newline="") as file:
            rows = [
                {key: float(value) for key, value in row.items()} for row in csv.DictReader(file)
            ]
        if not rows or not {*COLUMNS} <= rows[0].keys():
            raise ValueError(f"no rows with {', '.join(COLUMNS)}")
        return rows
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from None


def load_model(folder: Path) -> "keras.Model":
    """Read ``model.keras``; nothing but Keras' own layers is loaded, and no code from the file.

    Raises:
        PipelineError: it is missing or damaged.
    """
    import keras

    path = folder / MODEL
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises what its parts raise: OSError, KeyError, BadZipFile …
        raise _damaged(path, error) from None


def load_weights_by_epoch(folder: Path, model: "keras.Model") -> list[list[np.ndarray]]:
    """For each row of the history, the weights as ``model.set_weights`` takes them.

    Empty if the recipe keeps none.

    Raises:
        PipelineError: the file is damaged, or is another model's.
    """
    path = folder / BY_EPOCH
    if not path.exists():
        return []
    shapes = [weights.shape for weights in model.get_weights()]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
        if rows.dtype != np.float32 or rows.shape[1:] != (ends[-1],):
            raise ValueError(f"{rows.dtype} {rows.shape} is not this model's")
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, error) from None
    return [
        [part.reshape(shape) for part, shape in zip(np.split(row, ends[:-1]), shapes, strict=True)]
        for row in rows
    ]


def _damaged(path: Path, error: Exception) -> PipelineError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return PipelineError(
        f"{path} cannot be read ({reason}); run `dvc repro -f train@{path.parent.name}` to train "
        "it anew"
    )
