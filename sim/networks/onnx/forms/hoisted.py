"""Products of a layer's input that a model makes for all steps at once, in front of the layer."""

from collections.abc import Callable

import numpy as np
import onnx

from sim.networks.onnx.forms.affine import AffineReader
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import attributes, identity, is_standard

__all__ = ["rewrite_hoisted"]

_MOVING = ("Gather", "Slice", "Split", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Identity")
"""Operators that may lie between the product and the layer, if they leave the last axis alone."""


def rewrite_hoisted(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """LSTM nodes that take their gates' sums, of which the product with ``x`` was made before, take
    ``x`` and make the product themselves.

    Such nodes come from steps that are written out: their input weights only hand on each column.
    """
    if not any(is_standard(node, "LSTM") for node in model.graph.node):
        return model, []
    sheet, replaced = Sheet(model), {}
    for node in list(sheet.nodes):
        if is_standard(node, "LSTM"):
            nodes = _taken_in(sheet, node)
            if nodes is not None:
                replaced[identity(node)] = nodes
    if not replaced:
        return model, []
    sheet.replace(replaced, [node for nodes in replaced.values() for node in nodes])
    return sheet.model(), []


def _taken_in(sheet: Sheet, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    """The node with the product inside, behind what moves ``x`` into place; None where none is."""
    weights = [sheet.value(name) for name in node.input[1:4]]
    if len(weights) < 3 or any(value is None for value in weights):
        return None
    W, _, bias = weights
    if len(W) != 1 or W.shape[1] != W.shape[2] or not _hands_on(W[0]):
        return None
    mover = _Mover(sheet)
    x = mover.move(node.input[0])
    if x is None:
        return None
    matrix, added = mover.product
    product = (W[0] @ matrix.T).astype(W.dtype)
    more = np.concatenate([W[0] @ added, np.zeros_like(added)]).astype(bias.dtype)
    result = onnx.NodeProto()
    result.CopyFrom(node)
    result.input[0] = x
    result.input[1] = sheet.constant(f"{identity(node)}/W", np.ascontiguousarray(product[None]))
    result.input[3] = sheet.constant(f"{identity(node)}/B", bias + more[None])
    return [*mover.nodes, result]


def _hands_on(matrix: np.ndarray) -> bool:
    """Whether a matrix gives each column once, unchanged."""
    ones = matrix == 1
    single = (ones.sum(0) == 1).all() and (ones.sum(1) == 1).all()
    return bool(single) and np.count_nonzero(matrix) == len(matrix)


class _Mover:
    """Moves sources as their products are moved.

    Members
    -------
    nodes : list of NodeProto
        What does it.
    product : tuple of float [K, N] and float [N]
        The matrix and bias of the products, which are all the same.
    """

    def __init__(self, sheet: Sheet):
        self.nodes, self.product = [], None
        self._sheet, self._affine, self._moved = sheet, AffineReader(sheet), {}

    def move(self, name: str) -> str | None:
        """What stands where ``name`` does, with the sources in the place of their products."""
        name = self._sheet.origin(name)
        if name not in self._moved:
            self._moved[name] = self._find(name)
        return self._moved[name]

    def _find(self, name: str) -> str | None:
        node = self._sheet.maker(name)
        if node is None:
            return None
        if node.op_type in _MOVING:
            return self._again(node, name)
        found = self._affine.read(name)
        if found is None or len(found.matrices) != 1 or name in found.matrices:
            return None
        ((source, matrix),) = found.matrices.items()
        if self.product is None:
            self.product = matrix, found.bias
        same = all(map(np.array_equal, self.product, (matrix, found.bias)))
        return source if same and self._sheet.rank(source) == self._sheet.rank(name) else None

    def _again(self, node: onnx.NodeProto, name: str) -> str | None:
        rank = self._sheet.rank(node.input[0])
        if rank is None or not _LEAVES_LAST[node.op_type](self._sheet, node, rank):
            return None
        count = len(node.input) if node.op_type == "Concat" else 1
        parts = [self.move(part) for part in node.input[:count]]
        if None in parts:
            return None
        outputs = [self._sheet.fresh(f"{output}/x") for output in node.output]
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:count], copy.output[:] = parts, outputs
        copy.name = self._sheet.fresh(f"{identity(node)}/moved")
        self.nodes.append(copy)
        # A Split moves all its parts at once.
        self._moved.update(zip(node.output, outputs, strict=True))
        return self._moved[name]


def _axis_is_not_last(default: int) -> Callable[[Sheet, onnx.NodeProto, int], bool]:
    return lambda sheet, node, rank: attributes(node).get("axis", default) not in (-1, rank - 1)


def _axes_are_not_last(sheet: Sheet, node: onnx.NodeProto, rank: int) -> bool:
    axes = attributes(node).get("axes")
    place = 3 if node.op_type == "Slice" else 1
    if len(node.input) > place and node.input[place]:
        axes = sheet.value(node.input[place])
    if axes is None:
        return False
    rank += 1 if node.op_type == "Unsqueeze" else 0
    return all(0 <= int(axis) < rank - 1 for axis in np.ravel(axes))


_LEAVES_LAST: dict[str, Callable[[Sheet, onnx.NodeProto, int], bool]] = {
    "Gather": _axis_is_not_last(0),
    "Split": _axis_is_not_last(0),
    "Concat": _axis_is_not_last(0),
    "Slice": _axes_are_not_last,
    "Squeeze": _axes_are_not_last,
    "Unsqueeze": _axes_are_not_last,
    "Transpose": lambda sheet, node, rank: attributes(node).get("perm", [0])[-1] == rank - 1,
    "Identity": lambda sheet, node, rank: True,
}
