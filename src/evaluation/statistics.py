"""How certain a measured accuracy is: intervals and significance tests."""

import numpy as np
from scipy.stats import binomtest


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a share of ``n`` (Wilson, JASA 22, 1927)."""
    interval = binomtest(round(share * n), n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> float:
    """The exact two-sided p-value that two classifiers err equally often on the same images.

    Takes whether each was right, ``bool [N]``. A binomial test on the images that exactly one
    of them got right (McNemar, Psychometrika 12, 1947).
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)
