"""``make verify`` repeats the committed results."""

from pathlib import Path

import pytest

from src.apps import verify
from src.common.errors import PipelineError
from src.common.paths import RECORDED_ON, TEST

ROOT = Path(__file__).parents[3]
MNIST = (ROOT / "../shared/datasets/mnist").exists()


@pytest.mark.expensive
@pytest.mark.skipif(not MNIST, reason="MNIST is not in ../shared/datasets")
def test_one_recipe_of_the_last_commit_gives_the_committed_result(shell):
    done = shell(["python", "-m", "src.apps.verify", "softmax_normal"], ROOT)
    (row,) = [line for line in done.stdout.splitlines() if "│ softmax_normal" in line]
    assert "same bits" in row or "within the spread" in row
    assert "dataset digest" in done.stdout


def test_what_cannot_be_judged_is_said_before_the_training(monkeypatch):
    commit = {TEST: '{"mlp_65x2": {}, "mlp_ema": {}}', RECORDED_ON: '{"recipes": {}}'}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(verify, "committed", commit.get)
    monkeypatch.setattr("sys.argv", ["verify", "cnn"])
    with pytest.raises(PipelineError, match="no result of it, but of mlp_65x2, mlp_ema"):
        verify.main()
