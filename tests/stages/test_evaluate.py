"""The evaluate stage as a process: what is missing is named in one sentence."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_without_models_it_stops(tmp_path, write_plan, tiny_recipe, shell):
    write_plan(tmp_path, "tiny", tiny_recipe)
    command = ["python", "-m", "stages.evaluate"]
    done = shell(command, tmp_path, fails=True, PYTHONPATH=str(ROOT))
    assert done.stderr == "error: models has no trained model; run `dvc repro`\n"
    assert not (tmp_path / "metrics").exists()
