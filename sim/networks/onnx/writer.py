"""ONNX models with other weights in their LSTM nodes."""

from collections.abc import Mapping

import numpy as np
import onnx

from sim.networks.network import FloatLayer, NetworkError
from sim.networks.onnx.graph import Graph
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.walk import identity, names_used, without_dead_nodes

__all__ = ["check_one_graph", "onnx_bytes"]

# ONNX stacks the gates as input, output, forget, cell; this puts ours there.
_GATE_ORDER = [0, 3, 1, 2]


def check_one_graph(model: OnnxModel) -> None:
    """Refuse models whose LSTM layers lie in branches.

    Raises
    ------
    NetworkError
        A sentence with what to do.
    """
    if len(model.graphs) != 1:
        raise NetworkError(
            f"{model.path} has LSTM layers in branches of If nodes, in which weights cannot be "
            f"replaced; write a .refrain file with -o, or export the model with one branch"
        )


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
        LSTM layers lie in branches, or the model is too large for a file.
    """
    check_one_graph(model)
    ((graph, lstms),) = model.graphs
    result = onnx.ModelProto()
    result.CopyFrom(graph.model)
    nodes = {identity(node): node for node in result.graph.node}
    for number, (name, layer) in enumerate(layers.items()):
        node = nodes[identity(lstms[name])]
        _replace(result.graph, graph, node, layer, f"refrain_pruned_{number}")
    _drop_unused(result.graph)
    try:
        return result.SerializeToString()
    except ValueError as error:
        raise NetworkError(
            f"{model.path} is larger than a single .onnx file can be; write a .refrain file"
        ) from error


def _replace(
    target: onnx.GraphProto, graph: Graph, node: onnx.NodeProto, layer: FloatLayer, title: str
) -> None:
    """Give a node weights of its own, of the type that it has."""
    kind = onnx.helper.tensor_dtype_to_np_dtype(graph.constants[node.input[1]].data_type)
    W, R = (_stacked([getattr(each, name) for each in layer.directions]) for name in ("W", "R"))
    bias = _stacked([each.bias for each in layer.directions])
    arrays = {"W": W, "R": R, "B": np.concatenate([bias, np.zeros_like(bias)], axis=1)}
    # The fourth input may be left out.
    inputs = [*node.input, *[""] * (4 - len(node.input))]
    for place, (name, array) in enumerate(arrays.items(), start=1):
        inputs[place] = f"{title}_{name}"
        tensor = onnx.numpy_helper.from_array(array.astype(kind), inputs[place])
        target.initializer.append(tensor)
    node.input[:] = inputs


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    """[directions, 4 * H, ...] in ONNX's order, of [4, H, ...] in ours."""
    return np.stack([each[_GATE_ORDER].reshape(-1, *each.shape[2:]) for each in arrays])


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
