"""What runs the LSTM layers of a model: integers of this project, or those of ONNX Runtime."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from sim.explore.nodes import initial_states
from sim.model.network import Model
from sim.networks.codes import from_codes, to_codes
from sim.networks.network import FloatLayer, IntegerNetwork
from sim.networks.onnx.sessions import exact_options
from sim.networks.onnx.writer import node_weights
from sim.networks.quantizing.simulated import round_to, simulate
from sim.networks.recording import Recorder
from sim.networks.whole import LstmFunction

__all__ = [
    "DynamicLayers",
    "ExactWeights",
    "IntegerLayers",
    "Listener",
    "layer_model",
    "run_joined",
]


class IntegerLayers:
    """Layers in integers, on the model of the machine in normal mode; an ``LstmFunction``.

    Parameters
    ----------
    networks : dict of IntegerNetwork
        By layer name; one layer each.
    """

    def __init__(self, networks: Mapping[str, IntegerNetwork]):
        self._models = {name: Model(network) for name, network in networks.items()}

    def __call__(self, name: str, layer: FloatLayer, x, h0, c0):
        """``y, h_n, c_n`` of a call, real values."""
        model = self._models[name]
        directions = model.network.layers[0].directions
        initial = initial_states(directions, len(x), h0, c0)
        done, form = model.run(to_codes(x, directions[0].x), initial), directions[0].h
        h_n = np.stack([from_codes(state.h, form) for state in done.states])
        c_n = np.stack(
            [
                state.c * 2.0**each.c_power
                for state, each in zip(done.states, directions, strict=True)
            ]
        )
        return from_codes(done.h, form), h_n, c_n


class ExactWeights:
    """Layers whose weights and gates are exact, but whose values have an integer network's formats.

    An ``LstmFunction``. What it gives is about the most that any choice of integer weights can
    give with these formats of ``x``, ``h`` and the cell state.

    Parameters
    ----------
    networks : dict of IntegerNetwork
        By layer name; one layer each.
    """

    def __init__(self, networks: Mapping[str, IntegerNetwork]):
        self._layers = {name: network.layers[0] for name, network in networks.items()}

    def __call__(self, name: str, layer: FloatLayer, x, h0, c0):
        """``y, h_n, c_n`` of a call, real values."""
        shape = len(layer.directions), len(x), layer.directions[0].hidden_size
        h0, c0 = _first_states(layer, shape, h0, c0)
        found = []
        for k, (lstm, form) in enumerate(
            zip(layer.directions, self._layers[name].directions, strict=True)
        ):
            seen = round_to(x, form.x)
            found.append(simulate(lstm, seen, h0[k], c0[k], form.h, form.c_power))
        last = [0 if lstm.reverse else -1 for lstm in layer.directions]
        h_n, c_n = (
            np.stack([each[part][:, at] for each, at in zip(found, last, strict=True)])
            for part in (0, 1)
        )
        return np.concatenate([h for h, _ in found], axis=2), h_n, c_n


class DynamicLayers:
    """Layers as ONNX Runtime's dynamic quantisation makes them; an ``LstmFunction``.

    Weights are in int8, with one scale for each direction or for each row of a gate. ``x`` of a
    call and ``h`` of a step are quantised when they are there, and all else is in float32. Nothing
    is calibrated.

    Parameters
    ----------
    per_channel : bool
        A scale for each row.
    """

    def __init__(self, per_channel: bool):
        self._per_channel, self._sessions = per_channel, {}

    def __call__(self, name: str, layer: FloatLayer, x, h0, c0):
        """``y, h_n, c_n`` of a call."""
        if name not in self._sessions:
            self._sessions[name] = _session(_quantised(layer_model(layer), self._per_channel))
        shape = len(layer.directions), len(x), layer.directions[0].hidden_size
        states = _first_states(layer, shape, h0, c0)
        arrays = dict(zip(("x", "h0", "c0"), (np.swapaxes(x, 0, 1), *states), strict=True))
        feed = {key: np.ascontiguousarray(each, np.float32) for key, each in arrays.items()}
        y, h_n, c_n = self._sessions[name].run(None, feed)
        # A node has [time, directions, batch, H].
        return y.transpose(2, 0, 1, 3).reshape(*x.shape[:2], -1), h_n, c_n


class Listener:
    """An ``LstmFunction`` that keeps what another one gives.

    Members
    -------
    y : dict of list of array
        By layer name, the output of each call.
    """

    def __init__(self, lstm: LstmFunction):
        self._lstm, self.y = lstm, {}

    def __call__(self, name, layer, x, h0, c0):
        found = self._lstm(name, layer, x, h0, c0)
        self.y.setdefault(name, []).append(found[0])
        return found

    def joined(self) -> dict[str, np.ndarray]:
        """By layer name, the values of all calls in a row."""
        return {
            name: np.concatenate([np.ravel(each) for each in calls])
            for name, calls in self.y.items()
        }


def run_joined(run: Callable[[LstmFunction], dict], lstm: LstmFunction) -> tuple[dict, dict]:
    """Outputs of a model that runs call by call, and ``y`` of each layer, which runs but once.

    Each layer takes the calls of a stream as the one sequence that they are, the layers below it
    in the place where they stand. States that the model hands out are not those of the layers.

    Parameters
    ----------
    run : function of LstmFunction
        Runs the model on all calls; layers do not depend on what later ones gave before.
    lstm : LstmFunction
        What runs the layers.

    Returns
    -------
    outputs : dict
        By name.
    y : dict of array
        By layer name, the values of all calls in a row.
    """
    known, joined = {}, {}
    while True:
        replay = _Replay(known)
        outputs = run(replay)
        seen = replay.recorder.seen()
        name = next((name for name in replay.names if name not in known), None)
        if name is None:
            return outputs, joined
        layer = replay.names[name]
        found = [lstm(name, layer, each.x, each.h0, each.c0)[0] for each in seen[name]]
        joined[name] = np.concatenate([np.ravel(each) for each in found])
        known[name] = [
            part
            for y, each in zip(found, seen[name], strict=True)
            for part in np.split(y, each.calls, axis=1)
        ]


class _Replay:
    """An ``LstmFunction`` that gives what is known of layers, and others in floating point.

    Members
    -------
    names : dict of FloatLayer
        The layers that ran, by name and in their order.
    recorder : Recorder
        What reached those that are not known.
    """

    def __init__(self, known: Mapping[str, list[np.ndarray]]):
        self._known = {name: iter(parts) for name, parts in known.items()}
        self.names, self.recorder = {}, Recorder()

    def __call__(self, name: str, layer: FloatLayer, x, h0, c0):
        self.names.setdefault(name, layer)
        if name not in self._known:
            return self.recorder(name, layer, x, h0, c0)
        y = next(self._known[name])
        last = y[:, -1].reshape(len(y), len(layer.directions), -1).swapaxes(0, 1)
        return y, last, np.zeros_like(last)


def layer_model(layer: FloatLayer) -> onnx.ModelProto:
    """A model of one LSTM node: of ``x``, ``h0`` and ``c0`` it makes ``y``, ``h_n`` and ``c_n``."""
    directions, size = layer.directions, layer.directions[0].hidden_size
    weights = [
        numpy_helper.from_array(array.astype(np.float32), name)
        for name, array in node_weights(layer).items()
    ]
    node = helper.make_node(
        *("LSTM", ["x", "W", "R", "B", "", "h0", "c0"], ["y", "h_n", "c_n"]),
        hidden_size=size,
        direction=_direction(layer),
    )
    shapes = {"x": ["time", "batch", layer.directions[0].input_size]}
    shapes |= {key: [len(directions), "batch", size] for key in ("h0", "c0")}
    taken = [
        helper.make_tensor_value_info(k, TensorProto.FLOAT, each) for k, each in shapes.items()
    ]
    given = [helper.make_tensor_value_info(k, TensorProto.FLOAT, None) for k in node.output]
    graph = helper.make_graph([node], "layer", taken, given, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def _direction(layer: FloatLayer) -> str:
    if len(layer.directions) == 2:
        return "bidirectional"
    return "reverse" if layer.directions[0].reverse else "forward"


def _first_states(layer: FloatLayer, shape: tuple[int, int, int], h0, c0) -> list[np.ndarray]:
    """The states that a call begins with, those of the layer where it gives none."""
    return [
        _own_state(layer, which, shape) if given is None else given
        for which, given in (("h0", h0), ("c0", c0))
    ]


def _own_state(layer: FloatLayer, which: str, shape: tuple[int, int, int]) -> np.ndarray:
    """The states that a layer begins with where a call gives none."""
    state = np.zeros(shape, np.float32)
    for row, each in zip(state, layer.directions, strict=True):
        own = getattr(each, which)
        row[:] = 0 if own is None else own
    return state


def _quantised(model: onnx.ModelProto, per_channel: bool) -> onnx.ModelProto:
    # Here, as it is slow to import and nothing else needs it.
    from onnxruntime.quantization import quantize_dynamic

    logger = logging.getLogger()
    level = logger.level
    # It warns that shapes were not inferred, which one node does not need.
    logger.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "layer.onnx"
            quantize_dynamic(model, path, op_types_to_quantize=["LSTM"], per_channel=per_channel)
            quantised = onnx.load(path)
    finally:
        logger.setLevel(level)
    kinds = [node.op_type for node in quantised.graph.node]
    if kinds != ["DynamicQuantizeLSTM"]:
        raise ValueError(f"dynamic quantisation gave {', '.join(kinds)}")
    return quantised


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = exact_options()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
