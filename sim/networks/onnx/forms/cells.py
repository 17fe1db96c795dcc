"""One step of an LSTM that a graph writes as products, sigmoids and tangents."""

from dataclasses import dataclass

import numpy as np
import onnx

from sim.networks.onnx.forms.affine import Affine, AffineReader, columns_of
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import attributes, identity, is_standard, names_used

__all__ = ["Cell", "CellFinder", "is_zero"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One step: ``h, c`` from ``x, h_before, c_before``.

    Members
    -------
    name : str
        What the graph calls it.
    h, c, h_before, c_before : str
        Tensors [..., H]. Where an exporter has worked out what a first state of zero comes to,
        ``h_before`` is that of ``c_before``, and ``R`` is not known.
    sources : tuple of (str, int)
        Tensors that side by side are x, with their sizes.
    W, R : float [4 * H, I], [4 * H, H] or None
        In ONNX's order of gates: input, output, forget, cell.
    bias : float [4 * H]
        In the same order.
    extra_axis : bool
        Whether states have one more axis, in front.
    copies : tuple of (str, int)
        Tensors that are ``h`` with so many axes in front.
    """

    name: str
    h: str
    c: str
    h_before: str
    c_before: str
    sources: tuple[tuple[str, int], ...]
    W: np.ndarray
    R: np.ndarray | None
    bias: np.ndarray
    extra_axis: bool = False
    copies: tuple[tuple[str, int], ...] = ()

    @property
    def hidden_size(self) -> int:
        return len(self.bias) // 4

    def has_weights_of(self, other: "Cell") -> bool:
        """Whether two steps are of one layer, as far as is known."""
        unknown = self.R is None or other.R is None
        return (
            np.array_equal(self.W, other.W)
            and (unknown or np.array_equal(self.R, other.R))
            # Exporters that work parts out add them up in another order.
            and np.allclose(self.bias, other.bias, rtol=1e-6, atol=1e-7)
        )


class CellFinder:
    """Finds cells among the nodes of a graph."""

    def __init__(self, sheet: Sheet):
        self._sheet = sheet
        self._affine = AffineReader(sheet)
        self._reached = _inputs_reached(sheet)

    def find(self) -> list[Cell]:
        """All cells, in the graph's order."""
        found = {}
        for node in self._sheet.nodes:
            if is_standard(node, "Mul"):
                cell = self._cell(node, found)
                if cell is not None:
                    found[cell.h] = cell
        return list(found.values())

    def _cell(self, node: onnx.NodeProto, known: dict[str, Cell]) -> Cell | None:
        """The cell whose ``h`` a product may be."""
        for gate, squashed in (tuple(node.input), tuple(node.input)[::-1]):
            tangent = self._sheet.maker(squashed, "Tanh")
            c = "" if tangent is None else self._sheet.origin(tangent.input[0])
            total = self._sheet.maker(c, "Add") if c else None
            rests = () if total is None else self._cell_update(total)
            output = self._gate(gate, "Sigmoid") if rests else None
            if output is None:
                continue
            for rest in rests:
                gates, c_before = (rest[0], output, rest[1], rest[2]), rest[3]
                cell = self._assemble(node, c, c_before, gates, known)
                if cell is not None:
                    return cell
        return None

    def _cell_update(self, total: onnx.NodeProto) -> list[tuple[Affine, Affine, Affine, str]]:
        """Input, forget and cell gate and the state before, where a sum may be a new state."""
        products = [self._sheet.maker(name, "Mul") for name in total.input]
        if None in products:
            return []
        found = []
        for new, old in (products, products[::-1]):
            for gate, squashed in (tuple(new.input), tuple(new.input)[::-1]):
                entry, cell = self._gate(gate, "Sigmoid"), self._gate(squashed, "Tanh")
                if entry is None or cell is None:
                    continue
                for forget, before in (tuple(old.input), tuple(old.input)[::-1]):
                    kept = self._gate(forget, "Sigmoid")
                    if kept is not None:
                        found.append((entry, kept, cell, self._sheet.origin(before)))
        return found

    def _gate(self, name: str, kind: str) -> Affine | None:
        """What a gate's activation is applied to, before or after gates are taken apart."""
        node = self._sheet.maker(name, kind, "Split", "Slice")
        if node is None:
            return None
        if node.op_type == kind:
            return self._affine.read(node.input[0])
        whole = self._gate(node.input[0], kind)
        if whole is None:
            return None
        chosen = columns_of(self._sheet, node, self._sheet.origin(name), whole.width)
        return None if chosen is None else whole.columns(chosen)

    def _assemble(self, node, c, c_before, gates, known) -> Cell | None:
        H = gates[0].width
        sources = list(dict.fromkeys(name for gate in gates for name in gate.matrices))
        if any(gate.width != H or set(gate.matrices) != set(sources) for gate in gates):
            return None
        h_before = self._state_among(sources, gates, c_before, H, known)
        if h_before is None and not is_zero(self._sheet, c_before):
            return None
        sources = [name for name in sources if name != h_before]
        if not sources:
            return None

        def stacked(name):
            return np.concatenate([gate.matrices[name] for gate in gates], axis=1).T

        matrices = [stacked(name) for name in sources]
        scope = (node.name or identity(node)).rpartition("/")[0]
        return Cell(
            name=scope or f"{identity(node)}_lstm",
            h=identity(node),
            c=c,
            h_before=self._sheet.origin(h_before or c_before),
            c_before=c_before,
            sources=tuple(zip(sources, (m.shape[1] for m in matrices), strict=True)),
            W=np.concatenate(matrices, axis=1),
            R=stacked(h_before) if h_before else None,
            bias=np.concatenate([gate.bias for gate in gates]),
        )

    def _state_among(self, sources, gates, c_before, H, known) -> str | None:
        """Which source is the hidden state before: the one that comes from where ``c_before`` does.

        Where nothing tells them apart, either gives the same step.
        """
        square = [name for name in sources if len(gates[0].matrices[name]) == H]
        if len(sources) == 1 and is_zero(self._sheet, c_before):
            return None
        origin = self._sheet.origin

        def likeness(name):
            cell = known.get(origin(name))
            chained = cell is not None and cell.c == c_before
            zeros = is_zero(self._sheet, name) and is_zero(self._sheet, c_before)
            reached = self._reached.get(origin(name), frozenset())
            alike = reached == self._reached.get(c_before, frozenset())
            return (chained, zeros, alike, -len(reached))

        return max(square, key=likeness, default=None)


def is_zero(sheet: Sheet, name: str) -> bool:
    """Whether a tensor is zero whatever the inputs are."""
    value = sheet.value(name)
    if value is not None:
        return not np.any(value)
    node = sheet.maker(name)
    if node is None:
        return False
    if node.op_type == "ConstantOfShape":
        filled = attributes(node).get("value")
        return filled is None or not np.any(onnx.numpy_helper.to_array(filled))
    moves = ("Expand", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Slice", "Tile", "Transpose")
    if node.op_type in (*moves, "Gather", "Split"):
        return is_zero(sheet, node.input[0])
    return node.op_type == "Concat" and all(is_zero(sheet, part) for part in node.input)


def _inputs_reached(sheet: Sheet) -> dict[str, frozenset[str]]:
    """The graph's inputs that each tensor depends on."""
    reached = {name: frozenset([name]) for name in sheet.inputs}
    for node in sheet.nodes:
        union = frozenset().union(*(reached.get(n, frozenset()) for n in names_used(node)))
        reached.update(dict.fromkeys(node.output, union))
    return reached
