"""How well outputs agree with labels, and how sure that is."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

__all__ = ["Score", "accuracy", "block_error", "roc_auc", "share_right"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A figure of merit on a split; more is better unless it says otherwise.

    Members
    -------
    value : float
        From 0 to 1, where the metric is one of this project's.
    standard_error : float
        Of the value, over the choice of the examples; not a number where it is not known.
    examples : int
        How many were scored.
    lower : bool
        Whether less is better, as of a rate of errors.
    """

    value: float
    standard_error: float
    examples: int
    lower: bool = False

    @property
    def gain(self) -> float:
        """The value, or its negative where less is better: more is better."""
        return -self.value if self.lower else self.value


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


def share_right(predicted: np.ndarray, label: np.ndarray) -> Score:
    """Share of examples whose predicted class is the label.

    The standard error is that of a share with one right and one wrong example more, so that a
    perfect score is not taken for a certain one.
    """
    right, count = int(np.sum(predicted == label)), len(label)
    share = (right + 1) / (count + 2)
    error = sqrt(share * (1 - share) / count)
    return Score(value=right / count, standard_error=error, examples=count)


def block_error(score, count: int, block: int, draws: int = 500, seed: int = 0) -> float:
    """Standard error of a score over ``count`` neighbouring examples, by the block bootstrap.

    Neighbours resemble each other, so blocks of them are drawn, not single examples.

    Parameters
    ----------
    score : function of int array
        The score of the examples with these numbers; a ``ValueError`` means that it has none.
    count, block : int
        Examples, and how many of them make a block.
    draws, seed : int
        Bootstrap samples.

    References
    ----------
    H. R. Kuensch, "The jackknife and the bootstrap for general stationary observations", Annals of
    Statistics 17, 1989.
    """
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        starts = rng.integers(0, max(count - block, 0) + 1, -(-count // block))
        numbers = (starts[:, None] + np.arange(min(block, count))).ravel()
        try:
            values.append(score(numbers[:count]))
        except ValueError:
            continue
    return float(np.std(values)) if values else float("nan")
