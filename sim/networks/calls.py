"""How inputs fit the shapes that a model declares, and sequences beyond its batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.networks.network import NetworkError
from sim.networks.whole import Dims
from sim.networks.wording import listed

__all__ = ["Calls", "check_dims", "join_calls", "run_calls", "shapes_text", "split_calls"]

_SHOWN = 6
"""Inputs that a sentence names."""

Outputs = dict[str, np.ndarray | list]
BatchAxes = Callable[[Mapping[str, int]], Mapping[str, int | None]]
"""Of the axes along which inputs hold several batches, the outputs' axes: None where unknown."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Inputs cut into calls of a model whose batch is fixed.

    Members
    -------
    inputs : tuple of dict of array
        The inputs of each call, in the order of the sequences.
    axes : dict of int
        By input, the axis that was cut; an input that is not there is the same in every call.
    batch : int
        Sequences of a call, or 0 where nothing was cut.
    """

    inputs: tuple[dict[str, np.ndarray], ...]
    axes: Mapping[str, int]
    batch: int = 0


def check_dims(path: Path, dims: Mapping[str, Dims], inputs: Mapping[str, np.ndarray]) -> None:
    """Refuse inputs that do not have the shapes that a model declares.

    Raises
    ------
    NetworkError
        An input has another number of axes or another size of one that is fixed, or two inputs
        have different sizes of an axis of one name.
    """
    sizes = {}
    for name, array in inputs.items():
        declared = dims.get(name)
        if declared is None:
            continue
        shape = np.shape(array)
        if len(shape) != len(declared) or any(
            isinstance(size, int) and size != got
            for size, got in zip(declared, shape, strict=False)
        ):
            raise NetworkError(_wrong_shape(path, name, declared, shape))
        for size, got in zip(declared, shape, strict=True):
            if not isinstance(size, str):
                continue
            first, known = sizes.setdefault(size, (name, got))
            if known != got:
                raise NetworkError(
                    f"{path}: the size {size} is {known} in the input {first} but {got} in the "
                    f"input {name}; they must agree"
                )


def split_calls(path: Path, dims: Mapping[str, Dims], inputs: Mapping[str, np.ndarray]) -> Calls:
    """Inputs as one call or, where they hold several times a fixed size, as several.

    Only one axis of an input may be larger than declared, and all inputs that are must hold as
    many times what is declared. Whether it is the batch, the caller must find out.

    Raises
    ------
    NetworkError
        As ``check_dims``.
    """
    axes, times = {}, {}
    for name, array in inputs.items():
        declared, shape = dims.get(name), np.shape(array)
        if declared is None or len(shape) != len(declared):
            continue
        other = [
            axis
            for axis, (size, got) in enumerate(zip(declared, shape, strict=True))
            if isinstance(size, int) and size != got
        ]
        if len(other) == 1 and shape[other[0]] and shape[other[0]] % declared[other[0]] == 0:
            axes[name], times[name] = other[0], shape[other[0]] // declared[other[0]]
    count = max(times.values(), default=1)
    for name in axes:
        if times[name] != count:
            raise NetworkError(_wrong_shape(path, name, dims[name], np.shape(inputs[name])))
    calls = [
        {
            name: np.split(np.asarray(array), count, axes[name])[k] if name in axes else array
            for name, array in inputs.items()
        }
        for k in range(count)
    ]
    check_dims(path, dims, calls[0])
    sizes = {dims[name][axis] for name, axis in axes.items()}
    if len(sizes) > 1:
        name = next(iter(axes))
        raise NetworkError(_wrong_shape(path, name, dims[name], np.shape(inputs[name])))
    return Calls(inputs=tuple(calls), axes=axes, batch=sizes.pop() if sizes else 0)


def join_calls(
    path: Path, parts: Sequence[Outputs], axes: Mapping[str, int | None], batch: int
) -> Outputs:
    """Outputs of calls, put together along the axis of the batch.

    Parameters
    ----------
    path : Path
        The model's, for sentences.
    parts : sequence of dict
        What each call gave.
    axes : mapping
        By output, the axis of the batch where it is known. Elsewhere it is the only axis of size
        ``batch``; an output that has none must be the same in every call.
    batch : int
        Sequences of a call.

    Raises
    ------
    NetworkError
        The axis of an output is not known.
    """
    joined = {}
    for name, first in parts[0].items():
        each = [part[name] for part in parts]
        if isinstance(first, list):
            joined[name] = [item for part in each for item in part]
            continue
        axis = axes.get(name)
        if axis is None:
            found = [k for k, size in enumerate(first.shape) if size == batch]
            axis = found[0] if len(found) == 1 else None
        if axis is not None:
            joined[name] = np.concatenate(each, axis)
        elif all(np.array_equal(first, other) for other in each):
            joined[name] = first
        else:
            raise NetworkError(
                f"{path}: it cannot be known which axis of the output {name}, "
                f"{list(first.shape)}, is the batch; give {batch} sequence{'s' * (batch > 1)} at "
                f"a time, or export the model with a batch of any size"
            )
    return joined


def run_calls(
    path: Path,
    dims: Mapping[str, Dims],
    inputs: Mapping[str, np.ndarray],
    once: Callable[[Mapping[str, np.ndarray]], Outputs],
    batch_axes: BatchAxes,
) -> Outputs:
    """Outputs of a model for any number of sequences, a fixed batch at a time.

    Parameters
    ----------
    path, dims, inputs
        The model's file, the shapes that it declares, and its inputs.
    once : function of dict
        Runs the model on inputs that have the declared shapes.
    batch_axes : function
        Given, by input, the axis along which it is longer than declared; refuses those that are
        no batch, and gives the axes of the outputs.
    """
    calls = split_calls(path, dims, inputs)
    if not calls.axes:
        return once(calls.inputs[0])
    axes = batch_axes(calls.axes)
    return join_calls(path, [once(each) for each in calls.inputs], axes, calls.batch)


def _wrong_shape(path: Path, name: str, declared: Dims, shape: tuple[int, ...]) -> str:
    wanted = ", ".join("any" if size is None else str(size) for size in declared)
    return f"{path}: the input {name} must have the shape [{wanted}], not {list(shape)}"


def shapes_text(inputs: Mapping[str, np.ndarray]) -> str:
    """Inputs and their shapes, for a sentence."""
    shown = (f"{name} {list(np.shape(array))}" for name, array in inputs.items())
    return listed(shown, _SHOWN)
