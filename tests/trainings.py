"""Results of trainings, made without training, and the runs they become in MLflow."""

import json
import shutil
from pathlib import Path
from typing import Any

from src.tracking.session import Session
from src.trained import Begun

HEIGHT, WIDTH, CLASSES = 6, 5, 3
DIGEST = "d1" * 32


def make_training(folder: Path, model_file: Path, *, stand_in: bool = False, **changes) -> Path:
    """What the train stage leaves of a training of two epochs."""
    folder.mkdir(parents=True)
    shutil.copyfile(model_file, folder / "model.keras")
    (folder / "history.csv").write_text(
        "epoch,step,loss,validation_loss,validation_accuracy,learning_rate,seconds\n"
        "0.5,215,2.4,2.3,0.1,0.01,0.5\n"
        "1.0,430,0.5,0.4,0.8,0.01,2.0\n"
        "2.0,860,0.3,0.2,0.9,0.001,2.0\n"
    )
    training = {
        "name": folder.name,
        "recipe": {
            "family": "cnn",
            "filters": [32, 64],
            "kernel": 3,
            "activation": "relu",
            "hidden": [20],
            "optimizer": {"kind": "sgd", "learning_rate": 0.01},
            "schedule": None,
            "batch_size": 10,
            "epochs": 2,
        },
        "train": {"device": "auto", "seed": 1},
        "recipe_sha256": "ab" * 32,
        "keep_epochs": False,
        "dataset": {
            "name": "digits" if stand_in else "mnist",
            "requested": "mnist",
            "stand_in": stand_in,
            "height": HEIGHT,
            "width": WIDTH,
            "classes": CLASSES,
            "counts": {"train": 60, "validation": 10, "test": 10},
            "digest": DIGEST,
            "files": {},
        },
        "parameters": 93,
        "steps": 860,
        "epochs": 2.0,
        "seconds": 5.0,
        "validation_accuracy": 0.9,
        "validation_loss": 0.2,
        "weights_sha256": "cd" * 32,
        "device": "cpu",
        "compile": "xla",
        "precision": "float32",
        "strategy": "single",
        "window": None,
        "versions": {
            "python": "3.11.0",
            "tensorflow": "2.21.0",
            "keras": "3.15.1",
            "numpy": "2.4.6",
        },
    } | changes
    (folder / "training.json").write_text(json.dumps(training))
    return folder


def begun(folder: Path) -> dict[str, Any]:
    """What the stage tells when the training begins."""
    record = json.loads((folder / "training.json").read_text())
    return {key: record[key] for key in Begun.__required_keys__}


def log_training(folder: Path) -> None:
    """Log as the train stage does, in this process."""
    session = Session()
    session.begin(begun(folder))
    session.rows([ROW])
    session.end(str(folder))
    session.close()


ROW = {
    "step": 215,
    "loss": 2.4,
    "validation_loss": 2.3,
    "validation_accuracy": 0.1,
    "learning_rate": 0.01,
    "at": 1.7e9,
}


def log_evaluation(folder: Path, metrics: dict[str, float], **pictures: Path) -> None:
    """Log as the evaluate stage does, in this process."""
    session = Session()
    named = {name: str(path) for name, path in pictures.items()}
    session.evaluation(str(folder), metrics, named)
    session.close()


def runs_of(client, experiment: str = "mnist") -> list:
    """The runs of an experiment, the newest first."""
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id])) if found else []
