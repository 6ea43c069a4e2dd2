"""Train recipes for a few steps with a strategy, and save their weights.

``python -m benchmarks.replicas STRATEGY DEVICES STEPS FOLDER RECIPE …``

This runs in its own process, because TensorFlow must divide a processor into devices, or join a
cluster, before it computes anything. It uses the preprocessed data if they exist, otherwise the
fallback dataset. The batch size is that of the recipe, at most 100.
"""

import sys
from pathlib import Path

import numpy as np

from src.common.paths import PROCESSED
from src.common.tensorflow import tf
from src.config.recipe import load_recipe
from src.config.recipes import load_recipes
from src.data.loader import Split
from src.data.splits import load_split
from src.ingest import digits
from src.models.device import choose_device
from src.training import distributed
from src.training.execution import Execution
from src.training.trainer import Trainer


def splits() -> tuple[Split, Split, int | None]:
    """Load the training split, the validation split, and a buffer size smaller than the split.

    The buffer size is ``None``, which means all images, for the preprocessed data.
    """
    if (PROCESSED / "training/dataset.json").exists():
        return load_split(PROCESSED, "train"), load_split(PROCESSED, "validation"), None
    images, labels = digits.digits()
    return (images[200:1400], labels[200:1400]), (images[:200], labels[:200]), 300


def main(strategy: str, devices: int, steps: int, folder: Path, names: list[str]) -> None:
    """Train for twice ``steps`` steps; save ``<recipe>.npy``, print the seconds per step."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    device = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [device] * devices)
    choose_device("cpu")
    training, validation, buffer_size = splits()
    execution = Execution("cpu", "graph", "float32", strategy, buffer_size)
    worker, recipes = distributed.this_worker(strategy), load_recipes()
    for name in names:
        length = {"epochs": None, "steps": 2 * steps, "validate_every": steps}
        batch = min(100, recipes[name].batch_size)
        recipe = load_recipe(recipes[name].model_dump() | length | {"batch_size": batch})
        trainer = Trainer(recipe, training, validation, 10, 1, execution, worker=worker)
        result = trainer.run()
        if worker.chief:
            weights = result.model.get_weights()
            np.save(folder / f"{name}.npy", np.concatenate([each.ravel() for each in weights]))
            # Only the second half is timed: the first one includes the tracing of the graph.
            print(result.seconds[-1] / steps)


if __name__ == "__main__":
    strategy, devices, steps, folder, *names = sys.argv[1:]
    main(strategy, int(devices), int(steps), Path(folder), names)
