"""``make verify`` repeats the committed results."""

from pathlib import Path

import pytest

from src.apps import verify
from src.common.errors import PipelineError
from src.common.paths import COMPARISON, RECORDED_ON, TEST

ROOT = Path(__file__).parents[3]
MNIST = (ROOT / "../shared/datasets/mnist").exists()


@pytest.mark.expensive
@pytest.mark.skipif(not MNIST, reason="MNIST is not in ../shared/datasets")
def test_one_recipe_of_the_last_commit_gives_the_committed_result(shell):
    done = shell(["python", "-m", "src.apps.verify", "softmax_normal"], ROOT)
    (row,) = [line for line in done.stdout.splitlines() if "│ softmax_normal" in line]
    assert "same bits" in row or "within the spread" in row
    assert "dataset digest" in done.stdout


def test_what_cannot_be_judged_is_said_before_the_training(monkeypatch, capsys):
    commit = {TEST: '{"mlp_65x2": {}, "mlp_ema": {}}', RECORDED_ON: '{"recipes": {}}'}
    commit[COMPARISON] = "recipe,seeds,seeds_stddev\nmlp_65x2,1,\nmlp_ema,5,0.1\n"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(verify, "committed", commit.get)
    monkeypatch.setattr(verify, "repeat", lambda checkout, model: exit("training"))
    monkeypatch.setattr("sys.argv", ["verify", "mlp"])
    with pytest.raises(SystemExit, match="training"):
        verify.main()
    warning = capsys.readouterr().err
    assert "no spread between seeds, of mlp_200, mlp_sigmoid, mlp_65x2, mlp_dropout;" in warning
    monkeypatch.setattr("sys.argv", ["verify", "cnn"])
    with pytest.raises(PipelineError, match="no result of it, but of mlp_65x2, mlp_ema"):
        verify.main()
