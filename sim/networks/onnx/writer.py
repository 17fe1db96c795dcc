"""ONNX models with other weights in their LSTM nodes."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import onnx

from sim.networks.network import FloatLayer, NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.reader import load_onnx
from sim.networks.onnx.walk import (
    identity,
    inner_graphs,
    is_standard,
    names_used,
    node_name,
    without_dead_nodes,
)
from sim.networks.onnx.widening import widen

__all__ = ["check_places", "node_weights", "onnx_bytes"]

# ONNX stacks the gates as input, output, forget, cell; this puts ours there.
_GATE_ORDER = [0, 3, 1, 2]


def node_weights(layer: FloatLayer) -> dict[str, np.ndarray]:
    """``W``, ``R`` and ``B`` of an LSTM node, ``[directions, ...]`` in ONNX's order of gates."""
    W, R, bias = (
        np.stack([_stacked(getattr(each, name)) for each in layer.directions])
        for name in ("W", "R", "bias")
    )
    # A node has a bias of the input and one of the state.
    return {"W": W, "R": R, "B": np.concatenate([bias, np.zeros_like(bias)], axis=1)}


def _stacked(array: np.ndarray) -> np.ndarray:
    """[4 * H, ...] of [4, H, ...] in our order."""
    return array[_GATE_ORDER].reshape(-1, *array.shape[2:])


def check_places(model: OnnxModel, names: Iterable[str] | None = None) -> None:
    """Refuse LSTM layers in branches that no node of the file stands for.

    Parameters
    ----------
    model : OnnxModel
        The model.
    names : iterable of str or None
        The layers; all without.

    Raises
    ------
    NetworkError
        A sentence with what to do.
    """
    _places(model, model.lstm_layers if names is None else names)


def onnx_bytes(model: OnnxModel, layers: Mapping[str, FloatLayer]) -> bytes:
    """The content of a file of the model, with other weights.

    Layers that the file held in another form are LSTM nodes, as the model runs here; everything
    else is as it was.

    Parameters
    ----------
    model : OnnxModel
        The model.
    layers : dict of FloatLayer
        By the name of the node, of the node's sizes; states and directions are the node's own.

    Raises
    ------
    NetworkError
        A layer in a branch has another form there, or the model is too large for a file.
    """
    result, places = _places(model, layers)
    for number, (name, layer) in enumerate(layers.items()):
        graph, node = places[name]
        _replace(graph, node, layer, _type(model, name), f"refrain_pruned_{number}")
    # Nodes move as graphs are cleared, those of the main graph with the graphs inside them.
    for name in layers:
        if places[name][0] is not result.graph:
            _drop_unused(places[name][0])
    _drop_unused(result.graph)
    try:
        return result.SerializeToString()
    except ValueError as error:
        raise NetworkError(
            f"{model.path} is larger than a single .onnx file can be; write a .refrain file"
        ) from error


def _places(model: OnnxModel, names: Iterable[str]) -> tuple[onnx.ModelProto, dict]:
    """A copy of the model, and in it the graph and the LSTM node of each layer.

    Without branches it is the model that runs here; with them the file's own.
    """
    if len(model.graphs) == 1:
        ((graph, lstms),) = model.graphs
        result = onnx.ModelProto()
        result.CopyFrom(graph.model)
        nodes = {identity(node): node for node in result.graph.node}
        return result, {name: (result.graph, nodes[identity(lstms[name])]) for name in names}
    result = load_onnx(model.path)
    widen(result)
    found: dict[str, list] = {}
    for place in _lstms(result.graph):
        found.setdefault(node_name(place[1]), []).append(place)
    for name in names:
        if len(found.get(name, ())) != 1:
            raise NetworkError(
                f"{model.path} has the LSTM layer {name} in a branch of an If node in another "
                f"form than an LSTM node of its own; write a .refrain file with -o, or export the "
                f"model with one branch"
            )
    return result, {name: found[name][0] for name in names}


def _lstms(graph: onnx.GraphProto) -> Iterator[tuple[onnx.GraphProto, onnx.NodeProto]]:
    """LSTM nodes to any depth, each with the graph that it is in."""
    for node in graph.node:
        if is_standard(node, "LSTM"):
            yield graph, node
        for inner in inner_graphs(node):
            yield from _lstms(inner)


def _type(model: OnnxModel, name: str) -> np.dtype:
    """The type of a node's weights."""
    graph, node = next((graph, lstms[name]) for graph, lstms in model.graphs if name in lstms)
    return onnx.helper.tensor_dtype_to_np_dtype(graph.constants[node.input[1]].data_type)


def _replace(
    graph: onnx.GraphProto, node: onnx.NodeProto, layer: FloatLayer, kind: np.dtype, title: str
) -> None:
    """Give a node of a graph weights of its own."""
    # The fourth input may be left out.
    inputs = [*node.input, *[""] * (4 - len(node.input))]
    for place, (name, array) in enumerate(node_weights(layer).items(), start=1):
        inputs[place] = f"{title}_{name}"
        tensor = onnx.numpy_helper.from_array(array.astype(kind), inputs[place])
        graph.initializer.append(tensor)
    node.input[:] = inputs


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Take out what made or held weights that nothing needs any more."""
    outputs = [value.name for value in graph.output]
    nodes = without_dead_nodes(graph.node, outputs)
    used = {name for node in nodes for name in names_used(node)} | set(outputs)
    # What is an input, too, would have to be given.
    used |= {value.name for value in graph.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
