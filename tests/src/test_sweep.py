"""The grid of a sweep."""

import pytest

from src.errors import PipelineError
from src.sweep import trials


def test_a_grid_has_a_trial_for_each_combination():
    grid = trials(["train.seed=1,2", "model=mlp", "models.cnn.epochs=range(1,4)"])
    assert len(grid) == 2 * 1 * 3
    assert ["train.seed=2", "model=mlp", "models.cnn.epochs=3"] in grid.values()


def test_a_trial_has_the_same_name_each_time_and_no_other_has_it():
    names = list(trials(["train.seed=1,2,3"]))
    assert len(set(names)) == 3
    assert list(trials(["train.seed=1,2,3"])) == names


def test_a_list_is_one_value():
    assert list(trials(["model=[softmax,cnn]"]).values()) == [["model=[softmax,cnn]"]]


@pytest.mark.parametrize("change", ["train.seed", "a=[1,", ""])
def test_what_is_no_change_is_a_sentence(change):
    with pytest.raises(PipelineError, match="write -S key=value,value"):
        trials([change])
