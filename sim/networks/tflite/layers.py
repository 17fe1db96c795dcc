"""LSTM operators of a graph as layers for the accelerator: one or two directions of one input."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import tflite

from sim.networks.check import check_float, check_integer
from sim.networks.network import (
    FloatLayer,
    FloatLstm,
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    NetworkError,
)
from sim.networks.tflite.graph import Graph
from sim.networks.tflite.operator import INTEGER_KINDS, OperatorReader

__all__ = ["Direction", "Placed", "find_layers"]

_OPERATORS = tflite.BuiltinOperator
_NONE = tflite.ActivationFunctionType.NONE


@dataclass(frozen=True, kw_only=True)
class Direction:
    """An LSTM operator, and the REVERSE_V2 operators around it where it runs backwards.

    Members
    -------
    number : int
        The operator.
    lstm : IntegerLstm or FloatLstm
        What it computes.
    time_major : bool
        Its tensors are [time, batch, features].
    x : int
        The tensor that it runs over: what is reversed, where it runs backwards.
    made : int
        The tensor that the operator makes, in the order in which it runs.
    aligned : int or None
        The tensor with the outputs at their own time steps, where it runs backwards.
    """

    number: int
    lstm: IntegerLstm | FloatLstm
    time_major: bool
    x: int
    made: int
    aligned: int | None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A layer and its place in the graph.

    Members
    -------
    name : str
        By its operators' numbers.
    layer : IntegerLayer or FloatLayer
        What it computes.
    directions : tuple of Direction
        Forward first.
    joined : int or None
        The tensor with the outputs of both directions.
    """

    name: str
    layer: IntegerLayer | FloatLayer
    directions: tuple[Direction, ...]
    joined: int | None = None

    @property
    def x(self) -> int:
        """The tensor that it runs over."""
        return self.directions[0].x

    @property
    def time_major(self) -> bool:
        """Its tensors are [time, batch, features]."""
        return self.directions[0].time_major

    @property
    def made(self) -> set[int]:
        """Tensors that need no operator any more."""
        found = {self.joined}
        for direction in self.directions:
            found |= {direction.made, direction.aligned}
        return found - {None}

    def values(self, y: np.ndarray) -> dict[int, np.ndarray]:
        """What the layer's tensors hold, from its outputs [batch, time, directions * H]."""
        found, start = {}, 0
        for direction in self.directions:
            stop = start + direction.lstm.hidden_size
            aligned, start = y[:, :, start:stop], stop
            found[direction.made] = aligned[:, ::-1] if direction.lstm.reverse else aligned
            if direction.aligned is not None:
                found[direction.aligned] = aligned
        if self.joined is not None:
            found[self.joined] = y
        ordered = {k: v.swapaxes(0, 1) if self.time_major else v for k, v in found.items()}
        return {index: np.ascontiguousarray(value) for index, value in ordered.items()}


def find_layers(graph: Graph, reader: OperatorReader) -> list[Placed]:
    """The LSTM operators of a graph in the order in which they run, pairs as one layer.

    An operator between two REVERSE_V2 runs backwards; with a forward one over the same tensor, and
    the same format of ``h``, it is a bidirectional layer.

    Raises
    ------
    NetworkError
        An operator that is not supported.
    """
    directions = [
        _direction(graph, reader, number)
        for number in range(len(graph.operators))
        # As LiteRT reads it, which runs the others.
        if graph.kind(number) == _OPERATORS.UNIDIRECTIONAL_SEQUENCE_LSTM
    ]
    placed = []
    while directions:
        first = directions.pop(0)
        pair = next((each for each in directions if _is_pair(first, each)), None)
        if pair is None:
            placed.append(_place(graph, (first,)))
            continue
        directions.remove(pair)
        both = (pair, first) if first.lstm.reverse else (first, pair)
        placed.append(_place(graph, both))
    return placed


def _direction(graph: Graph, reader: OperatorReader, number: int) -> Direction:
    reader.check_arity(number)
    kind = reader.x_type(number)
    if kind in INTEGER_KINDS:
        lstm = reader.integer_lstm(number)
    elif kind == tflite.TensorType.FLOAT32:
        lstm = reader.float_lstm(number)
    else:
        raise NetworkError(
            f"x of operator {number} is {reader.x_type_name(number)}, and the accelerator takes "
            f"INT8 or INT16; convert the network with TFLITE_BUILTINS_INT8 as its supported_ops"
        )
    time_major = reader.is_time_major(number)
    time = 0 if time_major else 1
    x, made = graph.taken(number)[0], graph.made(number)[0]
    source = _reversed_from(graph, x, time)
    if source is None:
        aligned = None
    else:
        x, lstm = source, replace(lstm, reverse=True)
        aligned = next(iter(_reversals(graph, made, time)), None)
    return Direction(
        number=number, lstm=lstm, time_major=time_major, x=x, made=made, aligned=aligned
    )


def _reversed_from(graph: Graph, index: int, axis: int) -> int | None:
    """The tensor of which this one is the reversal along an axis."""
    number = graph.makers.get(index)
    if number is None or not _reverses(graph, number, axis):
        return None
    source = graph.taken(number)[0]
    return source if graph.flows(source) and _same_format(graph, source, index) else None


def _reversals(graph: Graph, index: int, axis: int) -> Iterator[int]:
    """Tensors that are the reversal of this one along an axis."""
    for number in range(len(graph.operators)):
        if _reverses(graph, number, axis) and graph.taken(number)[0] == index:
            made = graph.made(number)[0]
            if _same_format(graph, index, made):
                yield made


def _reverses(graph: Graph, number: int, axis: int) -> bool:
    if graph.kind(number) != _OPERATORS.REVERSE_V2 or len(graph.taken(number)) != 2:
        return False
    axes = graph.constant(graph.taken(number)[1])
    return axes is not None and axes.tolist() in ([axis], [axis - 3])


def _same_format(graph: Graph, one: int, other: int) -> bool:
    return (
        graph.dtype(one) == graph.dtype(other)
        and graph.form(one) == graph.form(other)
        and graph.dims(one) == graph.dims(other)
    )


def _is_pair(one: Direction, other: Direction) -> bool:
    """Whether two directions are one layer: of one input, either way, with one format of ``h``.

    A layer's states are one array, so both have as many units.
    """
    if (one.x, one.time_major) != (other.x, other.time_major):
        return False
    if one.lstm.hidden_size != other.lstm.hidden_size:
        return False
    if one.lstm.reverse == other.lstm.reverse or type(one.lstm) is not type(other.lstm):
        return False
    return isinstance(one.lstm, FloatLstm) or one.lstm.h == other.lstm.h


def _place(graph: Graph, directions: tuple[Direction, ...]) -> Placed:
    numbers = [direction.number for direction in directions]
    name = f"operator{'s' * (len(numbers) > 1)}{'+'.join(map(str, numbers))}"
    lstms = tuple(direction.lstm for direction in directions)
    try:
        if isinstance(lstms[0], IntegerLstm):
            layer = IntegerLayer(directions=lstms)
            check_integer(IntegerNetwork(layers=(layer,)))
        else:
            layer = FloatLayer(directions=lstms)
            check_float(layer)
    except NetworkError as error:
        where = f"operator {' and '.join(map(str, numbers))}"
        raise NetworkError(str(error).replace("layer 0", where)) from None
    joined = _joined(graph, *directions) if len(directions) == 2 else None
    return Placed(name=name, layer=layer, directions=directions, joined=joined)


def _joined(graph: Graph, forward: Direction, backward: Direction) -> int | None:
    """The tensor that holds both outputs side by side, forward first."""
    for number in range(len(graph.operators)):
        if graph.kind(number) != _OPERATORS.CONCATENATION:
            continue
        options, made = graph.operators[number].builtinOptions, graph.made(number)[0]
        if (
            graph.taken(number) == [forward.made, backward.aligned]
            and options is not None
            and options.axis in (2, -1)
            and options.fusedActivationFunction == _NONE
            and graph.dtype(made) == graph.dtype(forward.made)
            and graph.form(made) == graph.form(forward.made)
        ):
            return made
    return None
