"""Models in bfloat16, which ONNX Runtime does not compute on a processor, as float32."""

from collections.abc import Iterator

import numpy as np
import onnx

__all__ = ["widen"]

_NARROW, _WIDE = onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT
_TYPE_NAMES = ("to", "dtype")
"""Attributes that name a type."""


def widen(model: onnx.ModelProto) -> bool:
    """Turn every bfloat16 of a model into float32; whether there was one.

    Every bfloat16 is a float32, so constants keep their values.
    """
    changed = False
    for graph in _graphs(model.graph):
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.type.tensor_type.elem_type == _NARROW:
                value.type.tensor_type.elem_type = _WIDE
                changed = True
        tensors = list(graph.initializer)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.name in _TYPE_NAMES and attribute.i == _NARROW:
                    attribute.i = _WIDE
                    changed = True
                tensors += [attribute.t, *attribute.tensors]
        for tensor in tensors:
            if tensor.data_type == _NARROW:
                values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
                tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
                changed = True
    return changed


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all inside of it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from _graphs(inner)
