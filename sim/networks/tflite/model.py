"""Whole .tflite networks: LSTM operators run where the caller says, all others in LiteRT."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from sim.networks.calls import run_calls
from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.quantizer import from_codes, to_codes
from sim.networks.tflite.dequantizing import float_layer
from sim.networks.tflite.graph import Graph
from sim.networks.tflite.inputs import tensor_names, typed_inputs
from sim.networks.tflite.layers import Placed, find_layers
from sim.networks.tflite.operator import OperatorReader
from sim.networks.tflite.plan import Plan
from sim.networks.tflite.reader import explained, is_lstm_chain, read_bytes, read_tflite
from sim.networks.tflite.refusals import check_is_readable
from sim.networks.whole import Form, LstmFunction, Seen, float_lstm

__all__ = ["TfliteModel", "load_tflite"]

_TIME = 1
"""Axis of an input along which a network of one step takes several."""


def load_tflite(path: str | Path) -> "IntegerNetwork | TfliteModel":
    """What a .tflite file holds: a chain of LSTM operators in integers as such, else a network.

    Raises
    ------
    NetworkError
        As ``read_tflite`` and ``TfliteModel``.
    """
    return read_tflite(path) if is_lstm_chain(read_bytes(path)) else TfliteModel(path)


class TfliteModel:
    """A .tflite network whose LSTM operators run outside of LiteRT; a ``WholeModel``.

    Inputs may hold several times as many sequences as the file's batch: each batch begins with
    states of zero. A network of one step takes any number of steps: states go from step to step, as
    they stay in a file's variable tensors from call to call.

    Parameters
    ----------
    path : path
        The .tflite file.

    Members
    -------
    path, inputs, outputs, dims, states, lstm_layers, leaders
        As of a ``WholeModel``. A layer is named by its operators: ``operator3``, or
        ``operators3+5`` where two of them are one bidirectional layer.
    forms : dict of Form
        By name, the formats of inputs and outputs that are codes.
    host : tuple of str
        The kinds of the operators that LiteRT runs, in their order.
    notes : tuple of str
        What was done to bring layers into the form that runs.

    Raises
    ------
    NetworkError
        No such file, another or a damaged one, or a network that is not supported.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        data = read_bytes(path)
        with explained(self.path):
            self._graph = Graph(data)
            check_is_readable(self._graph)
            self._plan = Plan(self._graph, find_layers(self._graph, OperatorReader(data)))
            self._describe()

    def _describe(self) -> None:
        """Fill in what the file says of itself."""
        self._places = {place.name: place for place in self._plan.layers}
        self.lstm_layers = {name: place.layer for name, place in self._places.items()}
        self.host = self._plan.host
        self.notes = tuple(_notes(self._graph, self._plan.layers))
        self.states = {}
        makers = {index: place.name for place in self._plan.layers for index in place.made}
        self.leaders = {
            place.name: makers[place.x] for place in self._plan.layers if place.x in makers
        }
        self._in, self._out = tensor_names(self._graph)
        self.inputs, self.outputs = tuple(self._in), tuple(self._out)
        named = {**self._in, **self._out}
        self.dims = {name: self._graph.dims(index) for name, index in named.items()}
        forms = {name: self._graph.form(index) for name, index in named.items()}
        self.forms: Mapping[str, Form] = {name: form for name, form in forms.items() if form}
        self._steps = self._plan.takes_one_step()
        for name in self.inputs if self._steps else ():
            if len(self.dims[name]) == 3 and self.dims[name][_TIME] == 1:
                self.dims[name] = (self.dims[name][0], None, self.dims[name][2])

    def run(self, inputs: Mapping[str, np.ndarray], lstm: LstmFunction) -> dict[str, np.ndarray]:
        """Outputs by name, with ``lstm`` called for the LSTM operators; codes where the file says.

        Inputs of codes may be given as codes or as real values, which are rounded.

        Raises
        ------
        NetworkError
            An input is missing, unknown or of the wrong shape or type.
        """

        def begin():
            self._plan.forget()
            states = {}
            return lambda values: self._run_once(values, lstm, states)

        return self._run_all(inputs, begin)

    def reference(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray] | None:
        """Outputs of LiteRT's own run of the whole file; None where it does not take the file.

        Its LSTM kernel differs from TFLite-Micro's, and so from the accelerator, in a few percent
        of the outputs by one code.

        Raises
        ------
        NetworkError
            As ``run``.
        """
        try:
            whole = self._plan.whole()
        except NetworkError:
            return None

        def begin():
            whole.forget()
            return lambda values: {**self._plan.constants, **values, **whole.run(values)}

        return self._run_all(inputs, begin)

    def capture(self, inputs: Mapping[str, np.ndarray]) -> dict[str, tuple[Seen, ...]]:
        """What reaches each LSTM layer in floating point: by name, a ``Seen`` for each call.

        Layers of integers are computed in floating point from their own weights.
        """
        seen = {}

        def record(name, layer, x, h0, c0):
            if isinstance(layer, FloatLayer):
                seen.setdefault(name, []).append(Seen(x=x, h0=h0, c0=c0))
                return float_lstm(name, layer, x, h0, c0)
            first = layer.directions[0]
            real = from_codes(x, first.x)
            h0, c0 = _real_states(layer, h0, c0)
            seen.setdefault(name, []).append(Seen(x=real, h0=h0, c0=c0))
            y, h_n, c_n = run_layer(float_layer(layer), real, h0, c0)
            return to_codes(y, first.h), to_codes(h_n, first.h), _state_codes(layer, c_n)

        self.run(inputs, record)
        return {name: tuple(calls) for name, calls in seen.items()}

    def _run_all(self, inputs: Mapping, begin: Callable) -> dict[str, np.ndarray]:
        """Outputs for sequences of any number; ``begin()`` gives what runs a step of a batch."""
        values = typed_inputs(self.path, self._graph, self._in, inputs)

        def once(each):
            try:
                return self._run_steps(each, begin())
            except NetworkError as error:
                raise NetworkError(f"{self.path}: {error}") from None

        return run_calls(self.path, self.dims, values, once, self._batch_axes)

    def _run_steps(self, inputs: Mapping[str, np.ndarray], step: Callable) -> dict:
        """Outputs for one batch: in one call, or in one for each step of a network of one step."""
        streamed = {
            name: array.shape[_TIME]
            for name, array in inputs.items()
            if self._steps and len(self.dims[name]) == 3 and self.dims[name][_TIME] is None
        }
        count = max(streamed.values(), default=1)
        if any(steps != count for steps in streamed.values()):
            raise NetworkError(f"the inputs {', '.join(streamed)} must have as many steps each")
        parts = []
        for number in range(count):
            values = {
                self._in[name]: array[:, number : number + 1] if name in streamed else array
                for name, array in inputs.items()
            }
            found = step(values)
            parts.append({name: found[index] for name, index in self._out.items()})
        return {name: _join_steps([part[name] for part in parts]) for name in self.outputs}

    def _run_once(self, values: dict[int, np.ndarray], lstm: LstmFunction, states: dict) -> dict:
        """All tensors at the ends of pieces, from inputs of the file's own shapes."""
        values = dict(values)
        for piece, place in self._plan.stages:
            if piece is not None:
                values.update(piece.run(values))
            if place is not None:
                values.update(_run_layer(place, values[place.x], lstm, states))
        return {**self._plan.constants, **values}

    def _batch_axes(self, axes: Mapping[str, int]) -> dict[str, int | None]:
        """The outputs' axes of the batch; inputs may be longer along theirs alone."""
        wanted = 1 if all(place.time_major for place in self._places.values()) else 0
        for name, axis in axes.items():
            if axis != wanted:
                raise NetworkError(
                    f"{self.path}: axis {axis} of the input {name} must have the size "
                    f"{self.dims[name][axis]}, as the file fixes it; convert the network with the "
                    f"size that you need"
                )
        batch = {self.dims[name][axis] for name, axis in axes.items()}
        return {
            name: wanted if len(dims) > wanted and dims[wanted] in batch else None
            for name, dims in ((name, self.dims[name]) for name in self.outputs)
        }


def _notes(graph: Graph, layers: list[Placed]) -> Iterator[str]:
    for place in layers:
        numbers = " and ".join(str(each.number) for each in place.directions)
        if len(place.directions) == 2:
            yield f"operators {numbers} are one bidirectional layer"
        elif place.directions[0].lstm.reverse:
            yield f"operator {numbers} runs backwards, without the REVERSE_V2 in front of it"
        if isinstance(place.layer, FloatLayer) and _is_coded(graph, place):
            yield f"weights of operator {numbers} are dequantised, and quantised for the run"


def _is_coded(graph: Graph, place: Placed) -> bool:
    """Whether weights of a layer in floating point are stored as codes."""
    W = [graph.taken(each.number)[1] for each in place.directions]
    return any(graph.dtype(index).kind == "i" for index in W)


def _run_layer(place: Placed, x: np.ndarray, lstm: LstmFunction, states: dict) -> dict:
    """The tensors that a layer makes; ``states`` keeps its state for the next step."""
    if x.ndim != 3:
        raise NetworkError(f"x of {place.name} has the shape {x.shape}, not of three axes")
    x = np.ascontiguousarray(x.swapaxes(0, 1) if place.time_major else x)
    y, *states[place.name] = lstm(place.name, place.layer, x, *states.get(place.name, (None, None)))
    shape = (*x.shape[:2], sum(each.hidden_size for each in place.layer.directions))
    if y.shape != shape:
        raise ValueError(f"y of {place.name} has the shape {y.shape}, not {shape}")
    dtype = np.float32
    if isinstance(place.layer, IntegerLayer):
        dtype = place.layer.directions[0].h.dtype
    return place.values(y.astype(dtype))


def _join_steps(steps: list[np.ndarray]) -> np.ndarray:
    """An output of all steps: along its axis of time, or along a new one behind the batch."""
    if len(steps) == 1:
        return steps[0]
    if steps[0].ndim >= 2 and steps[0].shape[_TIME] == 1:
        return np.concatenate(steps, _TIME)
    return np.stack(steps, min(_TIME, steps[0].ndim))


def _real_states(layer: IntegerLayer, h0, c0) -> tuple[np.ndarray | None, np.ndarray | None]:
    if h0 is None:
        return None, None
    powers = np.array([2.0**each.c_power for each in layer.directions]).reshape(-1, 1, 1)
    return from_codes(h0, layer.directions[0].h), c0 * powers


def _state_codes(layer: IntegerLayer, c: np.ndarray) -> np.ndarray:
    powers = np.array([2.0**each.c_power for each in layer.directions]).reshape(-1, 1, 1)
    return np.clip(np.rint(c / powers), -32768, 32767).astype(np.int16)
