"""Which blocks of a layer live in the weight memory."""

import numpy as np

__all__ = ["most_resident", "residency"]


def residency(resident: int, blocks: int) -> np.ndarray:
    """Whether each block lives there, bool ``[blocks]``: ``resident`` of them, evenly spread."""
    shares = np.arange(blocks + 1) * resident // blocks
    return shares[1:] > shares[:-1]


def most_resident(words: np.ndarray, left: int) -> int:
    """The largest number of blocks that fits ``left`` column words.

    Parameters
    ----------
    words : int [blocks]
        Column words of each block, one at the least.
    left : int
        Column words of the weight memory that are free.
    """
    blocks = len(words)
    # So many of the shortest would fit: of blocks that are alike, just these.
    resident = min(blocks, left // int(words.min()))
    while words[residency(resident, blocks)].sum() > left:
        resident -= 1
    return resident
