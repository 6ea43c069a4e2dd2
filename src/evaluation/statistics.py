"""The uncertainty of a measured accuracy: confidence intervals and significance tests."""

from collections.abc import Sequence
from math import nan, sqrt
from statistics import fmean, stdev

import numpy as np
from scipy.stats import binomtest, t, ttest_ind_from_stats


def proportion_interval(
    count: int, n: int, level: float = 0.95, method: str = "wilson"
) -> tuple[float, float]:
    """The score interval of the proportion ``count`` of ``n`` (Wilson, JASA 22, 1927).

    With the method ``exact``, that of Clopper and Pearson (Biometrika 26, 1934): it contains the
    true proportion with a probability of at least ``level``.
    """
    interval = binomtest(count, n).proportion_ci(level, method)
    return float(interval.low), float(interval.high)


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> float:
    """The p-value of McNemar's exact two-sided test (Psychometrika 12, 1947).

    The null hypothesis is that two classifiers make equally many errors on the same images. It is
    a binomial test on the images that exactly one of them classified correctly. Both arguments
    are ``bool [N]``: whether the classifier was correct on each image.
    """
    only_first = int((first_correct & ~second_correct).sum())
    only_second = int((second_correct & ~first_correct).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float, float]:
    """The mean, the standard deviation, and both ends of the 95% interval of the mean.

    The standard deviation is that of a sample, with n - 1. The interval is Student's (Biometrika 6,
    1908), for normally distributed values. With one value, all but the mean are NaN.
    """
    mean, count = fmean(values), len(values)
    if count == 1:
        return mean, nan, nan, nan
    deviation = stdev(values)  # not NumPy's: this one is exactly 0 for equal values
    half = float(t.ppf(0.975, count - 1)) * deviation / sqrt(count)
    return mean, deviation, mean - half, mean + half


def welch(first: tuple[float, float, int], second: tuple[float, float, int]) -> float:
    """The p-value of Welch's two-sided t-test (Biometrika 34, 1947).

    The null hypothesis is that two samples come from normal distributions with the same mean; their
    standard deviations may differ. Each argument is the mean, the standard deviation and the size
    of a sample, which is at least 2.
    """
    if first[1] == second[1] == 0:  # t is not defined: any difference is larger than no spread
        return float(first[0] == second[0])
    return float(ttest_ind_from_stats(*first, *second, equal_var=False).pvalue)
