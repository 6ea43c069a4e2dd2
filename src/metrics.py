"""What predictions are worth: metrics of logits against labels, with their uncertainty."""

import numpy as np
import scipy  # its parts are loaded when they are first used: scipy.stats takes half a second


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean softmax cross-entropy in nats; logits ``float32 [N, K]``, labels ``uint8 [N]``."""
    log_probabilities = scipy.special.log_softmax(logits.astype(np.float64), axis=1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose largest logit is the label's."""
    return float((logits.argmax(axis=1) == labels).mean())


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a share of ``n`` (Wilson, JASA 22, 1927)."""
    interval = scipy.stats.binomtest(round(share * n), n).proportion_ci(0.95, method="wilson")
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
    return float(scipy.stats.binomtest(only_first, only_first + only_second).pvalue)
