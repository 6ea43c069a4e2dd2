"""Train recipes for some steps with a strategy, and keep the weights.

``python -m benchmarks.replicas STRATEGY DEVICES STEPS FOLDER RECIPE …``, a process of its own, as
TensorFlow divides a processor into devices, or joins a cluster, before it does anything else. On
the preprocessed data where they are, else on the fallback dataset. Batches are the recipes'
own, or of 100 images if that is less.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from src.common.paths import PROCESSED
from src.config.params import load_params
from src.config.recipe import load_recipe
from src.data.loader import Split
from src.data.splits import load_split
from src.ingest import digits
from src.models.device import choose_device
from src.training import distributed
from src.training.execution import Execution
from src.training.setup import make_trainer


def splits() -> tuple[Split, Split, int | None]:
    """To train on, to validate, and the images on the device at once, fewer than there are."""
    if (PROCESSED / "dataset.json").exists():
        return load_split(PROCESSED, "train"), load_split(PROCESSED, "validation"), None
    images, labels = digits.digits()
    return (images[200:1400], labels[200:1400]), (images[:200], labels[:200]), 300


def main(strategy: str, devices: int, steps: int, folder: Path, names: list[str]) -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    each = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [each] * devices)
    choose_device("cpu")
    training, validation, window = splits()
    execution = Execution("cpu", "graph", "float32", strategy, window)
    worker, recipes = distributed.this_worker(strategy), load_params().models
    for name in names:
        length = {"epochs": None, "steps": 2 * steps, "validate_every": steps}
        batch = min(100, recipes[name].batch_size)
        recipe = load_recipe(recipes[name].model_dump() | length | {"batch_size": batch})
        trainer = make_trainer(recipe, training, validation, 10, 1, execution, worker=worker)
        training_done = trainer.run()
        if worker.chief:
            weights = training_done.model.get_weights()
            np.save(folder / f"{name}.npy", np.concatenate([each.ravel() for each in weights]))
            # The first half has the tracing of the graph in it.
            print(
                json.dumps({"name": name, "seconds": training_done.history[-1]["seconds"] / steps})
            )


if __name__ == "__main__":
    strategy, devices, steps, folder, *names = sys.argv[1:]
    main(strategy, int(devices), int(steps), Path(folder), names)
