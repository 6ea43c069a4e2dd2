"""Metrics of logits against labels."""

import numpy as np
from scipy.special import log_softmax


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean softmax cross-entropy in nats; logits ``float32 [N, K]``, labels ``uint8 [N]``."""
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose largest logit is the label's."""
    return float((logits.argmax(axis=1) == labels).mean())
