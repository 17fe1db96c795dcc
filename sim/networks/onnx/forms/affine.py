"""Tensors that are sums of products of other tensors with constant matrices."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx

from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import attributes

__all__ = ["Affine", "AffineReader", "columns_of"]

_WIDEST = 1 << 12
"""Columns of a tensor that is taken as it is, by a matrix of that size."""


@dataclass(frozen=True, kw_only=True)
class Affine:
    """``sum(source @ matrix) + bias`` along the last axis.

    Members
    -------
    matrices : dict of float32 [K, N]
        By the name of each source.
    bias : float32 [N]
        What is added.
    """

    matrices: dict[str, np.ndarray]
    bias: np.ndarray

    @property
    def width(self) -> int:
        return len(self.bias)

    def columns(self, chosen: slice) -> "Affine":
        """Some of the columns."""
        return Affine(
            matrices={name: matrix[:, chosen] for name, matrix in self.matrices.items()},
            bias=self.bias[chosen],
        )

    def scaled(self, factor: float) -> "Affine":
        """Times a number."""
        if factor == 1:
            return self
        return Affine(
            matrices={name: matrix * factor for name, matrix in self.matrices.items()},
            bias=self.bias * factor,
        )

    def plus(self, other: "Affine") -> "Affine | None":
        """The sum; a bias alone may be one number for all columns. None where widths differ."""
        width = max(self.width, other.width)
        if any(a.width != width and (a.width != 1 or a.matrices) for a in (self, other)):
            return None
        matrices = dict(self.matrices)
        for name, matrix in other.matrices.items():
            known = matrices.get(name)
            if known is not None and known.shape != matrix.shape:
                return None
            matrices[name] = matrix if known is None else known + matrix
        return Affine(matrices=matrices, bias=np.broadcast_to(self.bias + other.bias, width))


class AffineReader:
    """Reads tensors of a graph as ``Affine``; one product deep, so that no layer is swallowed."""

    def __init__(self, sheet: Sheet):
        self._sheet = sheet
        self._read = {}
        self._rules: dict[str, Callable[[onnx.NodeProto, str], Affine | None]] = {
            "MatMul": self._matmul,
            "Gemm": self._gemm,
            "Add": self._add,
            "Sum": self._add,
            "Sub": self._subtract,
            "Split": self._part,
            "Slice": self._part,
            "Concat": self._concat,
        }

    def read(self, name: str) -> Affine | None:
        """The tensor as a sum of products; None where it is none."""
        if name not in self._read:
            self._read[name] = self._find(name)
        return self._read[name]

    def _find(self, name: str) -> Affine | None:
        node = self._sheet.maker(name)
        rule = self._rules.get(node.op_type) if node is not None else None
        found = rule(node, self._sheet.origin(name)) if rule is not None else None
        value = self._sheet.value(name)
        # A product with a constant state is a product still.
        if value is not None and (found is None or not found.matrices):
            return _fixed(value)
        return self._itself(name) if found is None else found

    def _itself(self, name: str) -> Affine | None:
        """A tensor as a source of its own."""
        shape = self._sheet.shape(name)
        if not shape or not isinstance(shape[-1], int) or not 0 < shape[-1] <= _WIDEST:
            return None
        width = shape[-1]
        return Affine(matrices={name: np.eye(width, dtype=np.float32)}, bias=_zeros(width))

    def _product(self, name: str, matrix: np.ndarray | None) -> Affine | None:
        """``name @ matrix``, sources that are joined along the last axis taken apart."""
        if matrix is None or matrix.ndim != 2:
            return None
        matrix = matrix.astype(np.float32, copy=False)
        parts, first, matrices = self._joined(name, len(matrix)), 0, {}
        for source, size in parts:
            rows = matrix[first : first + size]
            matrices[source] = matrices[source] + rows if source in matrices else rows
            first += size
        return Affine(matrices=matrices, bias=_zeros(matrix.shape[1]))

    def _joined(self, name: str, width: int) -> list[tuple[str, int]]:
        node = self._sheet.maker(name, "Concat")
        if node is None or not self._is_last(attributes(node)["axis"], name):
            return [(name, width)]
        sizes = [(self._sheet.shape(part) or (None,))[-1] for part in node.input]
        unknown = [k for k, size in enumerate(sizes) if not isinstance(size, int)]
        if len(unknown) == 1:
            sizes[unknown[0]] = width - sum(size for size in sizes if isinstance(size, int))
            unknown = []
        if unknown or sum(sizes) != width or min(sizes) < 1:
            return [(name, width)]
        return list(zip(node.input, sizes, strict=True))

    def _is_last(self, axis: int, name: str) -> bool:
        return axis == -1 or (axis >= 0 and self._sheet.rank(name) == axis + 1)

    def _matmul(self, node, name) -> Affine | None:
        return self._product(node.input[0], self._sheet.value(node.input[1]))

    def _gemm(self, node, name) -> Affine | None:
        given = attributes(node)
        matrix = self._sheet.value(node.input[1])
        if given.get("transA") or matrix is None:
            return None
        product = self._product(node.input[0], matrix.T if given.get("transB") else matrix)
        if product is None:
            return None
        product = product.scaled(given.get("alpha", 1.0))
        if len(node.input) < 3 or not node.input[2]:
            return product
        more = self.read(node.input[2])
        return None if more is None else product.plus(more.scaled(given.get("beta", 1.0)))

    def _add(self, node, name) -> Affine | None:
        total = self.read(node.input[0])
        for name in node.input[1:]:
            more = None if total is None else self.read(name)
            total = None if more is None else total.plus(more)
        return total

    def _subtract(self, node, name) -> Affine | None:
        one, other = map(self.read, node.input)
        return None if one is None or other is None else one.plus(other.scaled(-1.0))

    def _part(self, node, name) -> Affine | None:
        whole = self.read(node.input[0])
        chosen = None if whole is None else columns_of(self._sheet, node, name, whole.width)
        return None if chosen is None else whole.columns(chosen)

    def _concat(self, node, name) -> Affine | None:
        if not self._is_last(attributes(node)["axis"], name):
            return None
        parts = [self.read(part) for part in node.input]
        if any(part is None for part in parts):
            return None
        width, first, total = sum(part.width for part in parts), 0, None
        for part in parts:
            place = slice(first, first + part.width)
            spread = {}
            for source, matrix in part.matrices.items():
                spread[source] = _zeros((len(matrix), width))
                spread[source][:, place] = matrix
            bias = _zeros(width)
            bias[place] = part.bias
            each = Affine(matrices=spread, bias=bias)
            total = each if total is None else total.plus(each)
            first = place.stop
        return total


def columns_of(sheet: Sheet, node: onnx.NodeProto, name: str, width: int) -> slice | None:
    """Which columns a Split or Slice takes for its output ``name``; None on any other axis."""
    rank = sheet.rank(node.input[0]) or sheet.rank(name)
    if node.op_type == "Split":
        return _split_columns(sheet, node, name, width, rank)
    given = attributes(node)
    if sheet.opset < 10:
        starts, ends, axes = given["starts"], given["ends"], given.get("axes")
        steps = [1]
    else:
        values = [sheet.value(each) for each in node.input[1:]]
        if any(value is None and each for value, each in zip(values, node.input[1:], strict=True)):
            return None
        listed = [None if value is None else value.tolist() for value in values]
        starts, ends, axes, steps = [*listed, None, None][:4]
    if len(starts) != 1 or (steps or [1]) != [1]:
        return None
    axis = axes[0] if axes else 0
    if axis != -1 and (rank is None or axis != rank - 1):
        return None
    return slice(*slice(starts[0], ends[0]).indices(width))


def _split_columns(sheet, node, name, width, rank) -> slice | None:
    given = attributes(node)
    axis = given.get("axis", 0)
    if axis != -1 and (rank is None or axis != rank - 1):
        return None
    sizes = given.get("split")
    if len(node.input) > 1 and node.input[1]:
        sizes = sheet.value(node.input[1])
    if sizes is None:
        size = -(-width // len(node.output))
        sizes = [size] * len(node.output)
    number = list(node.output).index(name)
    first = int(sum(sizes[:number]))
    return slice(first, min(first + int(sizes[number]), width))


def _fixed(value: np.ndarray) -> Affine | None:
    """A constant that is the same in all rows."""
    if value.dtype.kind != "f" or not value.size:
        return None
    rows = value.reshape(-1, value.shape[-1] if value.ndim else 1)
    if (rows != rows[0]).any():
        return None
    return Affine(matrices={}, bias=rows[0].astype(np.float32))


def _zeros(shape) -> np.ndarray:
    return np.zeros(shape, np.float32)
