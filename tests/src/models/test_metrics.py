"""Metrics have the values that follow from their formulas."""

import numpy as np
import pytest

from src.models import metrics

LOGITS = np.array([[2, 0], [0, 1], [3, 3]], np.float32)


def test_cross_entropy_of_equal_logits_is_the_log_of_the_number_of_classes():
    assert metrics.cross_entropy(np.zeros((4, 10)), np.arange(4)) == pytest.approx(np.log(10))


def test_cross_entropy_of_large_logits_does_not_overflow():
    assert metrics.cross_entropy(np.array([[1e4, 0]]), np.array([1])) == pytest.approx(1e4)


def test_accuracy():
    assert metrics.accuracy(LOGITS, np.array([0, 1, 1])) == pytest.approx(2 / 3)
