"""TensorFlow is imported quietly, and the user's environment changes no weight."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HOSTILE = {
    **{"KERAS_BACKEND": "torch", "TF_NUM_INTRAOP_THREADS": "1", "TF_DETERMINISTIC_OPS": "1"},
    **{"ONEDNN_VERBOSE": "0", "PYTHONHASHSEED": "5", "PYTHONIOENCODING": "latin-1"},
}
TRAINING = """
import numpy as np
from src.common.tensorflow import recorded_variables
from src.config.recipes import load_recipes
from src.models.artifacts import weights_sha256
from src.training.execution import Execution
from src.training.trainer import Trainer

random = np.random.default_rng(0)
split = random.integers(0, 256, (64, 12, 12), np.uint8), np.arange(64, dtype=np.uint8) % 10
recipe = load_recipes()["cnn"].model_copy(update={"epochs": 2, "batch_size": 32})
trainer = Trainer(recipe, split, split, 10, 1, Execution("cpu", "graph", "float32"))
print(weights_sha256(trainer.run().model), recorded_variables())
"""


def train(environment: dict[str, str]) -> list[str]:
    command = [sys.executable, "-c", TRAINING]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(maxsplit=1)


def test_a_hostile_configuration_of_keras_gives_the_same_weights(environment, tmp_path):
    settings = {"floatx": "float16", "epsilon": 0.1, "backend": "jax"}
    settings["image_data_format"] = "channels_first"
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    weights, recorded = train(environment | HOSTILE | {"KERAS_HOME": str(tmp_path)})
    assert weights == train(environment)[0]
    assert "ONEDNN_VERBOSE" in recorded  # what cannot be overruled


@pytest.mark.parametrize("module", ["data.loader", "training.setup", "callbacks.training"])
def test_tensorflow_is_imported_quietly_and_without_unused_packages(module):
    code = (
        f"import src.{module}, sys; "
        "print({'sklearn', 'matplotlib', 'pandas', 'scipy.stats'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
