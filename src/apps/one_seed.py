"""Train and evaluate a recipe with one seed: ``python -m src.apps.one_seed FOLDER``.

``src.apps.seeds`` starts this program for each seed, as DVC starts the stage ``train``: so each
training begins in a new process, and the time of its start can be measured. It writes neither
models nor checkpoints, and nothing to MLflow.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.common import paths
from src.common.errors import run
from src.common.files import read_json, write_json
from src.config.recipe import results_key
from src.data.splits import load_dataset_info, load_split, load_test_digest
from src.training.checkpoint import training_code_sha256

if TYPE_CHECKING:
    from src.models.inference import Predictor

PLAN, RESULT, PROBABILITIES = "plan.json", "result.json", "probabilities.npy"  # in FOLDER


def present_key(plan: dict[str, Any]) -> str:
    """The key of the plan of a recipe, with the present data and the code of this process."""
    config = {**plan, "dataset": load_dataset_info(paths.PROCESSED), "code": training_code_sha256()}
    return results_key(config, load_test_digest(paths.PROCESSED))


def train(plan: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train once, and return the columns of ``metrics/seeds.csv`` except recipe and seed.

    The probabilities of the test images, ``float32 [N, K]``, are written to the folder.

    Args:
        plan: of the recipe, with two more keys: ``started`` is ``time.time()`` when
            the process was started; ``test``, whether the test split is evaluated, too.
    """
    from src.callbacks.training import TrainingProgress
    from src.common.tensorflow import keras
    from src.models.artifacts import weights_sha256
    from src.models.inference import Predictor
    from src.training.distributed import SINGLE_WORKER
    from src.training.setup import prepare

    # Nothing is written to the folder of checkpoints.
    job = prepare(plan, paths.PROCESSED, paths.checkpoints(), SINGLE_WORKER)
    # A slice of steps is a batch for callbacks. The first slice is one step, and compiles.
    begun, ended = list[float](), list[float]()
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: begun.append(time.time()),
        on_train_batch_end=lambda batch, logs: ended.append(time.time()),
    )
    progress = TrainingProgress(f"{plan['name']}, seed {plan['train']['seed']}")
    # Elsewhere, it would print a line for each epoch of each seed.
    training = job.trainer.run([clock, progress] if sys.stdout.isatty() else [clock])
    scores = evaluate(predictor := Predictor(training.model), "val", "validation", folder)
    scores |= evaluate(predictor, "test", "test", folder) if plan["test"] else {}
    seconds = sum(end - begin for begin, end in zip(begun[1:], ended[1:], strict=True))
    return {
        "dataset": job.run_config["dataset"]["name"],
        "key": present_key(plan),
        "parameters": training.model.count_params(),
        "epochs": training.row["epoch"],
        **scores,
        "cold_start": round(ended[0] - plan["started"], 3),
        "seconds": round(seconds, 3),
        "weights": weights_sha256(training.model)[:12],
    }


def evaluate(predictor: "Predictor", prefix: str, split: str, folder: Path) -> dict[str, float]:
    """Accuracy and mean cross-entropy, in nats, on a split; writes its probabilities."""
    import numpy as np
    from scipy.special import softmax

    from src.models.metrics import accuracy, cross_entropy

    images, labels = load_split(paths.PROCESSED, split)
    logits = predictor.logits(images)
    np.save(folder / PROBABILITIES, softmax(logits, axis=1))  # those of the last split remain
    scores = accuracy(logits, labels), cross_entropy(logits, labels)
    return {f"{prefix}_accuracy": scores[0], f"{prefix}_loss": scores[1]}


def main() -> None:
    folder = Path(sys.argv[1])
    plan = read_json(folder / PLAN, "plan")
    try:
        write_json(folder / RESULT, train(plan, folder))
    except KeyboardInterrupt:  # src.apps.seeds prints the message
        sys.exit(1)


if __name__ == "__main__":
    run(main)
