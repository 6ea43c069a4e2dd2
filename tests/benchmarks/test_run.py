"""The programs that are timed do train, and all on the same recipe."""

from pathlib import Path

import pytest

from benchmarks.peers import FeedLoop
from benchmarks.run import ratio, time_epochs
from src.params import load_params

RECIPES = load_params(Path(__file__).parents[2] / "params.yaml").models


@pytest.mark.parametrize("name", ["softmax", "mlp_ema", "mlp_dropout"])
def test_all_programs_are_timed_and_learn(digits, name):
    timed = time_epochs(RECIPES[name], *digits, repeat=3)
    assert list(timed.seconds) == ["ours", "feed loop", "fit"]
    assert {len(seconds) for seconds in timed.seconds.values()} == {3}
    for losses in timed.losses.values():
        assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", RECIPES)
def test_the_feed_loop_knows_every_recipe(digits, name):
    recipe = RECIPES[name].model_copy(update={"batch_size": 100})
    assert FeedLoop(recipe, *digits).epoch() > 0


def test_a_ratio_is_of_programs_that_ran_in_the_same_turn():
    assert ratio([2.0, 6.0, 8.0], [1.0, 2.0, 2.0]) == "3.00 (2.00–4.00)"
