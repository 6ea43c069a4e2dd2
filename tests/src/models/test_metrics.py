"""Metrics and calibration errors that are calculated by hand, and temperatures that are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from src.models.metrics import (
    LIMITS,
    accuracy,
    calibration_metrics,
    cross_entropy,
    evidence,
    expected_calibration_error,
    fit_temperature,
    reliability,
)

# The confidences are 0.9, 0.92, 0.6 and 0.5; the second prediction is wrong.
PROBABILITIES = np.array([[0.9, 0.1], [0.08, 0.92], [0.6, 0.4], [0.5, 0.5]])
LABELS = np.array([0, 0, 0, 0], np.uint8)


def sample(count: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from the probabilities of ``logits / scale``."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (count, 10))
    cumulative = softmax(logits, axis=1).cumsum(axis=1)
    labels = (cumulative < generator.random((count, 1))).sum(axis=1)
    return (logits * scale).astype(np.float32), labels.astype(np.uint8)


def test_accuracy_and_cross_entropy():
    assert accuracy(np.array([[2, 0], [0, 1], [3, 3]]), np.array([0, 1, 1])) == pytest.approx(2 / 3)
    assert cross_entropy(np.zeros((4, 10)), np.arange(4)) == pytest.approx(np.log(10))
    assert cross_entropy(np.array([[1e4, 0]]), np.array([1])) == pytest.approx(1e4)  # no overflow


def test_the_confidence_and_the_accuracy_of_each_bin():
    table = reliability(PROBABILITIES, LABELS, bins=5)
    expected = {
        "count": [0, 0, 2, 0, 2],
        "confidence": [np.nan, np.nan, 0.55, np.nan, 0.91],
        "accuracy": [np.nan, np.nan, 1.0, np.nan, 0.5],
    }
    pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(expected))


@pytest.mark.parametrize(("confidence", "bin_"), [(0.5, 0), (0.501, 1), (1.0, 1), (1.0000001, 1)])
def test_a_bin_contains_its_upper_limit(confidence, bin_):
    probabilities = np.array([[confidence, 0]], np.float32)
    assert reliability(probabilities, np.array([0]), bins=2)["count"].argmax() == bin_


def test_the_calibration_error_is_the_weighted_mean_of_the_distances():
    # With 15 bins: 0.5 and 0.6 are in bins 8 and 9; 0.9 and 0.92, in bin 14, (0.867, 0.933].
    expected = 0.5 / 4 + 0.4 / 4 + abs(0.5 - 0.91) * 2 / 4
    assert expected_calibration_error(np.log(PROBABILITIES), LABELS) == pytest.approx(expected)


def test_evidence_is_the_logarithm_of_the_sum_of_exponentials():
    np.testing.assert_allclose(
        evidence(np.log([[1.0, 2, 5], [0.1, 0.1, 0.8]])), [np.log(8), 0], atol=1e-9
    )


@pytest.mark.parametrize("scale", [0.05, 1, 30])
def test_the_temperature_is_the_scale_of_the_logits(scale):
    logits, labels = sample(20_000, scale)
    assert fit_temperature(logits, labels) == pytest.approx(scale, rel=0.02)


def test_the_temperature_is_a_limit_or_1_if_it_cannot_be_fitted():
    logits = 5 * np.eye(3, dtype=np.float32)
    assert fit_temperature(logits, np.array([0, 1, 2], np.uint8)) == LIMITS[0]
    assert fit_temperature(logits, np.array([1, 2, 0], np.uint8)) == LIMITS[1]
    assert fit_temperature(0 * logits, np.array([1, 2, 0], np.uint8)) == 1


def test_a_temperature_adds_the_metrics_after_calibration():
    logits, labels = sample(20_000, 3)
    metrics = calibration_metrics(logits, labels, 3.0)
    assert list(metrics) == ["ece", "temperature", "calibrated_ece", "calibrated_loss"]
    assert metrics["temperature"] == 3
    assert metrics["calibrated_ece"] < 0.02 < 0.1 < metrics["ece"]
    assert metrics["calibrated_loss"] < cross_entropy(logits, labels)
