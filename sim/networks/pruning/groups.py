"""Groups of weights, a column of the rows of a block, taken out one after the other.

The rows of a block have the same operands, so they share the second derivatives of what their sums
lose: the mean products of the operands on samples, ``H``. Taking column ``q`` out of the rows ``w``
and making that good in the other columns loses

    sum over rows of  w_q ** 2 / [H^-1]_qq        with   w <- w - w_q [H^-1]_q: / [H^-1]_qq

The column that loses least goes first, and ``H^-1`` without it is what elimination leaves. Here the
saliency of a weight is summed over the rows of a group, as all of them go together.

References
----------
B. Hassibi and D. Stork, "Second order derivatives for network pruning: optimal brain surgeon",
NIPS 1992: saliency, compensation. E. Frantar and D. Alistarh, "Optimal brain compression", NeurIPS
2022: layer by layer with the mean products of its inputs, greedy, and the update of ``H^-1``. E.
Frantar and D. Alistarh, "SparseGPT: massive language models can be accurately pruned in one-shot",
ICML 2023: damping, and layers that see what the pruned ones below give. E. Kurtic et al., "The
optimal BERT surgeon", EMNLP 2022: saliency of groups.
"""

from collections.abc import Iterator

import numpy as np

from sim.networks.network import FloatLstm, NetworkError
from sim.networks.second_order import DAMPINGS, best_damping, damped, mean_products

__all__ = ["column_counts", "kept_columns", "prune_direction", "prune_rows"]

_ROUNDS = 128
"""Rounds that a block takes at most: wider ones lose several columns in each."""
_JUDGED = 4
"""Blocks that a damping is judged by."""


def kept_columns(lstm: FloatLstm, keep: float) -> int:
    """Columns that each block of a direction keeps, of those of ``x`` and ``h`` together.

    Raises
    ------
    NetworkError
        ``keep`` is no share, or none would be left.
    """
    columns = lstm.input_size + lstm.hidden_size
    if not 0 < keep <= 1:
        raise NetworkError(
            f"keep must be above 0 and at most 1, not {keep:g}: with 0 a network is pruned to "
            f"nothing, and 1 keeps it whole"
        )
    count = round(keep * columns)
    if not count:
        raise NetworkError(
            f"a network is pruned to nothing: keep {keep:g} leaves none of the {columns} columns "
            f"of a block; keep {1 / columns:.2g} or more"
        )
    return count


def prune_direction(
    lstm: FloatLstm, x: np.ndarray, h: np.ndarray, units: int, keep: float
) -> FloatLstm:
    """A direction without the groups whose loss is made good best.

    Every block keeps as many columns. A direction without biases stays so.

    Parameters
    ----------
    lstm : FloatLstm
        The direction.
    x, h : [samples, I], [samples, H]
        What its columns are multiplied with, in the order of time.
    units : int
        Hidden units of a block; the four gates of a unit are rows of one block.
    keep : float
        Share of the columns that is kept, above 0.

    Raises
    ------
    NetworkError
        As of ``kept_columns``.
    """
    count = kept_columns(lstm, keep)
    columns = lstm.input_size + lstm.hidden_size
    if count == columns:
        return lstm
    rows = np.concatenate([lstm.W, lstm.R, lstm.bias[..., None]], axis=2).astype(np.float64)
    blocks = list(_blocks(lstm, units))
    constant = np.full((len(x), 1), float(np.any(lstm.bias)))
    seen = np.concatenate([x, h, constant], axis=1)
    damping = _damping(seen, [rows[:, block] for block in blocks], count)
    inverse = np.linalg.inv(damped(mean_products(seen), damping))
    for block in blocks:
        of_block = rows[:, block].reshape(-1, columns + 1)
        rows[:, block] = prune_rows(of_block, inverse, count).reshape(4, -1, columns + 1)
    W, R, bias = np.split(rows.astype(np.float32), (lstm.input_size, columns), axis=2)
    return FloatLstm(**{**vars(lstm), "W": W, "R": R, "bias": bias[..., 0]})


def _blocks(lstm: FloatLstm, units: int) -> Iterator[slice]:
    """Hidden units of each block."""
    for start in range(0, lstm.hidden_size, units):
        yield slice(start, min(start + units, lstm.hidden_size))


def _damping(seen: np.ndarray, blocks: list[np.ndarray], count: int) -> float:
    """What is added to powers, chosen on some of the blocks [4, units, columns + 1]."""
    some = [each.reshape(-1, seen.shape[1]) for each in blocks[:: -(-len(blocks) // _JUDGED)]]

    def lost(made: np.ndarray, judged: np.ndarray, damping: float) -> float:
        inverse = np.linalg.inv(damped(made, damping))
        wrong = np.concatenate([prune_rows(rows, inverse, count) - rows for rows in some])
        return float(np.einsum("rc,rc->", wrong @ judged, wrong))

    return best_damping(seen, lost, too_few=DAMPINGS[-1], drifting=True)


def prune_rows(rows: np.ndarray, inverse: np.ndarray, count: int) -> np.ndarray:
    """Rows with so many columns left, and what the others lose made good in these.

    Parameters
    ----------
    rows : float64 [rows, columns + 1]
        Weights, and a constant behind them, which stays.
    inverse : float64 [columns + 1, columns + 1]
        Inverse of the operands' damped mean products.
    count : int
        Columns that are kept.
    """
    columns = rows.shape[1] - 1
    left, inverse, alive = rows.copy(), inverse.copy(), np.arange(columns + 1)
    together = -(-(columns - count) // _ROUNDS)
    while (surplus := len(alive) - 1 - count) > 0:
        saliency = (left**2).sum(axis=0) / np.diag(inverse)
        out = np.argsort(saliency[:-1], kind="stable")[: min(together, surplus)]
        stay = np.delete(np.arange(len(alive)), out)
        shares = np.linalg.solve(inverse[np.ix_(out, out)], inverse[np.ix_(out, stay)])
        left = left[:, stay] - left[:, out] @ shares
        inverse = inverse[np.ix_(stay, stay)] - inverse[np.ix_(stay, out)] @ shares
        alive = alive[stay]
    result = np.zeros_like(rows)
    result[:, alive] = left
    return result


def column_counts(W: np.ndarray, R: np.ndarray, units: int) -> tuple[int, int]:
    """Groups of a direction's weights ``[4, H, columns]``, and how many of them are zero."""
    together = np.concatenate([W, R], axis=2)
    zero = [
        ~together[:, start : start + units].any(axis=(0, 1))
        for start in range(0, together.shape[1], units)
    ]
    return sum(each.size for each in zero), int(sum(each.sum() for each in zero))
