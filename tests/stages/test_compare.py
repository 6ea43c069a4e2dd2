"""The compare stage as a process."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_without_results_it_is_one_sentence(tmp_path, shell):
    shutil.copy(ROOT / "published.yaml", tmp_path)
    command = ["python", "-m", "stages.compare"]
    done = shell(command, tmp_path, fails=True, PYTHONPATH=str(ROOT))
    assert done.stderr == "error: data/predictions has no results; run `dvc repro evaluate`\n"
