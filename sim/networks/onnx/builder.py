"""New nodes for a graph, in the form that its version of ONNX wants."""

from collections.abc import Sequence

import numpy as np
import onnx

from sim.networks.onnx.sheet import Sheet

__all__ = ["Builder"]


class Builder:
    """Collects nodes for a sheet.

    Parameters
    ----------
    sheet : Sheet
        The graph.
    title : str
        What the names of new tensors begin with.

    Members
    -------
    nodes : list of NodeProto
        What was added so far.
    opset : int
        The graph's version of ONNX's operators.
    """

    def __init__(self, sheet: Sheet, title: str):
        self.nodes, self.opset = [], sheet.opset
        self._sheet, self._title = sheet, title

    def add(self, kind: str, inputs: Sequence[str], output: str = "", **attributes) -> str:
        """A node of one output; the output's name."""
        output = output or self._sheet.fresh(f"{self._title}/{kind}")
        name = self._sheet.fresh(f"{self._title}/{kind.lower()}")
        self.nodes.append(onnx.helper.make_node(kind, list(inputs), [output], name, **attributes))
        return output

    def names(self, kind: str, count: int) -> list[str]:
        """New names for a node's outputs."""
        return [self._sheet.fresh(f"{self._title}/{kind}") for _ in range(count)]

    def constant(self, value, kind=np.int64) -> str:
        """A constant of the graph."""
        return self._sheet.constant(f"{self._title}/constant", np.asarray(value, kind))

    def unsqueeze(self, name: str, axis: int, output: str = "") -> str:
        """``name`` with one more axis."""
        return self._axes("Unsqueeze", name, axis, output)

    def squeeze(self, name: str, axis: int, output: str = "") -> str:
        """``name`` without one axis."""
        return self._axes("Squeeze", name, axis, output)

    def reshape(self, name: str, sizes: Sequence[int], output: str = "") -> str:
        """``name`` in another shape."""
        return self.add("Reshape", [name, self.constant(sizes)], output)

    def part(self, name: str, start: int, stop: int) -> str:
        """Part of a tensor of one axis."""
        if self.opset < 10:
            return self.add("Slice", [name], starts=[start], ends=[stop], axes=[0])
        return self.add("Slice", [name, self.constant([start]), self.constant([stop])])

    def first_sizes(self, name: str, last: int) -> str:
        """The sizes of ``name`` with ``last`` in the place of the last one."""
        kept = self.part(self.add("Shape", [name]), 0, -1)
        return self.add("Concat", [kept, self.constant([last])], axis=0)

    def _axes(self, kind: str, name: str, axis: int, output: str) -> str:
        if self.opset < 13:
            return self.add(kind, [name], output, axes=[axis])
        return self.add(kind, [name, self.constant([axis])], output)
