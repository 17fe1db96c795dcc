"""LSTM nodes over time for the cell of a loop, with or without steps that a mask leaves out."""

from dataclasses import dataclass

import onnx

from sim.networks.onnx.builder import Builder
from sim.networks.onnx.forms.cells import Cell, is_zero
from sim.networks.onnx.forms.steps import constant_weights
from sim.networks.onnx.sheet import Sheet

__all__ = ["Layer", "Sequence", "build_layer"]


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """What a cell works on, outside of its loop.

    Members
    -------
    x : str
        [steps, batch, I].
    h, c : str
        The states before the first step, [batch, H], or what spreads to it.
    mask : str
        [steps, batch], bool: steps where it is false leave the states alone. Empty for none.
    count : str
        How many steps, [1].
    """

    x: str
    h: str
    c: str
    mask: str
    count: str


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What a layer gives: all states ``h``, [steps, batch, H], and the last ones, [batch, H]."""

    all_h: str
    last_h: str
    last_c: str


def build_layer(
    sheet: Sheet, build: Builder, title: str, cell: Cell, over: Sequence, element: int
) -> Layer:
    """Add an LSTM node that makes a cell's steps; ``element`` is the type of its tensors.

    With a mask, the steps that count are moved to the front of each sequence, the LSTM runs over
    those with ``sequence_lens``, and its states are spread over the steps that they hold for. This
    is exact for every mask, not only for padding at the end.
    """
    weights = constant_weights(sheet, title, cell, element)
    size = cell.hidden_size
    states = _states(sheet, build, over, size)
    outputs = [sheet.fresh(f"{title}/{name}") for name in ("Y", "Y_h", "Y_c")]
    x, lens, packing = over.x, "", None
    if over.mask:
        packing = _Packing(build, over)
        x = packing.front(over.x, cell.W.shape[1])
        lens = packing.lens()
    initial = [build.unsqueeze(name, 0) if name else "" for name in states]
    inputs = [x, *weights, lens, *initial]
    while not inputs[-1]:
        inputs.pop()
    build.nodes.append(onnx.helper.make_node("LSTM", inputs, outputs, title, hidden_size=size))
    y, last_h, last_c = (
        build.squeeze(outputs[0], 1),
        *(build.squeeze(name, 0) for name in outputs[1:]),
    )
    if packing is None:
        return Layer(all_h=y, last_h=last_h, last_c=last_c)
    zero = build.constant(0, onnx.helper.tensor_dtype_to_np_dtype(element))
    h, c = (name or zero for name in states)
    return Layer(
        all_h=packing.spread(y, h, size),
        last_h=packing.last(last_h, h),
        last_c=packing.last(last_c, c),
    )


def _states(sheet: Sheet, build: Builder, over: Sequence, size: int) -> list[str]:
    """Both states, [batch, H]; empty for zero."""
    if is_zero(sheet, over.h) and is_zero(sheet, over.c):
        return ["", ""]
    batch = build.part(build.add("Shape", [over.x]), 1, 2)
    sizes = build.add("Concat", [batch, build.constant([size])], axis=0)
    return [build.add("Expand", [name, sizes]) for name in (over.h, over.c)]


class _Packing:
    """Moves the steps that a mask lets through to the front of each sequence, and back."""

    def __init__(self, build: Builder, over: Sequence):
        self._build, self._over = build, over
        add, constant = build.add, build.constant
        self._valid = add("Cast", [over.mask], to=onnx.TensorProto.INT64)
        # [steps, batch]: how many steps have counted so far; its last row, how many there are.
        self._counted = add("CumSum", [self._valid, constant(0)])
        self._length = add("ReduceMax", [self._counted], axes=[0], keepdims=0)
        if build.opset >= 18:
            build.nodes.pop()
            self._length = add("ReduceMax", [self._counted, constant([0])], keepdims=0)
        self._none = add("Equal", [self._length, constant(0)])

    def lens(self) -> str:
        """Lengths, [batch], int32; a sequence of none has one step, which nobody looks at."""
        add = self._build.add
        one = add("Where", [self._none, self._build.constant(1), self._length])
        return add("Cast", [one], to=onnx.TensorProto.INT32)

    def front(self, x: str, size: int) -> str:
        """``x`` with the steps that count first, each kind in its order."""
        build = self._build
        steps = build.add(
            "Range", [build.constant(0), build.squeeze(self._over.count, 0), build.constant(1)]
        )
        key = build.add("Mul", [self._valid, self._over.count])
        key = build.add("Sub", [key, build.unsqueeze(steps, 1)])
        values, order = build.names("TopK", 2)
        build.nodes.append(
            onnx.helper.make_node("TopK", [key, self._over.count], [values, order], axis=0)
        )
        return self._pick(x, order, size)

    def spread(self, y: str, h: str, size: int) -> str:
        """Packed states as the states after each step, held where a step does not count."""
        build = self._build
        zero, one = build.constant(0), build.constant(1)
        before = build.add("Equal", [self._counted, zero])
        place = build.add("Sub", [self._counted, one])
        place = build.add("Where", [before, zero, place])
        return build.add("Where", [build.unsqueeze(before, 2), h, self._pick(y, place, size)])

    def last(self, state: str, first: str) -> str:
        """The state after the last step, [batch, H]."""
        build = self._build
        return build.add("Where", [build.unsqueeze(self._none, 1), first, state])

    def _pick(self, x: str, place: str, size: int) -> str:
        build = self._build
        sizes = build.add("Concat", [build.add("Shape", [place]), build.constant([size])], axis=0)
        spread = build.add("Expand", [build.unsqueeze(place, 2), sizes])
        return build.add("GatherElements", [x, spread], axis=0)
