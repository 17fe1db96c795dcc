"""The exact multiplier, on sign-magnitude operands."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Exact"]


@dataclass(frozen=True, kw_only=True)
class Exact:
    """Exact product of an event value and a weight, both as sign and magnitude.

    Sign and magnitude keep the upper bits of small values of alternating sign quiet, which is
    what the operands of an LSTM are.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included. The most negative two's complement code does not exist.
    """

    weight_width: int = 8

    def compute(self, value: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        return value.astype(np.int64) * weight.astype(np.int64)

    def encode(self, weight: np.ndarray) -> np.ndarray:
        """Bit patterns, uint8, that the lanes take for signed weights: sign above magnitude."""
        limit = 2 ** (self.weight_width - 1) - 1
        if weight.size and np.abs(weight.astype(np.int64)).max() > limit:
            raise ValueError(f"weights must be within ±{limit}, not {int(weight.min())}")
        sign = (weight < 0).astype(np.uint8) << (self.weight_width - 1)
        return sign | np.abs(weight).astype(np.uint8)
