"""Weights of few bits: which scale, and which of two codes, so that sums change least.

Of eight bits the largest weight can decide a gate's scale. Of four it would leave a handful of
codes to all others, so the scale is the one with the least squared error, weighted by what the
weights' operands are; the few weights beyond its codes are clamped. Then columns are rounded one
after the other, and what each loses is made good in those that follow, as far as the samples say
that they move together; the bias, which is hardly rounded at all, comes last.

References
----------
B. Hassibi and D. Stork, "Second order derivatives for network pruning: optimal brain surgeon",
NIPS 1992. E. Frantar, S. Ashkboos, T. Hoefler and D. Alistarh, "GPTQ: accurate post-training
quantization for generative pre-trained transformers", ICLR 2023.
"""

import numpy as np

__all__ = ["least_error_scale", "round_rows"]

_SHRINK = np.linspace(1.0, 0.25, 31)
"""Scales that are tried, in parts of the one that covers all weights."""
_DAMPING = 0.01
"""Added to every column's power, in parts of their mean: samples are few, and columns many."""
_LEAST = 1e-12
"""Added where there is no power at all."""
_BLOCK = 128
"""Columns after which the others are brought up to date."""


def least_error_scale(weights: np.ndarray, power: np.ndarray, largest: int) -> float:
    """The scale of one gate's weights that loses least.

    Parameters
    ----------
    weights : float64 [H, columns]
        The gate's weights, not all zero.
    power : float64 [columns]
        Mean square of each column's operand.
    largest : int
        Largest magnitude of a code.
    """
    full = np.abs(weights).max() / largest
    error = [_squared_error(weights, power, full * shrink, largest) for shrink in _SHRINK]
    return float(full * _SHRINK[int(np.argmin(error))])


def _squared_error(weights, power, scale: float, largest: int) -> float:
    codes = np.clip(np.rint(weights / scale), -largest, largest)
    return float((((codes * scale - weights) ** 2) @ power).sum())


def round_rows(
    rows: np.ndarray, scales: np.ndarray, parts: np.ndarray, gram: np.ndarray, largest: int
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
    gram : [columns + 1, columns + 1]
        Mean product of each two operands over the samples; the last operand is always 1.
    largest : int
        Largest magnitude of a code.

    Returns
    -------
    codes : int8 [rows, columns]
    constants : [rows]
    """
    # Loud columns first, as long as there are others to make good what they lose.
    columns = len(parts)
    order = np.append(np.argsort(-np.diag(gram)[:columns], kind="stable"), columns)
    shares = _shares(gram[np.ix_(order, order)])
    left = rows[:, order].astype(np.float32)
    codes = np.empty((len(rows), columns), np.int8)
    for start in range(0, columns, _BLOCK):
        end = min(start + _BLOCK, columns)
        losses = np.empty((len(rows), end - start), np.float32)
        for column in range(start, end):
            step = scales[:, parts[order[column]]]
            code = np.clip(np.rint(left[:, column] / step), -largest, largest)
            loss = (left[:, column] - code * step) / shares[column, column]
            left[:, column:end] -= np.outer(loss, shares[column, column:end])
            codes[:, order[column]], losses[:, column - start] = code, loss
        left[:, end:] -= losses @ shares[start:end, end:]
    return codes, left[:, -1]


def _shares(gram: np.ndarray) -> np.ndarray:
    """Row j: how a loss in column j is shared by those behind it, the last being the constant."""
    damped = gram.astype(np.float64)
    damped[np.diag_indices_from(damped)] += _DAMPING * np.diag(gram)[:-1].mean() + _LEAST
    return np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
