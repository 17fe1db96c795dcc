"""What a layer is calibrated on: its calls run in floating point, and pieces of them to try on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.networks.float_lstm import run_direction
from sim.networks.network import FloatLstm

__all__ = ["Calls", "Piece", "Runs"]

_PIECE = 1024
"""Longest piece, in steps: errors of the cell state have had time to gather by then."""
_WORK = 2_000_000_000
"""Products that trying one choice on all pieces may take."""
_FEWEST = 512
"""Steps that are tried on whatever they take."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Calls of one layer.

    Members
    -------
    x : list of float64 [n, time, I]
        Its input in floating point.
    given : list of float64 [n, time, I]
        Its input as it is when the layers below are in integers; ``x`` where there are none.
    begins : list of pairs (h0, c0), each [directions, n, H] or None
        States that the calls begin with; None is the layer's own.
    valid : list of bool [n, time]
        Which steps are no padding.
    """

    x: list[np.ndarray]
    given: list[np.ndarray]
    begins: list[tuple]
    valid: list[np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some steps of sequences, from the states that floating point had there.

    Members
    -------
    x : float64 [n, time, I]
        Input, as of ``Calls.given``.
    first_h, first_c : float64 [n, H]
        States before the piece.
    h, c : float64 [n, time, H]
        What floating point gives.
    valid : bool [n, time]
        Which steps count.
    """

    x: np.ndarray
    first_h: np.ndarray
    first_c: np.ndarray
    h: np.ndarray
    c: np.ndarray
    valid: np.ndarray


class Runs:
    """One direction run in floating point over the calls, each from its own state.

    Parameters
    ----------
    lstm : FloatLstm
        The direction.
    number : int
        Which of its layer it is.
    calls : Calls
        What reaches the layer.

    Members
    -------
    h, c : list of float64 [n, time, H]
        Hidden and cell states of each call, at their own time steps.
    first_h, first_c : list of float64 [n, H]
        States that the calls begin with.
    """

    def __init__(self, lstm: FloatLstm, number: int, calls: Calls):
        self.lstm, self.calls = lstm, calls
        starts = list(zip(calls.x, calls.begins, strict=True))
        self.first_h = [self._first(h, number, lstm.h0, x) for x, (h, _) in starts]
        self.first_c = [self._first(c, number, lstm.c0, x) for x, (_, c) in starts]
        parts = zip(calls.x, self.first_h, self.first_c, strict=True)
        runs = [run_direction(lstm, *part) for part in parts]
        self.h, self.c = [h for h, _ in runs], [c for _, c in runs]

    def _first(self, given, number: int, own, x: np.ndarray) -> np.ndarray:
        if given is not None:
            return np.asarray(given[number], np.float64)
        shape = len(x), self.lstm.hidden_size
        return np.broadcast_to(np.float64(0) if own is None else own.astype(np.float64), shape)

    def hidden(self) -> list[np.ndarray]:
        """Every hidden state that there is in a valid step or before the first."""
        return [*self._valid(self.h), *self.first_h]

    def largest_state(self) -> float:
        """Largest magnitude of the cell state."""
        return max(float(np.abs(c).max()) for c in (*self._valid(self.c), *self.first_c))

    def operands(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the valid steps: ``x`` [steps, I] as it is given, and the ``h`` before, [steps, H]."""
        before = [self._before(*pair) for pair in zip(self.h, self.first_h, strict=True)]
        return np.concatenate(self._valid(self.calls.given)), np.concatenate(self._valid(before))

    def pieces(self) -> list[Piece]:
        """Pieces of all calls, those of one length together, and no more than is quickly tried."""
        by_length = {}
        for k in range(len(self.h)):
            for start, end in _cuts(self.h[k].shape[1]):
                by_length.setdefault(end - start, []).append((k, start, end))
        lstm = self.lstm
        products = 4 * lstm.hidden_size * (lstm.input_size + lstm.hidden_size)
        steps = max(_WORK // products, _FEWEST)
        total = sum(
            len(self.h[k]) * (end - at) for all_ in by_length.values() for k, at, end in all_
        )
        return [
            _some(self._gather(places), min(1.0, steps / total)) for places in by_length.values()
        ]

    def _gather(self, places: Sequence[tuple[int, int, int]]) -> Piece:
        """The pieces at (call, start, end), all of one length."""
        parts = [self._piece(*place) for place in places]
        return Piece(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def _piece(self, k: int, start: int, end: int) -> dict[str, np.ndarray]:
        h, c = (
            self._before(states[k], first[k])
            for states, first in ((self.h, self.first_h), (self.c, self.first_c))
        )
        begin, rows = end - 1 if self.lstm.reverse else start, slice(start, end)
        return {
            "x": self.calls.given[k][:, rows],
            "first_h": h[:, begin],
            "first_c": c[:, begin],
            "h": self.h[k][:, rows],
            "c": self.c[k][:, rows],
            "valid": self.calls.valid[k][:, rows],
        }

    def _before(self, states: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The state before each step."""
        if self.lstm.reverse:
            return np.concatenate((states[:, 1:], first[:, None]), axis=1)
        return np.concatenate((first[:, None], states[:, :-1]), axis=1)

    def _valid(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [array[steps] for array, steps in zip(arrays, self.calls.valid, strict=True)]


def _cuts(time: int) -> list[tuple[int, int]]:
    """Starts and ends of about equal pieces of a sequence."""
    count = -(-time // _PIECE)
    ends = [time * (k + 1) // count for k in range(count)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _some(piece: Piece, share: float) -> Piece:
    """Such a share of a piece's sequences, evenly spread; of one that is left, of its steps."""
    count = len(piece.x)
    chosen = max(round(count * share), 1)
    rows = np.arange(chosen) * count // chosen
    return Piece(**{name: array[rows] for name, array in vars(piece).items()})
