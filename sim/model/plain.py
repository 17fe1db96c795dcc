"""The plain loop over steps that the fast model must equal: slow, and easy to read."""

import numpy as np

from hw.cell.reference import cell_step
from sim.image.parameters import cell_parameters
from sim.networks.network import IntegerLstm, IntegerNetwork

__all__ = ["run_plain", "run_plain_direction"]


def run_plain(network: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    """``h`` of the last layer, int8 ``[sequences, steps, sum of H]``, from int8 ``x``."""
    for layer in network.layers:
        x = np.concatenate([run_plain_direction(each, x)[0] for each in layer.directions], axis=2)
    return x


def run_plain_direction(
    direction: IntegerLstm, x: np.ndarray, h: np.ndarray | None = None, c: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(h, last h, last c)`` of one direction from int8 ``x`` ``[sequences, steps, I]``."""
    sequences, steps, _ = x.shape
    params = cell_parameters(direction)
    shape = (sequences, direction.hidden_size)
    if h is None:
        h = direction.h.zero_point if direction.h0 is None else direction.h0
    if c is None:
        c = 0 if direction.c0 is None else direction.c0
    h, c = np.broadcast_to(h, shape), np.broadcast_to(c, shape)
    W, R = direction.W.astype(np.int64), direction.R.astype(np.int64)
    out = np.empty((sequences, steps, direction.hidden_size), np.int8)
    for time in reversed(range(steps)) if direction.reverse else range(steps):
        x_centred = x[:, time].astype(np.int64) - direction.x.zero_point
        h_centred = h.astype(np.int64) - direction.h.zero_point
        acc_x = np.einsum("ghi,si->sgh", W, x_centred)
        acc_h = np.einsum("ghi,si->sgh", R, h_centred)
        h, c = cell_step(params, acc_x, acc_h, direction.bias, c)
        out[:, time] = h
    return out, h.astype(np.int8), c.astype(np.int16)
