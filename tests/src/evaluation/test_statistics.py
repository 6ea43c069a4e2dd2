"""Intervals and significance tests against published examples."""

import numpy as np
import pytest

from src.evaluation import statistics


def test_wilson_interval_of_81_in_263():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, score method
    assert statistics.wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_wilson_interval_of_a_perfect_result_ends_at_one():
    low, high = statistics.wilson_interval(1.0, 256)
    assert high == 1.0
    assert low == pytest.approx(256 / (256 + 1.959964**2))


def test_mcnemar_is_a_binomial_test_on_the_images_that_only_one_classifier_got_right():
    first = np.array([True] * 50 + [True] * 6 + [False])
    second = np.array([True] * 50 + [False] * 6 + [True])
    # two-sided: 2 × (C(7, 0) + C(7, 1)) / 2^7
    assert statistics.mcnemar(first, second) == pytest.approx(2 * 8 / 128)


def test_mcnemar_of_equal_classifiers_is_one():
    assert statistics.mcnemar(np.array([True, False]), np.array([True, False])) == 1.0
