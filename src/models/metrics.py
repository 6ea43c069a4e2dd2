"""Metrics of logits ``float32 [N, K]`` and labels ``uint8 [N]``: accuracy, loss, calibration.

Calibration is whether predictions with a probability of 90% are right in 90% of the cases; after
Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017,
arXiv 1706.04599.
"""

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax

BINS = 15  # as in the paper
LIMITS = 0.01, 100.0  # of a temperature
HALVINGS = 20  # of the interval of log T: the relative error of a temperature is below 1e-5


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean softmax cross-entropy in nats."""
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of images whose largest logit is at the label."""
    return float((logits.argmax(axis=1) == labels).mean())


def evidence(logits: np.ndarray) -> np.ndarray:
    """``float32 [N]``: how much speaks for any of the classes; little, if it is none of them.

    It is the negative energy of Liu, Wang, Owens and Li, *Energy-based Out-of-distribution
    Detection*, NeurIPS 2020, arXiv 2010.03759.
    """
    return logsumexp(logits, axis=1)


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> dict:
    """Compare the confidence of predictions with their accuracy, in bins of equal width.

    The confidence is the probability of the predicted class. Bin m of M contains the predictions
    with a confidence in ((m - 1) / M, m / M].

    Args:
        probabilities: ``float [N, K]``.

    Returns:
        For each bin, the ``count`` of its predictions, their mean ``confidence``, and their
        ``accuracy``; both are NaN if the bin is empty.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    some = np.where(count, count, np.nan)
    return {
        "count": count,
        "confidence": np.bincount(index, confidence, bins) / some,
        "accuracy": np.bincount(index, right, bins) / some,
    }


def expected_calibration_error(
    logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0
) -> float:
    """The mean distance between accuracy and confidence in the bins, weighted by their counts.

    It is equation 3 of the paper, with its 15 bins. The logits are divided by ``temperature``.
    """
    found = reliability(softmax(logits.astype(np.float64) / temperature, axis=1), labels)
    distance = np.abs(found["accuracy"] - found["confidence"])
    return float(np.nansum(found["count"] * distance) / len(labels))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T in [0.01, 100] that minimizes the cross-entropy of ``logits / T``.

    The cross-entropy is convex in 1 / T, so a bisection finds where its derivative is 0. (It needs
    20 ms for 5,000 images; the import of ``scipy.optimize`` alone, 150 ms.) If the cross-entropy
    decreases up to a limit, the result is this limit: 0.01, for example, if all predictions are
    right. If it does not depend on T, the result is 1.
    """
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    of_label = shifted[np.arange(len(labels)), labels].mean()

    def slope(temperature: float) -> float:
        """The derivative of the cross-entropy with respect to 1 / T."""
        probabilities = softmax(shifted / temperature, axis=1)
        return (probabilities * shifted).sum(axis=1).mean() - of_label

    low, high = LIMITS
    if slope(1.0) == 0:
        return 1.0
    if slope(low) <= 0:
        return low
    if slope(high) >= 0:
        return high
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if slope(middle) < 0 else (middle, high)
    return float(np.sqrt(low * high))


def calibration_metrics(
    logits: np.ndarray, labels: np.ndarray, temperature: float
) -> dict[str, float]:
    """The calibration error, before and after the division of the logits by a temperature."""
    return {
        "ece": expected_calibration_error(logits, labels),
        "temperature": temperature,
        "calibrated_ece": expected_calibration_error(logits, labels, temperature),
        "calibrated_loss": cross_entropy(logits / temperature, labels),
    }
