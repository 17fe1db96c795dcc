"""Verilog of registers: what they take at a clock edge, as nested ``if``."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hw.emit.expressions import Expressions, operands
from hw.emit.netlist import Bit
from hw.emit.operators import MUXES

__all__ = ["Block", "take"]


@dataclass
class Block:
    """Assignments to registers, and those that happen on conditions.

    No two of them are to the same bit, so their order does not matter. ``plain`` has the bits of
    registers, each with the bit that it takes.
    """

    texts: Expressions
    plain: list[tuple[list[Bit], list[Bit]]] = field(default_factory=list)
    choices: dict[str, tuple["Block", "Block"]] = field(default_factory=dict)

    def __bool__(self):
        return bool(self.plain or self.choices)

    def add(self, other: "Block"):
        """Also do what the other does; equal conditions are written once."""
        self.plain += other.plain
        for condition, (then, otherwise) in other.choices.items():
            mine = self.choices.setdefault(condition, (Block(self.texts), Block(self.texts)))
            mine[0].add(then)
            mine[1].add(otherwise)

    def lines(self) -> list[str]:
        """Verilog of all of it."""
        lines = [
            f"{self.texts.target(out)} <= {self.texts.vector(data)[0]};"
            for out, data in self._joined()
        ]
        for condition, (then, otherwise) in self.choices.items():
            if not then:
                lines += _body(f"if (!{_bracketed(condition)})", otherwise)
                continue
            lines += _body(f"if ({condition})", then)
            if not otherwise:
                continue
            if not otherwise.plain and len(otherwise.choices) == 1:
                first, *rest = otherwise.lines()
                lines += [f"else {first}", *rest]
            else:
                lines += _body("else", otherwise)
        return lines

    def _joined(self) -> list[tuple[list[Bit], list[Bit]]]:
        """Parts of one register that take constants are assigned as one."""
        joined: list[tuple[list[Bit], list[Bit]]] = []
        constants: dict[str, dict[int, tuple[Bit, Bit]]] = {}
        for out, data in self.plain:
            owner = self.texts.ownership.of[out[0]][0]
            if all(isinstance(bit, str) for bit in data):
                parts = constants.setdefault(owner.name, {})
                for bit, value in zip(out, data, strict=True):
                    parts[self.texts.ownership.of[bit][1]] = (bit, value)
            else:
                joined.append((out, data))
        rows = []
        for parts in constants.values():
            row: list[tuple[Bit, Bit]] = []
            for place in sorted(parts):
                if row and place - 1 not in parts:
                    rows.append(row)
                    row = []
                row.append(parts[place])
            rows.append(row)
        return [([b for b, _ in row], [v for _, v in row]) for row in rows] + joined


def _bracketed(condition: str) -> str:
    return condition if condition.isidentifier() else f"({condition})"


def _body(head: str, block: Block) -> list[str]:
    lines = block.lines()
    # An `else` would belong to an inner `if` without one.
    if len(lines) == 1 and not block.choices:
        return [f"{head} {lines[0]}"]
    return [f"{head} begin", *(f"  {line}" for line in lines), "end"]


def take(texts: Expressions, data: list[Bit], out: list[Bit]) -> Block:
    """What gives ``data`` to the register bits ``out``; nothing where they keep their value."""
    block = Block(texts)
    for first, last in _runs(texts, data, out):
        part, kept = data[first:last], out[first:last]
        if part == kept:
            continue
        cell = texts.named(part)
        if cell and cell.kind in MUXES:
            block.add(_choice(texts, list(operands(cell)), kept))
        else:
            block.plain.append((kept, part))
    return block


def _runs(texts: Expressions, data: list[Bit], out: list[Bit]) -> Iterator[tuple[int, int]]:
    """Parts that keep their value, that one multiplexer decides, and others."""
    start, place = 0, 0
    while place < len(data):
        width = texts.multiplexer(data, place)
        if width or data[place] == out[place]:
            if start < place:
                yield start, place
            end = place + (width or 1)
            while not width and end < len(data) and data[end] == out[end]:
                end += 1
            yield place, end
            start = place = end
        else:
            place += 1
    if start < place:
        yield start, place


def _choice(texts: Expressions, vectors: list, kept: list[Bit]) -> Block:
    found = take(texts, vectors[0][1], kept)
    pairs = list(zip(vectors[1::2], vectors[2::2], strict=True))
    for (_, condition), (_, value) in reversed(pairs):
        then = take(texts, value, kept)
        if then or found:
            found = Block(texts, choices={texts.vector(condition)[0]: (then, found)})
    return found
