"""The evaluate stage as a process: what is missing is named in one sentence."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from src.common.files import write_json
from src.models import artifacts

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_without_models_or_with_one_that_predicts_nan_it_stops(
    tmp_path, write_plan, save_tiny_training, tiny_recipe, shell
):
    def evaluate() -> str:
        command = ["python", "-m", "stages.evaluate"]
        done = shell(command, tmp_path, fails=True, PYTHONPATH=str(ROOT))
        assert "Traceback" not in done.stderr
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        return line

    write_plan(tmp_path, "tiny", tiny_recipe)
    folder = tmp_path / "models/softmax/tiny"
    save_tiny_training(folder)
    record = artifacts.load_record(folder)
    model = artifacts.load_model(folder, record["weights_sha256"])
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    artifacts.save_model(model, folder / artifacts.MODEL)
    record["weights_sha256"] = artifacts.weights_sha256(model)
    write_json(folder / artifacts.RECORD, record)
    line = evaluate()
    assert "models/softmax/tiny predicts NaN or infinite values" in line
    assert line.endswith("`dvc repro -f train@softmax`")
    shutil.rmtree(folder)
    assert evaluate() == "error: models has no trained model; run `dvc repro`"
    assert not (tmp_path / "metrics").exists()
