"""What an ONNX model declares of its inputs, and inputs made to fit."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx

from sim.networks.network import NetworkError
from sim.networks.onnx.graph import Graph
from sim.networks.whole import Dims

__all__ = ["batch_axes", "declared_dims", "typed_inputs"]

_BATCH = "batch of this call"
"""What stands for the batch where shapes are inferred."""


def declared_dims(values: Iterable[onnx.ValueInfoProto]) -> dict[str, Dims]:
    """Shapes of a graph's inputs or outputs, by name."""
    return {value.name: _dims(value.type) for value in values}


def _dims(kind: onnx.TypeProto) -> Dims:
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.dim_value > 0 else _text(dim.dim_param)
        for dim in kind.tensor_type.shape.dim
    )


def _text(name: str | bytes) -> str | None:
    """The name of a size, or None where it is open.

    Exporters also write ``?`` for that, and what is not UTF-8 comes as bytes.
    """
    if not isinstance(name, str) or not any(letter.isalnum() for letter in name):
        return None
    return name


def typed_inputs(path: Path, graph: Graph, inputs: Mapping) -> dict[str, np.ndarray]:
    """The inputs in the types that the model declares.

    Raises
    ------
    NetworkError
        An input is missing or unknown, is no number where numbers are wanted, or holds a number
        that the type does not hold.
    """
    for name in inputs:
        if name not in graph.inputs:
            known = ", ".join(graph.inputs)
            raise NetworkError(f"{path} has no input {name}; its inputs are {known}")
    values = {}
    for value in graph.model.graph.input:
        if value.name in graph.constants:
            continue
        if value.name not in inputs:
            raise NetworkError(f"{path} needs the input {value.name}")
        if not value.type.HasField("tensor_type"):
            kind = (value.type.WhichOneof("value") or "thing of no type").removesuffix("_type")
            raise NetworkError(
                f"{path}: the input {value.name} is a {kind}, and only arrays can be given"
            )
        element = value.type.tensor_type.elem_type
        if not element or element not in onnx.TensorProto.DataType.values():
            raise NetworkError(
                f"{path}: the input {value.name} has elements of type {element}, which ONNX has "
                f"not; the file is damaged"
            )
        dtype = onnx.helper.tensor_dtype_to_np_dtype(element)
        values[value.name] = _typed(f"input {value.name}", np.asarray(inputs[value.name]), dtype)
    return values


def _typed(what: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "O":
        return array.astype(str).astype(object)
    if array.dtype.kind not in "fiub":
        raise NetworkError(f"{what} must hold numbers, not {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NetworkError(f"{what} must hold finite numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        typed = array.astype(dtype)
    if dtype.kind in "iu":
        # Of integers, whatever a type cannot hold comes out as another number.
        if (typed != array).any():
            raise NetworkError(f"{what} must hold whole numbers that {dtype} can hold")
    elif not np.isfinite(typed).all():
        raise NetworkError(f"{what} holds {_extreme(array)}, which {dtype} cannot hold")
    return typed


def _extreme(array: np.ndarray) -> str:
    return f"{array.ravel()[np.abs(array.astype(np.float64)).argmax()]:g}"


def batch_axes(
    path: Path, graph: Graph, lstms: Iterable[onnx.NodeProto], axes: Mapping[str, int]
) -> dict[str, int | None]:
    """The outputs' axes of the batch, where ``axes`` are the inputs' by name.

    ONNX's inference of shapes follows the axes through the graph. Where it loses them before the
    LSTM nodes, the first axis is taken for the batch, as it is in what exporters write.

    Raises
    ------
    NetworkError
        The axes are time to an LSTM node, or cannot be followed and are not the first.
    """
    shapes = _inferred(graph, axes)
    for node in lstms:
        layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
        found = shapes.get(node.input[0])
        if found is None or _BATCH not in found:
            if any(axes.values()):
                name = next(name for name, axis in axes.items() if axis)
                raise _not_batch(path, graph, name, axes[name], "cannot be told to be the batch")
        elif found.index(_BATCH) != (0 if layout else 1):
            name, axis = next(iter(axes.items()))
            raise _not_batch(path, graph, name, axis, "is not the batch")
    return {
        name: shapes[name].index(_BATCH) if _BATCH in (shapes.get(name) or ()) else None
        for name in graph.outputs
    }


def _not_batch(path: Path, graph: Graph, name: str, axis: int, why: str) -> NetworkError:
    declared = declared_dims(graph.model.graph.input)[name]
    return NetworkError(
        f"{path}: axis {axis} of the input {name} must have the size {declared[axis]}, as the file "
        f"fixes it, for it {why} of the LSTM nodes; export the model with an axis of any size"
    )


def _inferred(graph: Graph, axes: Mapping[str, int]) -> dict[str, Dims]:
    """Shapes of all tensors, with the batch of the inputs under a name of its own."""
    inputs = []
    for value in graph.model.graph.input:
        if value.name in graph.constants:
            continue
        inputs.append(onnx.ValueInfoProto())
        inputs[-1].CopyFrom(value)
        if value.name in axes:
            inputs[-1].type.tensor_type.shape.dim[axes[value.name]].dim_param = _BATCH
    inner = onnx.helper.make_graph(
        graph.nodes,
        "shapes",
        inputs,
        [onnx.ValueInfoProto(name=name) for name in graph.outputs],
        list(graph.constants.values()),
    )
    model = onnx.helper.make_model(
        inner, opset_imports=graph.model.opset_import, ir_version=graph.model.ir_version
    )
    try:
        found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:
        # onnx raises classes of its own, which differ between versions, where it cannot follow.
        return declared_dims(inputs)
    return declared_dims([*found.input, *found.value_info, *found.output])
