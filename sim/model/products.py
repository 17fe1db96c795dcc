"""Sums of products of one weight matrix at one level of a multiplier, exactly as its gates add."""

from functools import lru_cache

import numpy as np

from hw.multipliers.behaviour import behaviour
from hw.multipliers.family import Multiplier

__all__ = ["LevelProducts", "is_exact", "product_factors"]

_MOST_FACTORS = 10
"""More factors than this cost more than looking products up."""
_ROUNDING = 2.0**-52
_AT_ONCE = 1 << 20
"""Products looked up at once, so that they stay in cache or at least in memory."""


@lru_cache(maxsize=64)
def _table(multiplier: Multiplier, level: int, value_width: int) -> np.ndarray:
    """Products, int64 ``[values, weights]``, from the least of each up."""
    values = np.arange(-(2 ** (value_width - 1)) + 1, 2 ** (value_width - 1))
    weights = np.arange(multiplier.least_weight, multiplier.weight_limit + 1)
    return multiplier.compute(values[:, None], weights, level)


@lru_cache(maxsize=64)
def product_factors(multiplier: Multiplier, level: int, value_width: int) -> tuple | None:
    """``(A, B)`` with ``A @ B`` the table of products, or None where that takes many factors.

    Where products are linear in the value, ``A`` is the values themselves and ``B`` integers.
    Otherwise they come from a singular value decomposition, and sums of their products are rounded
    to the integers that they stand for: see ``LevelProducts`` for why that is exact.
    """
    middle = 2 ** (value_width - 1) - 1
    values = np.arange(2 * middle + 1, dtype=np.float64) - middle
    weights = np.arange(multiplier.least_weight, multiplier.weight_limit + 1)
    one = multiplier.effective_weight(weights, level)
    if one is not None:
        return values[:, None], one[None].astype(np.float64)
    table = _table(multiplier, level, value_width)
    one = table[middle + 1].astype(np.float64)
    if np.array_equal(np.outer(values, one), table):
        return values[:, None], one[None]
    left, sizes, right = np.linalg.svd(table.astype(np.float64), full_matrices=False)
    rank = int(np.count_nonzero(sizes > sizes[0] * 1e-12))
    if rank > _MOST_FACTORS:
        return None
    root = np.sqrt(sizes[:rank])
    return left[:, :rank] * root, right[:rank] * root[:, None]


def is_exact(multiplier: Multiplier, level: int) -> bool:
    """Whether every product of a level is the exact one."""
    return behaviour(multiplier, level).exact


class LevelProducts:
    """``sum over events of f(value, weight)`` for every row, many sets of events at once.

    Levels whose products are linear in the value are one matrix product, in integers that float64
    holds. Levels whose table has a low rank, such as arrays with dots left out, are as many matrix
    products as the rank; their sum is rounded, and a bound on what floating point can have lost is
    checked to be far below a half. Products of other levels are looked up one by one.

    Throughput: at 64 inputs and 128 units, a thousand and more steps a second in the last case.

    Parameters
    ----------
    weights : int8 [rows, columns]
        The matrix.
    multiplier : Multiplier
        What multiplies.
    level : int
        Its level.
    value_width : int
        Bits of an event's value.
    """

    def __init__(self, weights: np.ndarray, multiplier: Multiplier, level: int, value_width: int):
        self.rows, self.columns = weights.shape
        self._middle = 2 ** (value_width - 1) - 1
        codes = weights.astype(np.intp) - multiplier.least_weight
        factors = product_factors(multiplier, level, value_width)
        if factors is not None and _is_safe(*factors, self.columns):
            self._left = factors[0]
            self._linear = np.array_equal(
                self._left[:, 0], np.arange(len(self._left)) - self._middle
            )
            # Of each column its factors side by side.
            self._matrix = factors[1].T[codes].reshape(self.rows, -1)
            self.sums = self._multiply
        else:
            self._table = _table(multiplier, level, value_width)
            self._codes = np.ascontiguousarray(codes.T)
            self.sums = self._look_up

    def _multiply(self, values: np.ndarray, events: np.ndarray) -> np.ndarray:
        """Sums, float64 holding integers ``[rows, sets]``.

        Parameters
        ----------
        values : number [columns, sets]
            Event values.
        events : bool [columns, sets]
            Which of them are events.
        """
        if self._linear:
            return self._matrix @ np.where(events, values, 0.0)
        found = self._left[values.astype(np.intp) + self._middle]
        found *= events[..., None]
        operand = found.transpose(0, 2, 1).reshape(-1, values.shape[1])
        return np.rint(self._matrix @ operand)

    def _look_up(self, values: np.ndarray, events: np.ndarray) -> np.ndarray:
        """As ``_multiply``."""
        sums = np.zeros((self.rows, values.shape[1]))
        starts = (values.astype(np.intp) + self._middle) * self._table.shape[1]
        size = max(1, _AT_ONCE // self.rows)
        for number in range(values.shape[1]):
            columns = np.flatnonzero(events[:, number])
            for first in range(0, len(columns), size):
                chosen = columns[first : first + size]
                index = self._codes[chosen] + starts[chosen, number, None]
                sums[:, number] += self._table.take(index).sum(axis=0)
        return sums


def _is_safe(left: np.ndarray, right: np.ndarray, columns: int) -> bool:
    """Whether a sum over all columns is closer than a quarter to the integer it stands for."""
    terms = columns * left.shape[1]
    left, right = np.abs(left), np.abs(right)
    # Of a single factor the table of magnitudes would be large, and its largest is known.
    magnitudes = left.max() * right.max() if left.shape[1] == 1 else (left @ right).max()
    largest = magnitudes * columns
    # A sum of n terms loses at most n roundings; the factors themselves are good to a few.
    return bool(largest * (terms + 64) * _ROUNDING < 0.25)
