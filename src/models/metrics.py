"""Metrics of logits ``float32 [N, K]`` and labels ``uint8 [N]``."""

import numpy as np
from scipy.special import log_softmax


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean softmax cross-entropy in nats."""
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of images whose largest logit is at the label."""
    return float((logits.argmax(axis=1) == labels).mean())
