"""LSTM nodes of ONNX models, as layers in floating point."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner

from sim.networks.check import check_float
from sim.networks.network import FloatLayer, FloatLstm, NetworkError
from sim.networks.onnx.damage import check_names, explained
from sim.networks.onnx.forms.missing import explain_missing
from sim.networks.onnx.outside import load_outside
from sim.networks.onnx.walk import attributes, is_standard, node_name, nodes_inside

__all__ = ["find_lstm_nodes", "load_onnx", "read_onnx_lstm"]

# ONNX stacks the gates as input, output, forget, cell; this picks ours from them.
_GATE_ORDER = [0, 2, 3, 1]
_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
_ACTIVATIONS = ["sigmoid", "tanh", "tanh"]


def load_onnx(path: str | Path) -> onnx.ModelProto:
    """The model in a file, with its local functions expanded.

    Raises
    ------
    NetworkError
        A missing file, one that is no ONNX model, or one without the file that its tensors are in.
    """
    path = Path(path)
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise NetworkError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # protobuf and onnx raise classes of their own, which differ between versions.
        raise NetworkError(f"{path} is not an ONNX model") from error
    if not model.graph.node or not model.opset_import:
        raise NetworkError(f"{path} is not an ONNX model")
    load_outside(path, model)
    if model.functions:
        with explained(path):
            model = onnx.inliner.inline_local_functions(model)
    check_names(path, model)
    return model


def find_lstm_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """LSTM nodes of the main graph, in the graph's order.

    Raises
    ------
    NetworkError
        There is none, or one lies inside the branch or body of another node.
    """
    found = []
    for node in model.graph.node:
        for inner in nodes_inside(node):
            if is_standard(inner, "LSTM"):
                raise NetworkError(
                    f"LSTM node {node_name(inner)} lies inside the {node.op_type} node "
                    f"{node_name(node)} and cannot be taken out of it; export one step of the "
                    f"{node.op_type} as a model, with its states as inputs and outputs"
                )
        if is_standard(node, "LSTM"):
            found.append(node)
    if not found:
        raise NetworkError(explain_missing(model))
    return found


def read_onnx_lstm(node: onnx.NodeProto, initializers: Mapping[str, np.ndarray]) -> FloatLayer:
    """One LSTM node as a layer of one or two directions.

    An initial state that is not among the initialisers belongs to the run, and the layer has
    none. ``sequence_lens`` and ``layout`` are about the run too; what runs the node checks them.

    Parameters
    ----------
    node : NodeProto
        The node.
    initializers : mapping
        Constant tensors by name.

    Raises
    ------
    NetworkError
        An option that is not supported, by name; weights that are not constant.
    """
    where = f"LSTM node {node_name(node)}"
    reverses = _check_attributes(where, node)
    inputs = dict(
        zip(("X", "W", "R", "B", "lens", "h0", "c0", "P"), [*node.input, *[""] * 8], strict=False)
    )
    if inputs["P"] and np.any(initializers.get(inputs["P"], 1)):
        raise NetworkError(
            f"{where} has peephole connections, which the accelerator does not have; "
            f"train the network without them"
        )
    W, R, B = _weights(where, inputs, initializers, len(reverses))
    H = R.shape[2]
    hidden = attributes(node).get("hidden_size", H)
    if hidden != H:
        raise NetworkError(f"{where} has a hidden_size of {hidden} but weights for {H}")
    states = {
        name: _state(where, name, node, initializers.get(inputs[name]), (len(reverses), H))
        for name in ("h0", "c0")
    }
    # What is not finite is refused below.
    with np.errstate(invalid="ignore", over="ignore"):
        biases = B[:, : 4 * H] + B[:, 4 * H :]
    layer = FloatLayer(
        directions=tuple(
            FloatLstm(
                W=_gates(W[number], H),
                R=_gates(R[number], H),
                bias=_gates(biases[number], H),
                **{name: None if s is None else s[number] for name, s in states.items()},
                reverse=reverse,
            )
            for number, reverse in enumerate(reverses)
        )
    )
    try:
        check_float(layer)
    except NetworkError as error:
        raise NetworkError(str(error).replace("layer 0", where)) from None
    return layer


def _weights(where, inputs, initializers, directions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``W``, ``R`` and ``B`` as the node has them, of the shapes that fit each other."""
    W, R, B = (
        _constant(where, what, inputs[name], initializers)
        for name, what in (("W", "input weights"), ("R", "recurrent weights"), ("B", "a bias"))
    )
    if W is None or R is None or W.ndim != 3 or R.ndim != 3:
        raise NetworkError(f"{where} must have weights of three dimensions")
    H, features = R.shape[2], W.shape[2]
    if R.shape[1] != 4 * H and R.shape[1] == W.shape[1]:
        raise NetworkError(
            f"{where} has a projection of its {R.shape[1] // 4} units to {H}, which the "
            f"accelerator does not have; train the network without it (proj_size=0)"
        )
    B = np.zeros((directions, 8 * H), np.float32) if B is None else B
    for name, array, shape in (
        ("W", W, (directions, 4 * H, features)),
        ("R", R, (directions, 4 * H, H)),
        ("B", B, (directions, 8 * H)),
    ):
        if array.shape != shape:
            raise NetworkError(f"{name} of {where} must have the shape {shape}, not {array.shape}")
    return W, R, B


def _check_attributes(where: str, node: onnx.NodeProto) -> tuple[bool, ...]:
    """Refuse by name what is not supported; the directions' ``reverse``."""
    given = attributes(node)
    direction = given.pop("direction", b"forward").decode()
    if direction not in _DIRECTIONS:
        raise NetworkError(f"{where} has the unknown direction {direction!r}")
    reverses = _DIRECTIONS[direction]
    activations = [a.decode().lower() for a in given.pop("activations", [])]
    if activations and activations != _ACTIVATIONS * len(reverses):
        raise NetworkError(
            f"{where} has the activations {', '.join(activations)}; "
            f"only sigmoid, tanh, tanh is supported; train the network with them"
        )
    for name in ("activation_alpha", "activation_beta"):
        if given.pop(name, None):
            raise NetworkError(
                f"{where} has {name}, which is not supported; train the network with plain "
                f"sigmoid and tanh"
            )
    if "clip" in given:
        raise NetworkError(
            f"{where} has a clip of its gates, which is not supported; export it without clip"
        )
    if given.pop("input_forget", 0):
        raise NetworkError(
            f"{where} has coupled gates (input_forget), which is not supported; "
            f"train the network without them"
        )
    if given.pop("layout", 0) not in (0, 1):
        raise NetworkError(f"{where} has an unknown layout")
    # Before opset 7, output_sequence chose whether Y exists; the outputs' names say it too.
    unknown = set(given) - {"hidden_size", "output_sequence"}
    if unknown:
        raise NetworkError(f"{where} has the attribute {min(unknown)}, which is not supported")
    return reverses


def _constant(where: str, what: str, name: str, initializers: Mapping) -> np.ndarray | None:
    """A constant input as float32; None where the node has no such input."""
    if not name:
        return None
    if name not in initializers:
        raise NetworkError(
            f"{where} has {what} computed at run time, which is not supported; "
            f"export the model with constant weights"
        )
    return np.asarray(initializers[name]).astype(np.float32)


def _state(where, name, node, value, shape) -> np.ndarray | None:
    """A constant initial state, [directions, H]."""
    if value is None:
        return None
    value = np.asarray(value).astype(np.float32)
    batch_axis = 0 if attributes(node).get("layout", 0) else 1
    if value.ndim == 3 and value.shape[batch_axis]:
        rows = np.moveaxis(value, batch_axis, 0)
        if rows.shape[1:] == shape:
            if (rows != rows[0]).any():
                raise NetworkError(
                    f"{where} has a constant initial state that differs between sequences"
                )
            return rows[0]
    raise NetworkError(f"the initial state {name} of {where} has the shape {value.shape}")


def _gates(stacked: np.ndarray, H: int) -> np.ndarray:
    """[4 * H, ...] in ONNX's gate order as [4, H, ...] in ours."""
    return np.ascontiguousarray(stacked.reshape(4, H, *stacked.shape[1:])[_GATE_ORDER])
