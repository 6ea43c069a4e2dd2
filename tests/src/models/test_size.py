"""The number of parameters, and the estimated memory of a training."""

import subprocess
import sys

import pytest

from src.common.errors import PipelineError
from src.config.params import TrainParams
from src.config.recipe import TUTORIALS
from src.data.memory import INFERENCE_BATCH, inference_batch
from src.models import size
from src.models.inference import Predictor
from src.models.network import build_model
from src.models.size import check_memory, count_parameters, estimate_bytes
from tests.fixtures.training import RECIPES, SMALL_RECIPES

TRAIN = TrainParams(
    **{"device": "cpu", "strategy": "single", "memory_limit": "auto", "threads": "auto"},
    **{"compile": "auto", "precision": "auto", "seed": 1, "tensorboard": True},
)
MEASURED = """
import resource, sys
import numpy as np
from src.config.params import load_params
from src.training.execution import Execution
from src.training.setup import make_trainer

name, side, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
recipe = load_params().models[name].model_copy(update={"epochs": None, "steps": 3})
images = np.zeros((batch, side, side), np.uint8)
split = images, (np.arange(batch) % 10).astype(np.uint8)
make_trainer(recipe, split, split, 10, 1, Execution("cpu", "graph", "float32")).run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


SIZES = [
    (name, size)
    for name, recipe in (RECIPES | SMALL_RECIPES).items()
    for size in [(1, 1), (28, 28), (33, 7), (64, 200)]
    if recipe.family in TUTORIALS or min(size) >= 28  # others have convolutions without padding
]


@pytest.mark.parametrize(("name", "size"), SIZES)
@pytest.mark.parametrize("classes", [7, 12])  # 12: also the units of a hidden layer
def test_the_parameters_are_those_of_the_model(change_recipe, name, size, classes):
    recipe = change_recipe(name)
    expected = build_model(recipe, *size, classes).count_params()
    assert count_parameters(recipe, *size, classes) == expected


@pytest.mark.parametrize(("name", "side", "batch"), [("cnn", 150, 128), ("mlp_dropout", 200, 128)])
def test_the_estimate_is_near_the_memory_that_a_training_needs(name, side, batch, environment):
    command = [sys.executable, "-c", MEASURED, name, str(side), str(batch)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    estimate = estimate_bytes(RECIPES[name], side, side, 10, batch)
    assert 0.5 < int(done.stdout) / estimate < 1.05


def test_a_recipe_that_needs_more_memory_than_there_is_is_refused(monkeypatch):
    monkeypatch.setattr(size, "device_memory", lambda device: 24e9)
    arguments = RECIPES["cnn"], TRAIN, (1000, 512, 512), 10
    message = (
        r"models.cnn needs about \d\d\.\d GB of memory for images of 512 × 512 pixels, but this "
        r"machine has \d+\.\d GB; decrease its batch_size"
    )
    with pytest.raises(PipelineError, match=message):
        check_memory("cnn", *arguments)
    assert check_memory("softmax", RECIPES["softmax"], *arguments[1:]) < 3e9


def test_a_batch_that_is_larger_than_the_shuffle_buffer_is_refused():
    limited = TRAIN.model_copy(update={"memory_limit": 1.0})
    with pytest.raises(PipelineError, match=r"models\.mlp_200: a batch of 1,000 images of 300 ×"):
        check_memory("mlp_200", RECIPES["mlp_200"], limited, (50_000, 300, 300), 10)


@pytest.mark.parametrize(("side", "needed"), [(128, "2.9"), (224, "6.8")])
def test_a_recipe_that_needs_more_than_the_memory_limit_is_refused(side, needed):
    """The same training used up to 3.6 and 9.3 GB when nothing limited it."""
    limited, images = TRAIN.model_copy(update={"memory_limit": 2.0}), (1000, side, side)
    message = f"needs about {needed} GB of .* but train.memory_limit is 2.0 GB; increase it, dec"
    with pytest.raises(PipelineError, match=message):
        check_memory("cnn", RECIPES["cnn"], limited, images, 10)
    for name in SMALL_RECIPES.keys() - {"cnn", "mlp_dropout" if side == 224 else None}:
        check_memory(name, SMALL_RECIPES[name], limited, images, 10)
    check_memory("cnn", RECIPES["cnn"], limited, (8_000_000, 28, 28), 10)


def test_images_that_are_too_small_for_a_convolution_are_refused(change_recipe):
    with pytest.raises(PipelineError) as error:
        check_memory("tiny", change_recipe("tiny_convnet"), TRAIN, (1000, 9, 20), 10)
    assert str(error.value) == (
        "models.tiny: images of 9 × 20 pixels are too small for convolution 3, which has the "
        "kernel 3 × 3 and no padding; set its padding to same, or use other recipes for this "
        "dataset"
    )


def test_a_recipe_with_huge_layers_is_refused(change_recipe):
    recipe = change_recipe("mlp_sigmoid", hidden=[100_000, 100_000])
    with pytest.raises(PipelineError, match=r"models.wide needs about 1\d\d\.\d GB of memory for"):
        check_memory("wide", recipe, TRAIN, (1000, 28, 28), 10)


def test_the_images_count_once_more_while_they_are_loaded():
    arguments = "softmax", RECIPES["softmax"], TRAIN
    few, many = (check_memory(*arguments, (n, 28, 28), 10) for n in (1000, 1_000_000))
    assert many - few == pytest.approx(2 * 784e6, rel=0.1)
    limited = TRAIN.model_copy(update={"memory_limit": 2.0})
    streamed = check_memory("softmax", RECIPES["softmax"], limited, (10**7, 28, 28), 10)
    assert streamed - few == pytest.approx(2e9 / 4, rel=0.1)


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_mnist_is_predicted_in_batches_of_a_fixed_size(name):
    """Otherwise, the metrics of the recipes in params.yaml would change in their last digits."""
    model = build_model(SMALL_RECIPES[name], 28, 28, 10)
    assert Predictor(model).batch_size == INFERENCE_BATCH


@pytest.mark.parametrize(
    ("name", "changes", "side", "expected"),
    [
        ("cnn", {}, 128, 48),
        ("cnn", {"filters": [400]}, 64, 15),
        ("mlp_sigmoid", {"hidden": [100_000]}, 4, 256),
        ("softmax", {}, 280, 326),
        ("softmax", {}, 28, 1000),
    ],
)
def test_fewer_images_are_predicted_at_the_same_time_if_a_layer_is_large(
    change_recipe, name, changes, side, expected
):
    recipe = change_recipe(name, **changes)
    assert Predictor(build_model(recipe, side, side, 10)).batch_size == expected


@pytest.mark.parametrize(("values", "expected"), [(1, 1000), (25_600, 1000), (10**9, 1)])
def test_a_batch_has_at_least_one_image(values, expected):
    assert inference_batch(values) == expected
