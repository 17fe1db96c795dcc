"""Whole ONNX models: LSTM nodes run where the caller says, everything else in ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from sim.networks.float_lstm import check_sequences
from sim.networks.network import NetworkError
from sim.networks.onnx.graph import Graph, run_session
from sim.networks.onnx.reader import find_lstm_nodes, load_onnx, read_onnx_lstm
from sim.networks.onnx.walk import node_name
from sim.networks.whole import LstmFunction, Seen, float_lstm

__all__ = ["OnnxModel"]


class OnnxModel:
    """An ONNX model whose LSTM nodes run outside of ONNX Runtime.

    Parameters
    ----------
    path : path
        The .onnx file.

    Members
    -------
    lstm_layers : dict of FloatLayer
        By node name, in the order in which they run.
    inputs : tuple of str
        Names that ``run`` takes.
    outputs : tuple of str
        Names that ``run`` returns.

    Raises
    ------
    NetworkError
        No model, no LSTM node, or one that is not supported.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        model = load_onnx(path)
        try:
            lstms = find_lstm_nodes(model)
            self._graph = Graph(model)
            self._graph.fold(name for node in lstms for name in node.input[1:4])
            self._lstms = dict(zip(_unique_names(lstms), lstms, strict=True))
            arrays = {name: self._graph.constant(name) for name in self._graph.constants}
            self.lstm_layers = {
                name: read_onnx_lstm(node, arrays) for name, node in self._lstms.items()
            }
            self._sessions = self._graph.cut(lstms)
        except NetworkError as error:
            raise NetworkError(f"{self.path}: {error}") from None
        self.inputs = self._graph.inputs
        self.outputs = self._graph.outputs

    def run(self, inputs: Mapping[str, np.ndarray], lstm: LstmFunction) -> dict[str, np.ndarray]:
        """Outputs of the model, with ``lstm`` called once per LSTM node.

        Raises
        ------
        NetworkError
            An input is missing, unknown or of the wrong shape; sequences of unequal length.
        """
        values = self._check_inputs(inputs)
        names = list(self._lstms)
        for number, session in enumerate(self._sessions):
            if session is not None:
                try:
                    values.update(run_session(session, values))
                except NetworkError as error:
                    raise NetworkError(f"{self.path}: {error}") from None
            if number < len(names):
                self._run_lstm(names[number], values, lstm)
        return {name: self._value(name, values) for name in self.outputs}

    def capture(self, inputs: Mapping[str, np.ndarray]) -> dict[str, tuple[Seen, ...]]:
        """What reaches each LSTM node in floating point: by node name, a ``Seen`` for each call."""
        seen = {}

        def record(name, layer, x, h0, c0):
            seen.setdefault(name, []).append(Seen(x=x, h0=h0, c0=c0))
            return float_lstm(name, layer, x, h0, c0)

        self.run(inputs, record)
        return {name: tuple(calls) for name, calls in seen.items()}

    def _check_inputs(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The inputs in the types that the model declares."""
        for name in inputs:
            if name not in self.inputs:
                raise NetworkError(
                    f"{self.path} has no input {name}; its inputs are {', '.join(self.inputs)}"
                )
        values = {}
        for value in self._graph.model.graph.input:
            if value.name in self._graph.constants:
                continue
            if value.name not in inputs:
                raise NetworkError(f"{self.path} needs the input {value.name}")
            dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            array = np.asarray(inputs[value.name])
            if dtype.kind in "fiub" and array.dtype.kind not in "fiub":
                raise NetworkError(f"input {value.name} must hold numbers, not {array.dtype}")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise NetworkError(f"input {value.name} must hold finite numbers")
            values[value.name] = array.astype(dtype)
        return values

    def _run_lstm(self, name: str, values: dict, lstm: LstmFunction) -> None:
        """Call ``lstm`` for a node and put its outputs among the values."""
        node, layer = self._lstms[name], self.lstm_layers[name]
        x_name, _, _, _, lens, h0, c0 = [*node.input, *[""] * 7][:7]
        # Layout 0 is [time, batch, I], states [directions, batch, H], outputs [time, directions,
        # batch, H]; layout 1 has the batch first in all of them.
        layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
        x = self._value(x_name, values)
        dtype = x.dtype
        features = layer.directions[0].input_size
        x = check_sequences(f"x of LSTM node {name}", x, features)
        x = x if layout else x.swapaxes(0, 1)
        batch, time, _ = x.shape
        if lens and (self._value(lens, values) != time).any():
            raise NetworkError(
                f"LSTM node {name} has sequence_lens shorter than {time} steps, "
                f"which is not supported"
            )
        states = [self._state(name, s, values, layout) for s in (h0, c0)]
        y, h_n, c_n = lstm(name, layer, x.astype(np.float32), *states)
        H, directions = layer.directions[0].hidden_size, len(layer.directions)
        if y.shape != (batch, time, directions * H):
            raise ValueError(f"y of LSTM node {name} has the shape {y.shape}")
        y = y.reshape(batch, time, directions, H)
        y = y if layout else y.transpose(1, 2, 0, 3)
        results = (y, _swap(h_n, layout), _swap(c_n, layout))
        for output, value in zip(node.output, results, strict=False):
            if output:
                values[output] = np.ascontiguousarray(value, dtype)

    def _value(self, name: str, values: dict) -> np.ndarray:
        if name in values:
            return values[name]
        return self._graph.constant(name)

    def _state(self, node: str, name: str, values: dict, layout: int) -> np.ndarray | None:
        if not name:
            return None
        value = _swap(self._value(name, values), layout).astype(np.float32)
        if not np.isfinite(value).all():
            raise NetworkError(f"the initial state of LSTM node {node} must hold finite numbers")
        return value


def _swap(state: np.ndarray, layout: int) -> np.ndarray:
    """A state between the node's layout and [directions, batch, H]."""
    return state.swapaxes(0, 1) if layout else state


def _unique_names(nodes: list[onnx.NodeProto]) -> list[str]:
    names = [node_name(node) for node in nodes]
    return [
        name if names.count(name) == 1 else next(o for o in node.output if o)
        for name, node in zip(names, nodes, strict=True)
    ]
