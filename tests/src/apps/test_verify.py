"""``make verify`` repeats the committed results."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MNIST = (ROOT / "../shared/datasets/mnist").exists()


@pytest.mark.expensive
@pytest.mark.skipif(not MNIST, reason="MNIST is not in ../shared/datasets")
def test_one_recipe_of_the_last_commit_gives_the_committed_result(shell):
    done = shell(["python", "-m", "src.apps.verify", "softmax_normal"], ROOT)
    (row,) = [line for line in done.stdout.splitlines() if "│ softmax_normal" in line]
    assert "same bits" in row or "within the spread" in row
    assert "dataset digest" in done.stdout
