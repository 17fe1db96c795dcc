"""Events that meet a stored column word, in layers with a map and in others."""

from collections.abc import Iterable

import numpy as np

from hw.modes import Mode
from sim.image.image import Placement
from sim.model.timing.columns import SequenceColumns

__all__ = ["block_hits", "mode_hits"]


def block_hits(placement: Placement, blocks: int, events: np.ndarray, part: int) -> np.ndarray:
    """Events of a part that are multiplied in each block.

    Parameters
    ----------
    placement : Placement
        The direction.
    blocks : int
        Its blocks.
    events : bool or int [rows, columns]
        How often each column is an event.
    part : int
        0 for columns of ``x``, 1 for those of ``h``.

    Returns
    -------
    int64 [rows, blocks]
    """
    if placement.stored is None:
        return np.repeat(events.sum(axis=1, dtype=np.int64)[:, None], blocks, axis=1)
    # In float64, which holds these integers, a product of matrices is fast.
    stored = placement.stored.parts[part].T.astype(np.float64)
    return (events.astype(np.float64) @ stored).astype(np.int64)


def mode_hits(
    placement: Placement, blocks: int, columns: Iterable[SequenceColumns]
) -> tuple[np.ndarray, np.ndarray]:
    """As ``block_hits``, of ``x`` and of ``h`` in the steps of each mode: int64 [modes, blocks]."""
    direction = placement.direction
    events = [
        np.zeros((len(Mode), size), np.int64)
        for size in (direction.input_size, direction.hidden_size)
    ]
    for sequence in columns:
        for part, happened in zip(events, (sequence.x, sequence.h), strict=True):
            for mode in Mode:
                part[mode] += happened[sequence.mode == mode].sum(axis=0)
    x, h = (block_hits(placement, blocks, part, k) for k, part in enumerate(events))
    return x, h
