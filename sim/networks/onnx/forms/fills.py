"""``ConstantFill`` nodes, with which old exporters make states of zero, as operators of today."""

from collections.abc import Iterator

import numpy as np
import onnx

from sim.networks.network import NetworkError
from sim.networks.onnx.walk import attributes, node_name

__all__ = ["rewrite_fills"]

_FILL = "ConstantFill"
_EXPAND = 8
"""The first version of ONNX that has ``Expand``; it changes nothing else that was there in 7."""


def rewrite_fills(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """``ConstantFill``, an experiment of ONNX that was given up, becomes ``Expand``.

    Raises
    ------
    NetworkError
        A node that takes its shape from anywhere but its first input.
    """
    if not any(node.op_type == _FILL for node in model.graph.node):
        return model, []
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for entry in result.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = max(entry.version, _EXPAND)
    nodes = [each for node in model.graph.node for each in _replaced(node)]
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    return result, []


def _replaced(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    if node.op_type != _FILL:
        yield node
        return
    given = attributes(node)
    if not given.get("input_as_shape") or given.get("extra_shape"):
        raise NetworkError(
            f"{_FILL} node {node_name(node)} has its shape in attributes, which is not supported; "
            f"export the model with opset 9 or later"
        )
    kind = onnx.helper.tensor_dtype_to_np_dtype(given.get("dtype", onnx.TensorProto.FLOAT))
    value = onnx.numpy_helper.from_array(np.array(given.get("value", 0.0), kind))
    name = f"{node.output[0]}/value"
    yield onnx.helper.make_node("Constant", [], [name], value=value)
    yield onnx.helper.make_node("Expand", [name, node.input[0]], node.output, node.name)
