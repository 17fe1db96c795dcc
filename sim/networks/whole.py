"""Whole models: LSTM layers for the accelerator, among other layers that run on the host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, IntegerLayer

__all__ = ["Dims", "Form", "LstmFunction", "Seen", "WholeModel", "float_lstm"]

Dims = tuple[int | str | None, ...] | None
"""Sizes of the axes that a model declares: a number is fixed; an axis with a name has any size,
the same wherever the name stands; None is any size. None in the place of all of them where nothing
is known, or where the value is no array."""

LstmFunction = Callable[
    [str, FloatLayer | IntegerLayer, np.ndarray, np.ndarray | None, np.ndarray | None],
    tuple[np.ndarray, np.ndarray, np.ndarray],
]
"""``f(name, layer, x, h0, c0)`` gives ``y, h_n, c_n``: ``x`` [batch, time, I], ``y`` [batch, time,
directions * H], states [directions, batch, H]. Real values for a ``FloatLayer``, codes for an
``IntegerLayer``. A state that is None is zero. A model may call it several times for one layer, for
instance for sequences of different lengths, or once for each step of a stream."""


def float_lstm(name, layer, x, h0, c0):
    """The layer in floating point: an ``LstmFunction`` that computes what the model means."""
    return run_layer(layer, x, h0, c0, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Form:
    """``real = scale * (code - zero_point)`` of an input or output of codes."""

    scale: float
    zero_point: int


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What reached an LSTM layer in one call, or in calls that are one sequence, in floating point.

    Members
    -------
    x : float [batch, time, I]
        Its input.
    h0, c0 : float [directions, batch, H] or None
        The state that it began with; None is zero.
    later : tuple of pairs of h0 and c0
        Those of the layers that follow it in a stack, where the layer is the first of one.
    calls : int
        How many calls followed each other, each from the state that the last one left.
    """

    x: np.ndarray
    h0: np.ndarray | None = None
    c0: np.ndarray | None = None
    later: tuple[tuple[np.ndarray | None, np.ndarray | None], ...] = ()
    calls: int = 1

    def states(self, layer: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """``h0`` and ``c0`` of a layer of the stack by its number; None where none is given."""
        pairs = ((self.h0, self.c0), *self.later)
        return pairs[layer] if layer < len(pairs) else (None, None)


class WholeModel(Protocol):
    """A model that a user has: what readers of ``.onnx`` and ``.tflite`` files give.

    Members
    -------
    path : Path
        Where it was read from.
    inputs, outputs : tuple of str
        Names that ``run`` takes and returns.
    dims : dict of Dims
        By name, the shapes of inputs and outputs. Inputs may hold several times as many sequences
        as a fixed batch: ``run`` and ``capture`` take them one batch after the other.
    states : dict of str
        By input that is a state, the output that is its next value, as far as the file itself says
        it; names are not looked at.
    lstm_layers : dict of FloatLayer or IntegerLayer
        By name, in the order in which they run first.
    forms : dict
        Of inputs and outputs that are codes, by name: what has their ``scale`` and ``zero_point``.
    leaders : dict of str
        For a layer whose input is the output of another, rearranged at most, the other's name.
    notes : tuple of str
        What the file holds in another form than it runs in, a sentence each; usually empty.
    """

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dims: Mapping[str, Dims]
    states: Mapping[str, str]
    lstm_layers: Mapping[str, FloatLayer | IntegerLayer]
    forms: Mapping[str, Form]
    leaders: Mapping[str, str]
    notes: tuple[str, ...]

    def run(
        self, inputs: Mapping[str, np.ndarray], lstm: LstmFunction
    ) -> dict[str, np.ndarray | list]:
        """Outputs by name, with ``lstm`` in the place of the LSTM layers.

        Texts come as an array of ``str``; a sequence or maps as a list.

        Raises
        ------
        NetworkError
            An input is missing, unknown or of the wrong shape.
        """
        ...

    def reference(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray | list] | None:
        """Outputs to compare with: the model as its own runtime, or floating point, computes it.

        None where nothing computes it.
        """
        ...

    def capture(self, inputs: Mapping[str, np.ndarray]) -> dict[str, tuple[Seen, ...]]:
        """What reaches each LSTM layer in floating point: by name, a ``Seen`` for each call."""
        ...
