"""How well probabilities agree with yes-or-no labels."""

import numpy as np

__all__ = ["accuracy", "roc_auc"]


def roc_auc(probability: np.ndarray, label: np.ndarray) -> float:
    """Area under the receiver operating characteristic.

    The chance that a positive example gets a higher probability than a negative one; a tie counts
    one half.

    Raises
    ------
    ValueError
        Only one kind of label is present.
    """
    label = np.asarray(label, bool)
    positives, negatives = int(label.sum()), int((~label).sum())
    if not positives or not negatives:
        raise ValueError("the area under the curve needs labels of both kinds")
    _, group, count = np.unique(probability, return_inverse=True, return_counts=True)
    # The mean rank, from 1, of the examples that share a probability.
    rank = (np.cumsum(count) - (count - 1) / 2)[group]
    return float((rank[label].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def accuracy(probability: np.ndarray, label: np.ndarray, threshold: float = 0.5) -> float:
    """Share of examples on the right side of ``threshold``."""
    return float(np.mean((np.asarray(probability) > threshold) == np.asarray(label, bool)))
