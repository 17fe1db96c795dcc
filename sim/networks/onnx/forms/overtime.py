"""Tensors of a loop's body as tensors over all of its steps, where no state comes into them."""

from collections.abc import Callable

import numpy as np
import onnx

from sim.networks.onnx.builder import Builder
from sim.networks.onnx.forms.bodies import Body
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import attributes, identity, names_used

__all__ = ["OverTime"]

_UNARY = ("Identity", "Cast", "Not", "Neg", "Abs", "Relu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt")
_JOINED = (
    *("Add", "Sub", "Mul", "Div", "Where", "And", "Or", "Equal", "Less", "Greater", "Pow"),
    *("LessOrEqual", "GreaterOrEqual", "Max", "Min"),
)
"""Operators that work number by number, and so at every step alike."""


class OverTime:
    """Builds nodes outside of a loop that make what its body makes, for all steps at once.

    Parameters
    ----------
    build : Builder
        Where nodes are added.
    body : Body
        The body.
    steps : str
        An int64 tensor outside, [steps]: 0, 1, 2...

    Members
    -------
    known : dict of str
        By a name inside, the tensor [steps, ...] outside. What a layer gives is entered here.
    """

    def __init__(self, outer: Sheet, build: Builder, body: Body, steps: str):
        self._outer, self._build, self._body, self._steps = outer, build, body, steps
        self._sheet = body.sheet
        self.known = {}
        self._rules: dict[str, Callable[[onnx.NodeProto], str | None]] = {
            **dict.fromkeys((*_UNARY, *_JOINED), self._pointwise),
            **dict.fromkeys(("Squeeze", "Unsqueeze"), self._reaxed),
            "Gather": self._gathered,
            "MatMul": self._product,
            "Gemm": self._gemm,
            "Concat": self._joined,
            "Transpose": self._transposed,
        }
        self._states = {state.before: state for state in body.states}
        self._changing = self._find_changing()

    def find(self, name: str) -> str | None:
        """The tensor outside, [steps, ...]; None where a state or some operator is in the way."""
        name = self._sheet.origin(name)
        if name not in self.known:
            self.known[name] = self._find(name)
        return self.known[name]

    def forget_failures(self) -> None:
        """Look again for what was not found, since more is known."""
        self.known = {name: found for name, found in self.known.items() if found is not None}

    def changes(self, name: str) -> bool:
        """Whether a tensor inside differs from step to step."""
        return name in self._changing

    def _find_changing(self) -> set[str]:
        changing = {*self._states, self._body.counter, *(t.each for t in self._body.taken)}
        for node in self._sheet.nodes:
            if changing & names_used(node):
                changing.update(node.output)
        return changing

    def _find(self, name: str) -> str | None:
        build = self._build
        if name == self._body.counter:
            return self._steps
        for taken in self._body.taken:
            if taken.each == name:
                return self._slices(taken)
        if name in self._states:
            return self._counted(self._states[name])
        if not self.changes(name):
            return None
        node = self._sheet.maker(name)
        rule = self._rules.get(node.op_type) if node is not None else None
        mark = len(build.nodes)
        found = rule(node) if rule is not None and len(node.output) == 1 else None
        if found is None:
            del build.nodes[mark:]
        return found

    def _slices(self, taken) -> str | None:
        """What a Scan takes, with its steps first and in order."""
        whole, axis, rank = taken.whole, taken.axis, self._outer.rank(taken.whole)
        if axis:
            if rank is None:
                return None
            axis %= rank
            order = [axis, *(k for k in range(rank) if k != axis)]
            whole = self._build.add("Transpose", [whole], perm=order)
        return self.reversed(whole) if taken.reverse else whole

    def reversed(self, whole: str) -> str:
        """[steps, ...] from the last to the first."""
        last = self._build.add("ReduceMax", [self._steps], keepdims=0)
        return self._build.add("Gather", [whole, self._build.add("Sub", [last, self._steps])])

    def _counted(self, state) -> str | None:
        """A state that grows by the same number each step."""
        node = self._sheet.maker(state.after, "Add")
        if node is None:
            return None
        names = [self._sheet.origin(name) for name in node.input]
        if state.before not in names:
            return None
        step = self._sheet.value(names[1 - names.index(state.before)])
        if step is None or step.size != 1 or not self._is_number(state.before):
            return None
        kind = onnx.helper.np_dtype_to_tensor_dtype(step.dtype)
        steps = self._build.add("Cast", [self._steps], to=kind)
        grown = self._build.add("Mul", [steps, self._build.constant(step.reshape(()), step.dtype)])
        return self._build.add("Add", [grown, state.first])

    def _is_number(self, name: str) -> bool:
        return self._sheet.rank(name) == 0

    def _outside(self, name: str) -> str | None:
        """A tensor that no step changes, as it is called outside."""
        value = self._sheet.value(name)
        if value is not None:
            return self._build.constant(value, value.dtype)
        origin = self._sheet.origin(name)
        return origin if origin in self._sheet.inputs else None

    def _operand(self, name: str, rank: int | None) -> str | None:
        """An input of an operator whose output has ``rank`` axes inside: [steps, ...] or fixed."""
        if not self.changes(name):
            return self._outside(name)
        found, own = self.find(name), self._sheet.rank(name)
        if found is None or (own != rank and (own is None or rank is None)):
            return None
        for _ in range((rank or 0) - (own or 0)):
            found = self._build.unsqueeze(found, 1)
        return found

    def _again(self, node: onnx.NodeProto, inputs: list[str | None], **changed) -> str | None:
        if None in inputs:
            return None
        return self._build.add(node.op_type, inputs, **{**attributes(node), **changed})

    def _pointwise(self, node: onnx.NodeProto) -> str | None:
        rank = self._sheet.rank(identity(node))
        return self._again(node, [self._operand(name, rank) for name in node.input])

    def _reaxed(self, node: onnx.NodeProto) -> str | None:
        found = self.find(node.input[0])
        axes = attributes(node).get("axes")
        if len(node.input) > 1:
            axes = self._sheet.value(node.input[1])
        if found is None or axes is None:
            return None
        add = self._build.squeeze if node.op_type == "Squeeze" else self._build.unsqueeze
        # One at a time: what is taken away from the back on, what is added from the front on.
        axes = sorted((int(axis) for axis in np.ravel(axes)), reverse=node.op_type == "Squeeze")
        if axes[0] < 0 and len(axes) > 1:
            return None
        for axis in axes:
            found = add(found, axis + 1 if axis >= 0 else axis)
        return found

    def _gathered(self, node: onnx.NodeProto) -> str | None:
        """Rows of a fixed tensor by a number that changes."""
        axis = attributes(node).get("axis", 0)
        if self.changes(node.input[0]):
            return None
        whole, index = self._outside(node.input[0]), self.find(node.input[1])
        if whole is None or index is None:
            return None
        gathered = self._build.add("Gather", [whole, index], axis=axis)
        if axis == 0:
            return gathered
        rank, more = self._sheet.rank(node.input[0]), self._sheet.rank(node.input[1])
        if rank is None or more is None:
            return None
        axis %= rank
        order = [axis, *(k for k in range(rank + more) if k != axis)]
        return self._build.add("Transpose", [gathered], perm=order)

    def _product(self, node: onnx.NodeProto) -> str | None:
        matrix = self._sheet.value(node.input[1])
        if matrix is None or matrix.ndim != 2 or (self._sheet.rank(node.input[0]) or 0) < 2:
            return None
        return self._again(node, [self.find(node.input[0]), self._outside(node.input[1])])

    def _gemm(self, node: onnx.NodeProto) -> str | None:
        given = attributes(node)
        values = [self._sheet.value(name) for name in node.input[1:]]
        plain = given.get("alpha", 1) == given.get("beta", 1) == 1 and not given.get("transA")
        found = self.find(node.input[0])
        if not plain or found is None or any(value is None for value in values):
            return None
        matrix = values[0].T if given.get("transB") else values[0]
        product = self._build.add("MatMul", [found, self._build.constant(matrix, matrix.dtype)])
        for bias in values[1:]:
            product = self._build.add("Add", [product, self._build.constant(bias, bias.dtype)])
        return product

    def _joined(self, node: onnx.NodeProto) -> str | None:
        axis = attributes(node)["axis"]
        parts = [self.find(name) for name in node.input]
        return self._again(node, parts, axis=axis + 1 if axis >= 0 else axis)

    def _transposed(self, node: onnx.NodeProto) -> str | None:
        order = attributes(node).get("perm")
        if order is None:
            return None
        return self._again(node, [self.find(node.input[0])], perm=[0, *(k + 1 for k in order)])
