"""The formats of a layer, chosen by the error of its output.

Beginning with formats that cover everything, one is changed after the other and kept where the
layer's output on the samples comes nearer to floating point. A narrower range of ``x`` or ``h``
clamps outliers for a finer step of everything else. A cell state that is clamped early has a finer
step; what is beyond 8 in magnitude saturates tanh anyway, but is forgotten sooner.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from sim.networks.network import Quantization
from sim.networks.quantizing.formats import C_POWERS, activation_format, cell_power
from sim.networks.quantizing.material import Piece, Runs
from sim.networks.quantizing.simulated import round_to, simulate

__all__ = ["Forms", "choose_forms", "output_error"]

_BETTER = 0.98
"""Share of the error that a change must come down to: less is not worth a clamped value."""
_STATE_SHARE = 1e-4
"""What an error of the cell state counts beside one of the output, relative to their powers. A
model may hand the state on, so it should not be worse by much where the output hardly gains."""
_NARROWER = 2.0**-0.25
"""Factor from one range to the next that is tried."""
_PATIENCE = 3
"""Ranges without a gain after which no narrower one is tried."""
_ROUNDS = 2


@dataclass(frozen=True, kw_only=True)
class Forms:
    """Formats of a layer.

    Members
    -------
    x, h : Quantization
        Of its input and of its hidden state, the same for all directions.
    c_powers : tuple of int
        Exponent of the cell state's scale, for each direction.
    """

    x: Quantization
    h: Quantization
    c_powers: tuple[int, ...]


def output_error(
    run: Runs, pieces: Iterable[Piece], forms: Forms, c_power: int, lstm=None
) -> float:
    """Error of a direction's output in these formats, relative to its power.

    Parameters
    ----------
    run : Runs
        The direction.
    pieces : iterable of Piece
        What it is tried on.
    forms : Forms
        Formats of ``x`` and ``h``.
    c_power : int
        Exponent of the cell state's scale.
    lstm : FloatLstm or None
        The direction with other weights.
    """
    errors, powers = np.zeros(2), np.zeros(2)
    for piece in pieces:
        x = round_to(piece.x, forms.x)
        found = simulate(lstm or run.lstm, x, piece.first_h, piece.first_c, forms.h, c_power)
        for k, (one, other) in enumerate(zip(found, (piece.h, piece.c), strict=True)):
            errors[k] += np.sum((one - other)[piece.valid] ** 2)
            powers[k] += np.sum(other[piece.valid] ** 2)
    shares = errors / np.maximum(powers, np.finfo(float).tiny)
    return float(shares[0] + _STATE_SHARE * shares[1])


def choose_forms(
    runs: list[Runs],
    x_range: tuple[float, float] | Quantization,
    h_range: tuple[float, float],
    bits: int,
    *,
    fixed: bool = False,
    tell: Callable[[], None] = lambda: None,
) -> Forms:
    """Formats with which the layer's output is nearest to floating point.

    Parameters
    ----------
    runs : list of Runs
        The layer's directions.
    x_range : (low, high) or Quantization
        What covers the input; or its format, where the layer below has decided it.
    h_range : (low, high)
        What covers the hidden state.
    bits : int
        Bits of a code.
    fixed : bool
        Keep the ranges as they are and choose the cell states' exponents alone.
    tell : function
        Called behind each step of the search.
    """
    search = _Search(runs, x_range, h_range, bits, tell)
    for _ in range(_ROUNDS):
        before = search.error
        search.choose_powers()
        if not fixed:
            search.choose_ranges()
        if search.error > _BETTER * before:
            break
    return search.forms


class _Search:
    """The formats so far, and their error."""

    def __init__(self, runs, x_range, h_range, bits, tell):
        self.runs, self.bits, self.tell = runs, bits, tell
        self.pieces = [run.pieces() for run in runs]
        self.ranges = {"h": h_range}
        if not isinstance(x_range, Quantization):
            self.ranges = {"x": x_range, "h": h_range}
        self.factors = dict.fromkeys(self.ranges, 1.0)
        formats = {name: activation_format(*each, bits) for name, each in self.ranges.items()}
        powers = tuple(cell_power(run.largest_state()) for run in runs)
        self.forms = Forms(**{"x": x_range, **formats}, c_powers=powers)
        self.errors = [self._error(k, self.forms) for k in range(len(runs))]

    @property
    def error(self) -> float:
        """Of all directions."""
        return sum(self.errors)

    def _error(self, k: int, forms: Forms) -> float:
        return output_error(self.runs[k], self.pieces[k], forms, forms.c_powers[k])

    def choose_powers(self) -> None:
        """A smaller exponent for each direction, as long as that helps."""
        for k, run in enumerate(self.runs):
            top = cell_power(run.largest_state())
            misses = 0
            for power in range(top, C_POWERS[0] - 1, -1):
                powers = list(self.forms.c_powers)
                powers[k] = power
                forms = replace(self.forms, c_powers=tuple(powers))
                error = self._error(k, forms)
                better = error < _BETTER * self.errors[k]
                if better:
                    self.forms, self.errors[k] = forms, error
                misses = 0 if better else misses + 1
                if misses == _PATIENCE:
                    break
            self.tell()

    def choose_ranges(self) -> None:
        """Narrower ranges of ``x`` and ``h``, as long as that helps."""
        for name in self.ranges:
            factor, misses = self.factors[name], 0
            while misses < _PATIENCE:
                factor *= _NARROWER
                form = activation_format(*(factor * end for end in self.ranges[name]), self.bits)
                forms = replace(self.forms, **{name: form})
                errors = [self._error(k, forms) for k in range(len(self.runs))]
                better = sum(errors) < _BETTER * self.error
                if better:
                    self.forms, self.errors, self.factors[name] = forms, errors, factor
                misses = 0 if better else misses + 1
            self.tell()
