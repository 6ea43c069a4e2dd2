"""The uncertainty of a measured accuracy: confidence intervals and significance tests."""

import numpy as np
from scipy.stats import binomtest


def wilson_interval(proportion: float, n: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a proportion of ``n`` (Wilson, JASA 22, 1927)."""
    interval = binomtest(round(proportion * n), n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def exact_interval(count: int, n: int, level: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson for ``count`` of ``n`` (Biometrika 26, 1934).

    It contains the true proportion with a probability of at least ``level``.
    """
    interval = binomtest(count, n).proportion_ci(level, method="exact")
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
