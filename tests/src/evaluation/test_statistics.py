"""Intervals and significance tests against published examples."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from src.evaluation import statistics


def test_wilson_interval_of_81_in_263():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, score method
    assert statistics.proportion_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_mcnemar_is_a_binomial_test_on_the_images_that_only_one_classifier_got_right():
    first = np.array([True] * 50 + [True] * 6 + [False])
    second = np.array([True] * 50 + [False] * 6 + [True])
    # two-sided: 2 × (C(7, 0) + C(7, 1)) / 2^7
    assert statistics.mcnemar(first, second) == pytest.approx(2 * 8 / 128)


def test_the_interval_of_a_mean_is_student_s():
    # 97.5% of Student's distribution with two degrees of freedom: 4.302653; times 0.01 / √3
    mean, stddev, low, high = statistics.mean_interval([0.98, 0.99, 1.0])
    assert (mean, stddev) == (pytest.approx(0.99), pytest.approx(0.01))
    assert (low, high) == pytest.approx((0.99 - 0.0248414, 0.99 + 0.0248414), abs=1e-6)


def test_one_value_has_no_interval_and_equal_values_have_no_spread():
    mean, *others = statistics.mean_interval([0.9])
    assert mean == 0.9 and np.isnan(others).all()
    assert statistics.mean_interval([0.9131] * 7) == (0.9131, 0.0, 0.9131, 0.9131)


def test_welch_is_the_test_of_the_values():
    first, second = [0.991, 0.992, 0.9925, 0.9915], [0.990, 0.9905, 0.9921]
    summaries = [(*statistics.mean_interval(each)[:2], len(each)) for each in (first, second)]
    expected = ttest_ind(first, second, equal_var=False).pvalue
    assert statistics.welch(*summaries) == pytest.approx(expected)


def test_welch_of_means_without_spread_compares_them():
    assert statistics.welch((0.9, 0.0, 2), (0.9, 0.0, 3)) == 1
    assert statistics.welch((0.9, 0.0, 2), (0.8, 0.0, 3)) == 0
