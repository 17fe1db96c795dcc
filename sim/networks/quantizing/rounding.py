"""Weights: which scale, and which of two codes, so that sums change least.

A scale that covers the largest weight may leave a handful of codes to all others, so narrower ones
are tried, with which the few weights beyond its codes are clamped. Columns are rounded one after
the other, and what each loses is made good in those that follow, as far as the samples say that
they move together; the bias, which is hardly rounded at all, comes last.

References
----------
B. Hassibi and D. Stork, "Second order derivatives for network pruning: optimal brain surgeon",
NIPS 1992. E. Frantar, S. Ashkboos, T. Hoefler and D. Alistarh, "GPTQ: accurate post-training
quantization for generative pre-trained transformers", ICLR 2023.
"""

from collections.abc import Sequence

import numpy as np

from sim.networks.second_order import DAMPINGS, best_damping, damped, mean_products

__all__ = ["Compensation", "best_compensation", "least_error_scales", "round_rows"]

_SHRINK = np.linspace(1.0, 0.25, 31)
"""Scales that are tried, in parts of the one that covers all weights."""
_JUDGED = 256
"""Rows that a damping is judged by."""
_BLOCK = 32
"""Columns after which the others are brought up to date."""


def least_error_scales(weights: np.ndarray, power: np.ndarray, largest: int) -> np.ndarray:
    """The scale of each group of weights that loses least, [groups].

    Parameters
    ----------
    weights : float64 [groups, rows, columns]
        The weights of a gate as one group, or of rows as many; no group is all zero.
    power : float64 [columns]
        Mean square of each column's operand.
    largest : int
        Largest magnitude of a code.
    """
    full = np.abs(weights).max(axis=(1, 2)) / largest
    error = [_squared_error(weights, power, full * shrink, largest) for shrink in _SHRINK]
    return full * _SHRINK[np.argmin(error, axis=0)]


def _squared_error(weights, power, scales: np.ndarray, largest: int) -> np.ndarray:
    scales = scales[:, None, None]
    codes = np.clip(np.rint(weights / scales), -largest, largest)
    return (((codes * scales - weights) ** 2) @ power).sum(axis=1)


class Compensation:
    """How what a column loses is made good by those that are rounded after it.

    Parameters
    ----------
    gram : float64 [columns + 1, columns + 1]
        Mean product of each two operands over the samples; the last operand is always 1.
    damping : float
        Added to every column's power, in parts of their mean.

    Members
    -------
    order : int [columns + 1]
        Columns in the order in which they are rounded: loud ones first, as long as there are others
        to make good what they lose; the constant last.
    shares : float64 [columns + 1, columns + 1]
        Row j: how a loss in the j-th of them is shared by those behind it.
    """

    def __init__(self, gram: np.ndarray, damping: float = DAMPINGS[0]):
        columns = len(gram) - 1
        loud = np.argsort(-np.diag(gram)[:columns], kind="stable")
        self.order = np.append(loud, columns)
        ordered = damped(gram[np.ix_(self.order, self.order)], damping)
        self.shares = np.linalg.cholesky(np.linalg.inv(ordered)).T


def best_compensation(
    seen: np.ndarray,
    rows: np.ndarray,
    scales: np.ndarray,
    parts: np.ndarray,
    largest: Sequence[int],
    held: np.ndarray | None = None,
) -> Compensation:
    """Compensation with the damping that loses least on samples that it was not made of.

    Where samples are too few to be divided, it is the least damping, see ``best_damping``.

    Parameters
    ----------
    seen : [samples, columns + 1]
        Operands in the order of time; the last one is always 1.
    rows, scales, parts, largest, held
        As of ``round_rows``.
    """
    some = slice(None, None, -(-len(rows) // _JUDGED))
    rows, scales = rows[some], scales[some]
    held = None if held is None else held[some]

    def lost(made: np.ndarray, judged: np.ndarray, damping: float) -> float:
        by = Compensation(made, damping)
        codes, constants = round_rows(rows, scales, parts, by, largest, held)
        wrong = np.column_stack([codes * scales[:, parts], constants]) - rows
        return float(np.einsum("rc,rc->", wrong @ judged, wrong))

    damping = best_damping(seen, lost, too_few=DAMPINGS[0])
    return Compensation(mean_products(seen), damping)


def round_rows(
    rows: np.ndarray,
    scales: np.ndarray,
    parts: np.ndarray,
    by: Compensation,
    largest: Sequence[int],
    held: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of rows of weights, and the constants that go with them.

    Parameters
    ----------
    rows : [rows, columns + 1]
        Weights, and a constant, behind them.
    scales : [rows, parts]
        Scale of a row's weights in each part of the columns.
    parts : int [columns]
        Part of each column.
    by : Compensation
        How losses are made good.
    largest : int [parts]
        Largest magnitude of a code of each part.
    held : bool [rows, columns] or None
        Weights that stay zero; what the others lose is not made good in them.

    Returns
    -------
    codes : int8 [rows, columns]
    constants : [rows]
    """
    order, shares, columns = by.order, by.shares, len(parts)
    # A column of weights is a row here: it lies together in memory.
    left = np.ascontiguousarray(rows.T[order], np.float64)
    steps = np.ascontiguousarray(scales.T)
    codes = np.empty((columns, len(rows)), np.int8)
    for start in range(0, columns, _BLOCK):
        end = min(start + _BLOCK, columns)
        losses = np.empty((end - start, len(rows)))
        for column in range(start, end):
            part = parts[order[column]]
            step, most = steps[part], largest[part]
            code = np.clip(np.rint(left[column] / step), -most, most)
            if held is not None:
                code[held[:, order[column]]] = 0
            loss = (left[column] - code * step) / shares[column, column]
            left[column:end] -= np.outer(shares[column, column:end], loss)
            codes[order[column]], losses[column - start] = code, loss
        left[end:] -= shares[start:end, end:].T @ losses
    return np.ascontiguousarray(codes.T), left[-1]
