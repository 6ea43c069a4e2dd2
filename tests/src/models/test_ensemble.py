"""An ensemble averages the probabilities of its members."""

import numpy as np
import pytest

from src.common.tensorflow import keras
from src.models import ensemble
from src.models.archive import save_model
from src.models.calibration import fit_temperature
from src.models.inference import Predictor
from src.models.metrics import accuracy, cross_entropy
from src.models.network import build_model, with_test_time_augmentation


@pytest.fixture(scope="module")
def members(change_recipe, tmp_path_factory):
    """Three members as the stage reads them; two of them have layers of the same names."""
    recipe, found = change_recipe("tiny_convnet"), []
    folder = tmp_path_factory.mktemp("members")
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)  # it also resets the names of layers
        model = with_test_time_augmentation(build_model(recipe, 28, 28, 10), recipe)
        found.append(model)
    found.append(build_model(change_recipe("softmax_normal"), 28, 28, 10))
    for number, model in enumerate(found):
        save_model(model, folder / f"{number}.keras")
    return [keras.saving.load_model(folder / f"{number}.keras") for number in range(3)]


@pytest.fixture(scope="module")
def model(members):
    return ensemble.average(members)


@pytest.fixture(scope="module")
def expected(members, digits):
    """The logarithms of the mean probabilities for 60 images, calculated with NumPy."""
    logits = np.array([member(digits[0][:60]) for member in members], np.float64)
    exponentials = np.exp(logits - logits.max(axis=2, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=2, keepdims=True)
    return np.log(np.maximum(probabilities.mean(axis=0), 1e-7))


def test_the_logits_are_the_logarithms_of_the_mean_probabilities(model, digits, expected):
    np.testing.assert_allclose(model(digits[0][:60]), expected, rtol=1e-4, atol=1e-4)


def test_the_saved_model_predicts_the_same_and_has_the_weights_of_the_members(
    model, members, digits, tmp_path
):
    save_model(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(loaded(digits[0][:60]), model(digits[0][:60]))
    weights = [each for member in members for each in member.get_weights()]
    for one, other in zip(loaded.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_class_that_all_members_exclude_has_a_finite_logit():
    images = keras.Input((2, 2), dtype="uint8")
    member = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(images)))
    members = [keras.models.clone_model(member) for _ in range(3)]
    for each in members:
        each.set_weights([np.zeros((4, 2)), np.array([900.0, -900.0])])
    logits = ensemble.average(members)(np.zeros((1, 2, 2), np.uint8))
    np.testing.assert_allclose(logits, [[0, np.log(1e-7)]], atol=1e-6)


def test_the_row_of_the_history_has_the_cost_of_all_members(model, digits, expected):
    images, labels = digits[0][:60], digits[1][:60]
    records = [{"epochs": 1.5, "steps": 30}, {"epochs": 2, "steps": 40}, {"epochs": 3, "steps": 9}]
    result = ensemble.evaluate(model, records, [0.1, 0.2, 0.6], (images, labels))
    (row,) = result.history
    assert (row["epoch"], row["step"]) == (6.5, 79)
    assert row["loss"] == pytest.approx(0.3)
    assert row["val_accuracy"] == accuracy(expected.astype(np.float32), labels)
    assert row["val_loss"] == pytest.approx(cross_entropy(expected.astype(np.float32), labels))
    assert result.temperature == fit_temperature(Predictor(model).logits(images), labels)
    assert result.seconds == [0.0] and result.weights_by_epoch is None
