"""Train and evaluate a recipe with one seed: ``python -m src.apps.one_seed FOLDER``.

``src.apps.seeds`` starts this program for each seed, as DVC starts the stage ``train``: so each
training begins in a new process, and the time of its start can be measured. It writes neither
models nor checkpoints, and nothing to MLflow.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.common import paths
from src.common.errors import run
from src.common.files import read_json, write_json

if TYPE_CHECKING:
    from src.models.inference import Predictor

PLAN, RESULT, PROBABILITIES = "plan.json", "result.json", "probabilities.npy"  # in FOLDER


def main() -> None:
    folder = Path(sys.argv[1])
    try:
        write_json(folder / RESULT, train(read_json(folder / PLAN, "plan"), folder))
    except KeyboardInterrupt:  # src.apps.seeds prints the message
        sys.exit(1)


def train(plan: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train once, and return the columns of ``metrics/seeds.csv`` from ``parameters`` on.

    The probabilities of the test images, ``float32 [N, K]``, are written to the folder.

    Args:
        plan: of the recipe, with two more keys: ``started`` is ``time.time()`` when
            the process was started; ``test``, whether the test split is evaluated, too.
    """
    from src.callbacks.progress import StepClock, TrainingProgress
    from src.models.artifacts import weights_sha256
    from src.models.inference import Predictor
    from src.training.distributed import SINGLE_WORKER
    from src.training.setup import prepare

    # Nothing is written to the folder of checkpoints.
    job = prepare(plan, paths.PROCESSED, paths.checkpoints(), SINGLE_WORKER)
    clock = StepClock()
    callbacks = [clock]
    if sys.stdout.isatty():  # elsewhere, it would print a line for each epoch of each seed
        callbacks.append(TrainingProgress(f"{plan['name']}, seed {plan['train']['seed']}"))
    training = job.trainer.run(callbacks)
    predictor = Predictor(training.model)
    assert clock.first_ended is not None
    return {
        "parameters": training.model.count_params(),
        "epochs": training.history[-1]["epoch"],
        **evaluate(predictor, "val", "validation"),
        **(evaluate(predictor, "test", "test", folder) if plan["test"] else {}),
        "cold_start": round(clock.first_ended - plan["started"], 3),
        "seconds": round(clock.seconds, 3),
        "weights": weights_sha256(training.model)[:12],
    }


def evaluate(
    predictor: "Predictor", prefix: str, split: str, folder: Path | None = None
) -> dict[str, float]:
    """Accuracy and mean cross-entropy, in nats, on a split."""
    import numpy as np
    from scipy.special import softmax

    from src.data.splits import load_split
    from src.models import metrics

    images, labels = load_split(paths.PROCESSED, split)
    logits = predictor.logits(images)
    if folder:
        np.save(folder / PROBABILITIES, softmax(logits, axis=1))
    accuracy, loss = metrics.accuracy(logits, labels), metrics.cross_entropy(logits, labels)
    return {f"{prefix}_accuracy": accuracy, f"{prefix}_loss": loss}


if __name__ == "__main__":
    run(main)
