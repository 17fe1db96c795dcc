"""What must hold of a model before its graphs are walked: sizes that are none and nodes in circles
would end in a library's death or in no end at all.
"""

from collections.abc import Iterator

import onnx

from sim.networks.network import NetworkError
from sim.networks.onnx.walk import identity, inner_graphs, names_used, node_name

__all__ = ["make_sound"]

_ADVICE = "write the file anew, or get it again"


def make_sound(model: onnx.ModelProto) -> None:
    """Refuse what cannot be walked; forget sizes below zero, which some write for any size.

    Raises
    ------
    NetworkError
        A tensor has a size below zero, a node gives nothing, two give the same, or some wait for
        each other.
    """
    for graph in _graphs(model.graph):
        for value in (*graph.input, *graph.output, *graph.value_info):
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_value < 0:
                    dim.ClearField("dim_value")
        sparse = [t for each in graph.sparse_initializer for t in (each.values, each.indices)]
        tensors = [*graph.initializer, *sparse, *_tensors_of(graph)]
        for tensor in tensors:
            if any(size < 0 for size in tensor.dims):
                raise NetworkError(
                    f"the tensor {tensor.name or 'of a Constant node'} has the size "
                    f"{min(tensor.dims)}; {_ADVICE}"
                )
        _check_order(graph)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from _graphs(inner)


def _tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _check_order(graph: onnx.GraphProto) -> None:
    """Each tensor has one maker, and no node waits for itself."""
    makers = {}
    for node in graph.node:
        if not any(node.output):
            raise NetworkError(f"its {node.op_type} node {node.name} gives nothing; {_ADVICE}")
        for name in node.output:
            if name and name in makers:
                raise NetworkError(f"two nodes give the tensor {name}; {_ADVICE}")
            makers[name] = node
    done, waiting = set(), set()
    for first in graph.node:
        pending = [first]
        while pending:
            node = pending[-1]
            mark = identity(node)
            before = [makers[name] for name in names_used(node) if name and name in makers]
            left = [each for each in before if identity(each) not in done]
            if mark in done or not left:
                done.add(mark)
                pending.pop()
            elif mark in waiting:
                raise NetworkError(
                    f"its {node.op_type} node {node_name(node)} waits for its own output; {_ADVICE}"
                )
            else:
                waiting.add(mark)
                pending += left
