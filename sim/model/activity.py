"""What a direction did in each step of a run: modes, events and scores."""

from dataclasses import dataclass

import numpy as np

from hw.modes import Mode

__all__ = ["Activity"]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Every step of one direction, at its own place in time whatever the direction.

    Members
    -------
    mode : uint8 [sequences, steps]
        ``hw.modes.Mode`` of each step.
    events_x, events_h : int32 [sequences, steps]
        Columns that were multiplied.
    D, N : int64 [sequences, steps] or None
        The two sums of the score, where they were wanted; -1 in the first step of a sequence,
        which has no reference.
    """

    mode: np.ndarray
    events_x: np.ndarray
    events_h: np.ndarray
    D: np.ndarray | None = None
    N: np.ndarray | None = None

    @property
    def score(self) -> np.ndarray:
        """``1 - D / N``, float64: 1 for equal rows, NaN in the first step of a sequence."""
        ratio = np.divide(self.D, self.N, out=np.zeros(self.D.shape), where=self.N > 0)
        return np.where(self.N < 0, np.nan, 1 - ratio)

    def firsts(self, group: int, *, reverse: bool) -> list[int]:
        """Of every ``group`` steps in running order the first: how many there are of each mode."""
        mode = self.mode[:, :: -1 if reverse else 1][:, ::group]
        return np.bincount(mode.ravel(), minlength=len(Mode)).tolist()

    def totals(self) -> list[tuple[int, int, int]]:
        """Steps, events of x and events of h of each mode, in the order of ``Mode``."""
        mode = self.mode.ravel()
        columns = [
            np.bincount(mode, weights, minlength=len(Mode))
            for weights in (None, self.events_x.ravel(), self.events_h.ravel())
        ]
        return [tuple(int(value) for value in row) for row in zip(*columns, strict=True)]
