"""Sparse initialisers, written out."""

import numpy as np
import onnx

from sim.networks.network import NetworkError

__all__ = ["rewrite_sparse"]


def rewrite_sparse(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """Sparse initialisers of the main graph become ordinary ones.

    Raises
    ------
    NetworkError
        One whose indices lie outside of it.
    """
    if not model.graph.sparse_initializer:
        return model, []
    result = onnx.ModelProto()
    result.CopyFrom(model)
    result.graph.initializer.extend(map(_dense, model.graph.sparse_initializer))
    del result.graph.sparse_initializer[:]
    return result, []


def _dense(sparse: onnx.SparseTensorProto) -> onnx.TensorProto:
    name, shape = sparse.values.name, tuple(sparse.dims)
    values = onnx.numpy_helper.to_array(sparse.values)
    indices = onnx.numpy_helper.to_array(sparse.indices)
    dense = np.zeros(shape, values.dtype)
    try:
        # Indices are positions in the flat tensor, or one row of coordinates for each value.
        dense[np.unravel_index(indices, shape) if indices.ndim == 1 else tuple(indices.T)] = values
    except (IndexError, ValueError):
        raise NetworkError(
            f"the sparse initialiser {name} has indices outside of its shape {shape}; "
            f"export the model again"
        ) from None
    return onnx.numpy_helper.from_array(dense, name)
