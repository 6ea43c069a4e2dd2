"""The compare stage as a process."""

import shutil
import subprocess
import sys
from pathlib import Path

from src.common.files import write_json

ROOT = Path(__file__).parents[2]


def test_results_of_a_removed_recipe_are_one_sentence(tmp_path, environment):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    write_json(tmp_path / "metrics/test.json", {"cnn": {}, "renamed": {}})
    done = subprocess.run(
        [sys.executable, "-m", "stages.compare"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: metrics/test.json has results of renamed, which params.yaml no longer has; run "
        "`dvc repro`\n"
    )
