"""What rounding and pruning have in common: how far samples are trusted to say what moves together.

A column that loses something is made good by others, as far as their products on the samples say.
Where samples are few, columns move together on them that do not on others, so every column's power
is raised by a damping, which is chosen on samples that it was not made of.
"""

from collections.abc import Callable

import numpy as np

__all__ = ["DAMPINGS", "best_damping", "damped", "mean_products"]

DAMPINGS = (0.01, 0.1, 0.3)
"""Added to every column's power, in parts of their mean."""
_TOGETHER = 64
"""Steps that stand together when samples are divided: neighbours are alike."""
_LEAST = 1e-12
"""Added where there is no power at all."""


def mean_products(seen: np.ndarray) -> np.ndarray:
    """Mean product of each two operands over samples ``[samples, operands]``."""
    return seen.T @ seen / len(seen)


def damped(gram: np.ndarray, damping: float) -> np.ndarray:
    """Mean products with all powers raised, float64.

    Parameters
    ----------
    gram : [operands, operands]
        Mean products; the last operand is the constant, whose power is no part of the mean.
    damping : float
        What is added, in parts of the mean power.
    """
    result = gram.astype(np.float64)
    result[np.diag_indices_from(result)] += damping * np.diag(result)[:-1].mean() + _LEAST
    return result


def best_damping(
    seen: np.ndarray,
    lost: Callable[[np.ndarray, np.ndarray, float], float],
    *,
    too_few: float,
    drifting: bool = False,
) -> float:
    """The damping that loses least on samples that it was not made of.

    Half of the samples makes it and the other half judges it, then the other way round. Where
    there are no more samples than columns, it is the largest damping.

    Parameters
    ----------
    seen : [samples, columns + 1]
        Operands in the order of time; the last one is always 1.
    lost : function of (made, judged, damping)
        What is lost by the mean products of the half that judges, if those of the other half and
        this damping are used.
    too_few : float
        The damping where the samples are too few to be divided.
    drifting : bool
        Divide the samples at the middle, too, so that what changes slowly counts; else only in
        turns of a few steps.
    """
    if len(seen) < 4 * _TOGETHER:
        return too_few
    if len(seen) < seen.shape[1]:
        return DAMPINGS[-1]
    turns = (_TOGETHER, -(-len(seen) // 2)) if drifting else (_TOGETHER,)
    pairs = [pair for each in turns for pair in _halves(seen, each)]
    return min(DAMPINGS, key=lambda damping: sum(lost(*pair, damping) for pair in pairs))


def _halves(seen: np.ndarray, together: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Mean products of one half and of the other, both ways, in turns of so many steps."""
    second = np.arange(len(seen)) // together % 2 == 1
    one, other = (mean_products(part) for part in (seen[~second], seen[second]))
    return (one, other), (other, one)
