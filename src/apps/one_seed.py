"""Train and evaluate a recipe with one seed: ``python -m src.apps.one_seed PLAN``.

``src.apps.seeds`` starts this program for each seed, as DVC starts the stage ``train``: so each
training begins in a new process, and the time of its start can be measured. It adds a row to
metrics/seeds.csv, and writes neither models nor checkpoints, and nothing to MLflow. PLAN is JSON.
"""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.common import paths
from src.common.errors import run
from src.common.files import atomic_file
from src.data.splits import load_split

if TYPE_CHECKING:
    import keras


def train(plan: dict[str, Any]) -> tuple["keras.Model", dict[str, Any]]:
    """Train once; return the model, and the columns of ``metrics/seeds.csv`` about the training."""
    from src.callbacks.training import TrainingProgress
    from src.common.tensorflow import keras
    from src.training.distributed import SINGLE_WORKER
    from src.training.setup import prepare

    # Nothing is written to the folder of checkpoints.
    job = prepare(plan, Path(plan["processed"]), paths.checkpoints(), SINGLE_WORKER)
    # A slice of steps is a batch for callbacks. The first slice is one step, and compiles.
    begun, ended = list[float](), list[float]()
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: begun.append(time.time()),
        on_train_batch_end=lambda batch, logs: ended.append(time.time()),
    )
    seed = plan["train"]["seed"]
    progress = TrainingProgress(f"{plan['name']}, seed {seed}")
    # Elsewhere, it would print a line for each epoch of each seed.
    training = job.trainer.run([clock, progress] if sys.stdout.isatty() else [clock])
    seconds = sum(end - begin for begin, end in zip(begun[1:], ended[1:], strict=True))
    row = {"dataset": job.run_config["dataset"]["name"], "recipe": plan["name"], "seed": seed}
    row |= {"parameters": training.model.count_params(), "epochs": training.row["epoch"]}
    row |= {"cold_start": round(ended[0] - plan["started"], 3), "seconds": round(seconds, 3)}
    return training.model, row


def evaluate(model: "keras.Model", splits: list[str]) -> dict[str, Any]:
    """The digest of the weights; accuracy and mean cross-entropy, in nats, of the splits.

    The probabilities of the test images, ``float32 [N, K]``, are written to a file.
    """
    import numpy as np
    from scipy.special import softmax

    from src.apps.seeds import COLUMNS, probabilities_file
    from src.models.artifacts import weights_sha256
    from src.models.inference import Predictor
    from src.models.metrics import accuracy, cross_entropy

    row: dict[str, Any] = {"weights": weights_sha256(model)[:12]}
    predictor = Predictor(model)
    for split in splits:
        images, labels = load_split(paths.PROCESSED, split)
        logits = predictor.logits(images)
        row[COLUMNS[split]] = accuracy(logits, labels)
        row[COLUMNS[split].replace("accuracy", "loss")] = cross_entropy(logits, labels)
    if "test" in splits:
        with atomic_file(probabilities_file(row["weights"])) as partial:
            np.save(partial, softmax(logits, axis=1))
    return row


def main() -> None:
    plan = json.loads(sys.argv[1])
    try:
        model, row = train(plan)
        row |= evaluate(model, plan["splits"])
    except KeyboardInterrupt:  # src.apps.seeds prints the message
        sys.exit(1)

    from src.apps.seeds import present_key, write_row

    if present_key(plan) == plan["key"]:  # otherwise src.apps.seeds says that inputs changed
        write_row(row | {"key": plan["key"]})


if __name__ == "__main__":
    run(main)
