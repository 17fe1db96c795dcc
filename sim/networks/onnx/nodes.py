"""An LSTM node of a graph, called as a layer."""

from collections.abc import Callable

import numpy as np
import onnx

from sim.networks.float_lstm import check_sequences
from sim.networks.network import FloatLayer, NetworkError
from sim.networks.whole import LstmFunction

__all__ = ["call_node"]


def call_node(
    name: str,
    node: onnx.NodeProto,
    layer: FloatLayer,
    value_of: Callable[[str], np.ndarray],
    lstm: LstmFunction,
) -> dict[str, np.ndarray]:
    """The node's outputs by name, from what ``lstm`` gives.

    Sequences of different lengths (``sequence_lens``) are called a length at a time; as in ONNX
    Runtime, outputs behind a sequence's end are zero and final states are those at its end.

    Parameters
    ----------
    name : str
        What the node is called.
    node : NodeProto
        The node.
    layer : FloatLayer
        What it computes.
    value_of : function of str
        Gives the value of a tensor.
    lstm : LstmFunction
        Called once for each length that occurs.

    Raises
    ------
    NetworkError
        The input, a state or the lengths are unusable.
    """
    x_name, _, _, _, lens, h0, c0 = [*node.input, *[""] * 7][:7]
    # Layout 0 is [time, batch, I], states [directions, batch, H], outputs [time, directions,
    # batch, H]; layout 1 has the batch first in all of them.
    layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
    x = value_of(x_name)
    dtype = x.dtype
    where = f"LSTM node {name}"
    x = check_sequences(f"x of {where}", x.astype(np.float32), layer.directions[0].input_size)
    x = x if layout else x.swapaxes(0, 1)
    states = [
        _state(where, value_of(state), layout, layer, len(x)) if state else None
        for state in (h0, c0)
    ]
    lengths = None
    if lens:
        lengths = _lengths(where, value_of(lens), *x.shape[:2])
    y, h_n, c_n = _by_length(name, layer, x, states, lengths, lstm)
    batch, time, _ = x.shape
    H, directions = layer.directions[0].hidden_size, len(layer.directions)
    if y.shape != (batch, time, directions * H):
        raise ValueError(f"y of LSTM node {name} has the shape {y.shape}")
    y = y.reshape(batch, time, directions, H)
    y = y if layout else y.transpose(1, 2, 0, 3)
    results = (y, _swap(h_n, layout), _swap(c_n, layout))
    return {
        output: np.ascontiguousarray(value, dtype)
        for output, value in zip(node.output, results, strict=False)
        if output
    }


def _by_length(name, layer, x, states, lengths, lstm: LstmFunction) -> tuple:
    """``y, h_n, c_n`` of all sequences, which are called in groups of one length."""
    batch, time, _ = x.shape
    if lengths is None or (lengths == time).all():
        return lstm(name, layer, x, *states)
    directions, H = len(layer.directions), layer.directions[0].hidden_size
    y = np.zeros((batch, time, directions * H))
    h_n, c_n = np.zeros((2, directions, batch, H))
    for length in np.unique(lengths[lengths > 0]):
        rows = np.flatnonzero(lengths == length)
        begin = (None if state is None else state[:, rows] for state in states)
        y[rows, :length], h_n[:, rows], c_n[:, rows] = lstm(name, layer, x[rows, :length], *begin)
    return y, h_n, c_n


def _lengths(where: str, lengths: np.ndarray, batch: int, time: int) -> np.ndarray:
    if lengths.shape != (batch,):
        raise NetworkError(
            f"sequence_lens of {where} must hold a length for each of {batch} sequences, but has "
            f"the shape {list(lengths.shape)}"
        )
    if lengths.min() < 0 or lengths.max() > time:
        wrong = lengths[(lengths < 0) | (lengths > time)][0]
        raise NetworkError(
            f"sequence_lens of {where} must be from 0 to the {time} steps that x has, not {wrong}"
        )
    if not lengths.any():
        raise NetworkError(f"sequence_lens of {where} must not all be 0: nothing would run")
    return lengths


def _state(where: str, value, layout: int, layer: FloatLayer, batch: int) -> np.ndarray:
    value = np.asarray(value).astype(np.float32)
    wanted = (len(layer.directions), batch, layer.directions[0].hidden_size)
    if value.ndim != 3 or _swap(value, layout).shape != wanted:
        raise NetworkError(
            f"the initial state of {where} has the shape {list(value.shape)}, which does not fit "
            f"{batch} sequences of {wanted[0]} directions and {wanted[2]} hidden units"
        )
    if not np.isfinite(value).all():
        raise NetworkError(f"the initial state of {where} must hold finite numbers")
    return _swap(value, layout)


def _swap(state: np.ndarray, layout: int) -> np.ndarray:
    """A state between the node's layout and [directions, batch, H]."""
    return state.swapaxes(0, 1) if layout else state
