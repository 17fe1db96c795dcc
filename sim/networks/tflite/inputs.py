"""Inputs of a .tflite network, made to fit the tensors that take them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim.networks.network import NetworkError
from sim.networks.tflite.graph import Graph
from sim.networks.whole import Form

__all__ = ["tensor_names", "typed_inputs"]


def tensor_names(graph: Graph) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs by name: those of the file's signature, else those of the tensors."""
    named = graph.signature()
    return tuple(
        _distinct({index: names.get(index) or graph.name(index) for index in indices})
        for indices, names in zip((graph.inputs, graph.outputs), named, strict=True)
    )


def _distinct(names: Mapping[int, str]) -> dict[str, int]:
    """Tensors by name; where several have one name, by name and number."""
    given = list(names.values())
    return {
        name if given.count(name) == 1 else f"{name} ({index})": index
        for index, name in names.items()
    }


def typed_inputs(
    path: Path, graph: Graph, names: Mapping[str, int], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The inputs in the types of their tensors.

    Numbers in floating point, for a tensor of codes, are real values and become codes; numbers of
    its own type are codes.

    Raises
    ------
    NetworkError
        An input is missing or unknown, is no number, or holds one that the tensor cannot hold.
    """
    for name in inputs:
        if name not in names:
            raise NetworkError(f"{path} has no input {name}; its inputs are {', '.join(names)}")
    values = {}
    for name, index in names.items():
        if name not in inputs:
            raise NetworkError(f"{path} needs the input {name}")
        what = f"{path}: the input {name}"
        values[name] = _typed(what, np.asarray(inputs[name]), graph.dtype(index), graph.form(index))
    return values


def _typed(what: str, array: np.ndarray, dtype: np.dtype, form: Form | None) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise NetworkError(f"{what} must hold numbers, not {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NetworkError(f"{what} must hold finite numbers, but holds NaN or infinity")
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            typed = array.astype(dtype)
        if not np.isfinite(typed).all():
            raise NetworkError(f"{what} holds numbers that {dtype} cannot hold")
        return typed
    if form is not None and array.dtype.kind == "f":
        return _codes(array, dtype, form)
    with np.errstate(invalid="ignore"):
        typed = array.astype(dtype)
    if (typed != array).any():
        raise NetworkError(f"{what} must hold whole numbers that {dtype} can hold")
    return typed


def _codes(array: np.ndarray, dtype: np.dtype, form: Form) -> np.ndarray:
    """Real values as codes: rounded half away from zero, as the operator QUANTIZE does it."""
    scaled = array.astype(np.float64) / form.scale
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + form.zero_point
    limits = np.iinfo(dtype)
    return np.clip(rounded, limits.min, limits.max).astype(dtype)
