"""Whole ONNX models: LSTM nodes run where the caller says, everything else in ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim.networks.calls import run_calls, shapes_text
from sim.networks.network import NetworkError
from sim.networks.onnx.damage import explained
from sim.networks.onnx.inputs import batch_axes, declared_dims, typed_inputs
from sim.networks.onnx.nodes import call_node
from sim.networks.onnx.pieces import Pieces
from sim.networks.onnx.reader import load_onnx
from sim.networks.onnx.sessions import run_session
from sim.networks.onnx.states import wired_states
from sim.networks.onnx.widening import widen
from sim.networks.recording import recorded
from sim.networks.whole import LstmFunction, Seen, float_lstm

__all__ = ["OnnxModel"]


class OnnxModel:
    """An ONNX model whose LSTM nodes run outside of ONNX Runtime.

    Layers that the file holds in another form become LSTM nodes: those in branches of ``If``
    nodes, loops over steps, steps that are written out, weights in integers.

    Parameters
    ----------
    path : path
        The .onnx file.

    Members
    -------
    lstm_layers : dict of FloatLayer
        By node name, in the order in which they run. Where layers lie in branches, a run takes
        those of the branches that its inputs take.
    leaders : dict of str
        For a node whose ``X`` is another's ``Y``, rearranged at most, the other's name.
    notes : tuple of str
        What the file has in another form, and what was done about it: a sentence each.
    graphs : tuple of pairs of a Graph and a dict of NodeProto
        What runs, and the LSTM nodes in it by name, for each combination of branches.
    inputs : tuple of str
        Names that ``run`` takes.
    outputs : tuple of str
        Names that ``run`` returns.
    dims : dict of Dims
        Shapes that inputs and outputs declare, by name.
    states : dict of str
        By input that only begins LSTM nodes, the output with their final states.

    Raises
    ------
    NetworkError
        No model, no LSTM node, or one that is not supported.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with explained(self.path):
            model = load_onnx(path)
            widened = widen(model)
            try:
                self._pieces = Pieces(model)
            except NetworkError as error:
                raise NetworkError(f"{self.path}: {error}") from None
            self._graph = self._pieces.first.graph
            declared = [*self._graph.model.graph.input, *self._graph.model.graph.output]
            self.dims = declared_dims(
                value for value in declared if value.name not in self._graph.constants
            )
        self.lstm_layers, self.notes = self._pieces.layers, self._pieces.notes
        if widened:
            self.notes = (*self.notes, "it is in bfloat16, which is computed in float32")
        self.leaders = self._pieces.leaders
        self.forms = {}
        self.graphs = self._pieces.graphs
        self.inputs = self._graph.inputs
        self.outputs = self._graph.outputs
        self.states = wired_states(self.graphs)

    def run(
        self, inputs: Mapping[str, np.ndarray], lstm: LstmFunction
    ) -> dict[str, np.ndarray | list]:
        """Outputs of the model, with ``lstm`` called for its LSTM nodes.

        Where the batch is fixed, the inputs may hold several: they run one after the other.

        Raises
        ------
        NetworkError
            An input is missing, unknown or of the wrong shape or type.
        """
        values = typed_inputs(self.path, self._graph, inputs)

        def once(each):
            return self._run_once(each, lstm)

        def axes_of(axes):
            lstms = self._pieces.first.lstms.values()
            return batch_axes(self.path, self._graph, lstms, axes)

        return run_calls(self.path, self.dims, values, once, axes_of)

    def reference(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray | list]:
        """Outputs of the model in floating point.

        Raises
        ------
        NetworkError
            As ``run``.
        """
        return self.run(inputs, float_lstm)

    def capture(self, inputs: Mapping[str, np.ndarray]) -> dict[str, tuple[Seen, ...]]:
        """What reaches each LSTM node in floating point: by node name, a ``Seen`` for each call.

        Calls that go on from the one before are one.
        """
        return recorded(self.run, inputs)

    def _run_once(self, inputs: Mapping[str, np.ndarray], lstm: LstmFunction) -> dict:
        """Outputs for inputs of the declared shapes and types."""
        values = dict(inputs)
        try:
            piece = self._pieces.of(inputs)
            sessions = piece.sessions
        except NetworkError as error:
            raise NetworkError(f"{self.path}: {error}") from None

        def value_of(name):
            return values[name] if name in values else piece.graph.constant(name)

        names = list(piece.lstms)
        for number, session in enumerate(sessions):
            if session is not None:
                try:
                    values.update(run_session(session, values))
                except NetworkError as error:
                    shapes = shapes_text(inputs)
                    raise NetworkError(f"{self.path}: {error}: {shapes}") from None
            if number < len(names):
                name = names[number]
                layer = piece.layers[name]
                try:
                    values.update(call_node(name, piece.lstms[name], layer, value_of, lstm))
                except NetworkError as error:
                    raise NetworkError(f"{self.path}: {error}") from None
        try:
            return {name: _plain(value_of(name)) for name in self.outputs}
        except NetworkError as error:
            raise NetworkError(f"{self.path}: {error}") from None


def _plain(value):
    """An output without Python objects in arrays: texts become NumPy's."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.astype(str)
    return value
