"""The original programs, and the recipes that reproduce them."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from benchmarks.originals import PROGRAMS, Original
from src.common.tensorflow import keras, tf
from src.config.recipe import load_recipe
from src.training.network import build_model
from tests.fixtures.training import RECIPES

STEPS = 10


def relative_difference(ours, theirs, first) -> float:
    """The largest difference of two weights, in units of the largest change by the training."""
    pairs = zip(ours, theirs, first, strict=True)
    return max(np.abs(a - b).max() / np.abs(b - c).max() for a, b, c in pairs)


# Adam divides a gradient by its own size, so it increases the rounding error of small gradients.
# In `cnn`, a rounding error can change which pixel of a max pool is the largest.
TOLERANCE = dict.fromkeys(PROGRAMS, 1e-3) | {"mlp_65x2": 0.02, "cnn": 0.02}


@pytest.mark.parametrize("name", PROGRAMS)
def test_ten_steps_give_the_weights_of_the_original_program(digits, new_steps, name):
    """Both are trained without dropout, on the same images in the same order."""
    images, labels = digits
    content = RECIPES[name].model_dump()
    if name == "mlp_ema":
        content["schedule"] = None  # its program has none: see there
    if content.get("dropout"):
        content["dropout"] = dict.fromkeys(content["dropout"], 0.0)
    count = STEPS * content["batch_size"]
    rows = np.random.default_rng(0).integers(len(labels), size=count).astype(np.int32)
    original = Original(name, images, labels)
    first = original.weights()
    steps = new_steps(load_recipe(content), content["batch_size"], STEPS)
    ours = steps.variables()[: len(first)]
    for variable, value in zip(ours, first, strict=True):
        variable.assign(value)
    steps.load((images, labels))
    steps.run(tf.constant(rows), 0, STEPS)
    original.train(rows, dropout=False)
    assert relative_difference(map(np.asarray, ours), original.weights(), first) < TOLERANCE[name]


@pytest.mark.parametrize("name", PROGRAMS)
def test_initial_values_have_the_distribution_of_the_original_program(digits, name):
    keras.utils.set_random_seed(1)
    ours = build_model(RECIPES[name], 28, 28, 10).get_weights()
    for own, other in zip(ours, Original(name, *digits).weights(), strict=True):
        assert own.shape == other.shape
        if np.ptp(other) == 0:
            np.testing.assert_array_equal(own, other)
        else:
            assert ks_2samp(own.ravel(), other.ravel()).pvalue > 0.001


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_and_its_recipe_have_the_same_length(name):
    program, recipe = PROGRAMS[name], RECIPES[name]
    assert (program.batch_size, program.epochs, program.steps) == (
        *(recipe.batch_size, recipe.epochs, recipe.steps),
    )
    assert program.file_order is not recipe.shuffle


def test_batches_are_those_of_the_tutorials(digits):
    images, labels = digits  # 1,437

    def batches(name: str, count: int) -> np.ndarray:
        return [next(each) for each in [Original(name, images, labels)._batches] * count]

    in_file_order = batches("cnn", 12)
    assert [(each[0], each[-1]) for each in in_file_order[-2:]] == [(1280, 1407), (0, 127)]
    shuffled = np.concatenate(batches("softmax", 29))
    assert (np.sort(shuffled[:1437]) == range(1437)).all()  # no image is left out,
    assert len(set(shuffled[1437:2800])) == 1363  # and none comes twice in an epoch
