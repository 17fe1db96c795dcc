"""Verilog of Yosys's operators; every operand is as wide as its operator, so nothing is implied."""

from collections import Counter
from collections.abc import Iterator

from hw.emit.netlist import Bit, Cell, Module
from hw.emit.operators import BITWISE, CARRYING, COMPARISONS, LOGIC, MUXES, REDUCTIONS, REGISTERS
from hw.emit.owners import Owner, Ownership
from hw.emit.vectors import constant

__all__ = ["Expressions", "operands", "widen"]

_SHIFTS = {
    "$shl": "<<",
    "$sshl": "<<",
    "$shr": ">>",
    "$sshr": ">>>",
    "$shift": ">>",
    "$shiftx": ">>",
}
_DIVISIONS = {"$div": "/", "$divfloor": "/", "$mod": "%", "$modfloor": "%"}
_AS_THEY_ARE = {*REDUCTIONS, *LOGIC, *REGISTERS, "$mem_v2"}
_CHAINED = {"&", "|", "^", "+"}
_CHEAP = 16
"""Letters of an expression that is rather repeated than named."""
_LONG = 90
"""Letters of an expression that is rather named than part of another."""


def _extend(bits: list[Bit], width: int, signed: int | str) -> list[Bit]:
    fill = bits[-1] if signed and bits else "0"
    return [*bits[:width], *[fill] * (width - len(bits))]


def _signed(cell: Cell) -> bool:
    return all(cell.parameters.get(f"{port}_SIGNED", 0) for port in cell.inputs if port in "AB")


def widen(module: Module):
    """Give operators whose result Verilog cannot cut a result as wide as their operands."""
    spare = -1
    for cell in module.cells:
        out = cell.outputs.get("Y", [])
        width = len(out)
        if cell.kind in ("$shr", "$sshr", "$shift", "$shiftx"):
            width = max(width, len(cell.inputs["A"]))
        elif cell.kind in _DIVISIONS:
            width = max(width, *map(len, cell.inputs.values()))
        for _ in range(width - len(out)):
            out.append(spare)
            spare -= 1


def operands(cell: Cell) -> Iterator[tuple[str, list[Bit]]]:
    """The vectors that the text of an operator is made of, by port.

    Raises
    ------
    RuntimeError
        There is no text for it.
    """
    inputs, kind = cell.inputs, cell.kind
    width = len(cell.outputs.get("Y", []))
    if kind in COMPARISONS:
        width = max(map(len, inputs.values()))
    signed = _signed(cell)
    if kind in BITWISE or kind in CARRYING or kind in COMPARISONS or kind in _DIVISIONS:
        if kind in _DIVISIONS and signed:
            raise RuntimeError(f"a signed division, {cell.name}, has no plain Verilog")
        yield from ((port, _extend(bits, width, signed)) for port, bits in inputs.items())
    elif kind in _SHIFTS:
        if cell.parameters["B_SIGNED"] and kind.startswith("$shift"):
            raise RuntimeError(f"a shift in both directions, {cell.name}, has no plain Verilog")
        yield "A", _extend(inputs["A"], width, cell.parameters["A_SIGNED"])
        yield "B", inputs["B"]
    elif kind in MUXES:
        yield "A", inputs["A"]
        for place, choice in enumerate(inputs["S"]):
            yield "S", [choice]
            yield "B", inputs["B"][place * width : (place + 1) * width]
    elif kind in _AS_THEY_ARE or cell.is_instance:
        yield from inputs.items()
    else:
        raise RuntimeError(f"operator {kind}, {cell.name}, has no plain Verilog")


class Expressions:
    """Texts of vectors of a module's bits.

    An output that has no name and one reader stands where it is read; one that has several, or
    parts of which are read, is given a name.
    """

    def __init__(self, module: Module, ownership: Ownership):
        self.ownership = ownership
        self._inner: dict[Bit, Cell] = {}
        self._readers: dict[str, tuple[Cell, str] | None] = {}
        for cell, port in ownership.unnamed:
            self._inner[cell.outputs[port][0]] = cell
        self._fields: dict[tuple[Bit, ...], tuple[str, Owner, int]] = {}
        self._used_fields: dict[str, tuple[Owner, int, int]] = {}
        self._place(module)
        self._name_fields(module)

    def _name_fields(self, module: Module):
        """Fields of what is declared ahead of all wires have names of their own."""
        for net in module.nets:
            _, dot, field = net.name.partition(".")
            owner, first = self.ownership.of.get(net.bits[0], (None, 0))
            if not dot or owner is None or owner.late or len(net.bits) == len(owner.bits):
                continue
            if owner.bits[first : first + len(net.bits)] == net.bits:
                key = tuple(net.bits)
                if key not in self._fields:
                    name = self.ownership.names.new(f"{owner.name}_{field}")
                    self._fields[key] = (name, owner, first)

    def fields(self) -> list[str]:
        """Declarations of the fields that were part of a text."""
        places = {id(owner): k for k, owner in enumerate(self.ownership.owners)}
        rows = [(places[id(o)], first, name, o, w) for name, (o, first, w) in
                self._used_fields.items()]  # fmt: skip
        lines = []
        for _, first, name, owner, width in sorted(rows, key=lambda row: row[:3]):
            bits = f"[{width - 1}:0] " if width > 1 else ""
            lines.append(f"wire {bits}{name} = {owner.part(first, first + width - 1)};")
        return lines

    def _place(self, module: Module):
        """Name what cannot stand where it is read."""
        uses, parts = Counter(), set()
        for cell in module.cells:
            for port, bits in operands(cell):
                self._count(bits, uses, parts, (cell, port))
        for _, _, bits in self.ownership.aliases:
            self._count(bits, uses, parts, None)
        whole = [c for c, _ in self.ownership.unnamed if uses[c.name] and c.name not in parts]
        kept = {cell.name for cell in whole}
        for cell, port in self.ownership.unnamed:
            if cell.name not in kept:
                self._give_name(cell, port)
        for cell in whole:
            if uses[cell.name] > 1 and not self._is_cheap(cell):
                self._give_name(cell, "Y")
        # From the innermost on, what has grown long is cut.
        for cell in whole:
            if cell.outputs["Y"][0] in self._inner:
                self._cut(cell)

    def _cut(self, cell: Cell):
        stack = [(cell, False)]
        while stack:
            current, done = stack.pop()
            if current.outputs["Y"][0] not in self._inner:
                continue
            if not done:
                stack.append((current, True))
                stack += [(inner, False) for inner in self.inside(current)]
            elif self._is_long(current):
                self._give_name(current, "Y")

    def _is_long(self, cell: Cell) -> bool:
        if cell.kind in MUXES:
            return not self._in_chain(cell) and len(self.cell(cell)[0]) > _LONG // 2
        return len(self.cell(cell)[0]) > _LONG

    def _in_chain(self, cell: Cell) -> bool:
        """A multiplexer whose choices are lines: behind another, or of a register."""
        reader = self._readers[cell.name]
        if reader is None:
            return False
        return self._in_register(cell) or (reader[0].kind in MUXES and reader[1] == "A")

    def _in_register(self, cell: Cell) -> bool:
        """A multiplexer among those that decide what a register takes."""
        while True:
            reader = self._readers.get(cell.name)
            if reader is None or reader[1] == "S":
                return False
            cell = reader[0]
            if cell.kind in REGISTERS:
                return True
            if cell.kind not in MUXES or cell.outputs["Y"][0] not in self._inner:
                return False

    def inside(self, cell: Cell) -> list[Cell]:
        """The operators whose text is part of that of ``cell``."""
        found = []
        for _, bits in operands(cell):
            found += [self._inner[bit] for bit in bits if bit in self._inner]
        return found

    def _give_name(self, cell: Cell, port: str):
        if self._inner.pop(cell.outputs[port][0], None):
            self.ownership.name(cell, port)

    def _is_cheap(self, cell: Cell) -> bool:
        return not self.inside(cell) and len(self.cell(cell)[0]) <= _CHEAP

    def _count(self, bits: list[Bit], uses: Counter, parts: set, reader):
        place = 0
        while place < len(bits):
            bit = bits[place]
            cell = self._inner.get(bit)
            if cell and bits[place : place + len(cell.outputs["Y"])] == cell.outputs["Y"]:
                uses[cell.name] += 1
                self._readers[cell.name] = reader
                place += len(cell.outputs["Y"])
                continue
            if bit in self.ownership.driver:
                parts.add(self.ownership.driver[bit][0].name)
            place += 1

    def named(self, bits: list[Bit]) -> Cell | None:
        """The unnamed operator whose output this is, if it is one."""
        cell = self._inner.get(bits[0])
        return cell if cell and cell.outputs["Y"] == bits else None

    def vector(self, bits: list[Bit]) -> tuple[str, str | None]:
        """Text of some bits, and the operator it is made with if that must be set in brackets."""
        pieces = list(self._pieces(bits))
        if len(pieces) == 1:
            return pieces[0]
        return "{" + ", ".join(text for text, _ in reversed(pieces)) + "}", None

    def _pieces(self, bits: list[Bit]) -> Iterator[tuple[str, str | None]]:
        place = 0
        while place < len(bits):
            bit, end = bits[place], place + 1
            if isinstance(bit, str):
                while end < len(bits) and isinstance(bits[end], str):
                    end += 1
                yield constant(bits[place:end]), None
            elif bit in self._inner:
                cell = self._inner[bit]
                end = place + len(cell.outputs["Y"])
                yield self.cell(cell)
            else:
                owner, first = self.ownership.of[bit]
                if bits[end : end + 1] == [bit]:
                    while end < len(bits) and bits[end] == bit:
                        end += 1
                    yield f"{{{end - place}{{{owner.part(first, first)}}}}}", None
                else:
                    while end < len(bits) and self._follows(bits[end], owner, first + end - place):
                        end += 1
                    yield self._part(bits[place:end], owner, first), None
            place = end

    def _part(self, bits: list[Bit], owner: Owner, first: int) -> str:
        field = self._fields.get(tuple(bits))
        if field is None:
            return owner.part(first, first + len(bits) - 1)
        self._used_fields[field[0]] = (owner, first, len(bits))
        return field[0]

    def target(self, bits: list[Bit]) -> str:
        """Text of bits that are assigned."""
        pieces = []
        place = 0
        while place < len(bits):
            owner, first = self.ownership.of[bits[place]]
            end = place + 1
            while end < len(bits) and self._follows(bits[end], owner, first + end - place):
                end += 1
            pieces.append(owner.part(first, first + end - place - 1))
            place = end
        return pieces[0] if len(pieces) == 1 else "{" + ", ".join(reversed(pieces)) + "}"

    def _follows(self, bit: Bit, owner: Owner, place: int) -> bool:
        found, k = self.ownership.of.get(bit, (None, 0))
        return found is owner and k == place

    def multiplexer(self, bits: list[Bit], place: int) -> int:
        """How many bits from ``place`` on are the output of an unnamed multiplexer, or 0."""
        cell = self._inner.get(bits[place])
        return len(cell.outputs["Y"]) if cell and cell.kind in MUXES else 0

    def operand(self, bits: list[Bit], operator: str | None = None) -> str:
        """Text of some bits beside an operator."""
        text, inner = self.vector(bits)
        if inner is None or (operator and (inner == "~" or inner == operator in _CHAINED)):
            return text
        return f"({text})"

    def cell(self, cell: Cell) -> tuple[str, str | None]:
        """Text of an operator, and its sign."""
        kind = cell.kind
        if kind in MUXES:
            choices, rest = self.choices(cell)
            text = "".join(f"{condition} ? {value} : " for condition, value in choices)
            return text + rest, "?"
        found = dict(operands(cell))
        if kind in REDUCTIONS or kind in LOGIC:
            return self._one_bit(cell, found)
        if kind in ("$not", "$neg"):
            sign = {"$not": "~", "$neg": "-"}[kind]
            return f"{sign}{self.operand(found['A'])}", sign
        table = {**BITWISE, **CARRYING, **COMPARISONS, **_SHIFTS, **_DIVISIONS}
        sign = table[kind]
        if kind == "$mul" and _signed(cell):
            a, b = (self._as_signed(found[port]) for port in "AB")
            return f"$unsigned({a} * {b})", None
        if kind in COMPARISONS and _signed(cell) and sign not in ("==", "!="):
            a, b = (self._as_signed(found[port]) for port in "AB")
            return self._extended(f"{a} {sign} {b}", sign, cell)
        if kind == "$sshr":
            if not cell.parameters["A_SIGNED"]:
                return f"{self.operand(found['A'])} >> {self.operand(found['B'])}", ">>"
            return f"$unsigned({self._as_signed(found['A'])} >>> {self.operand(found['B'])})", None
        text = f"{self.operand(found['A'], sign)} {sign} {self.operand(found['B'], sign)}"
        return self._extended(text, sign, cell) if kind in COMPARISONS else (text, sign)

    def _as_signed(self, bits: list[Bit]) -> str:
        return f"$signed({self.vector(bits)[0]})"

    def _one_bit(self, cell: Cell, found: dict[str, list[Bit]]) -> tuple[str, str | None]:
        if cell.kind in LOGIC:
            sign = LOGIC[cell.kind]
            a, b = (self._any(found[port]) for port in "AB")
            return self._extended(f"{a} {sign} {b}", sign, cell)
        sign = REDUCTIONS[cell.kind]
        if len(found["A"]) == 1:
            text, inner = self.vector(found["A"])
            if sign in ("~|", "~^"):
                return self._extended(f"~{self.operand(found['A'])}", "~", cell)
            return self._extended(text, inner, cell)
        return self._extended(f"{sign}{self.operand(found['A'])}", sign, cell)

    def _any(self, bits: list[Bit]) -> str:
        return self.operand(bits) if len(bits) == 1 else f"(|{self.operand(bits)})"

    def _extended(self, text: str, sign: str | None, cell: Cell) -> tuple[str, str | None]:
        """A result of one bit, as wide as the output."""
        width = len(cell.outputs["Y"])
        if width == 1:
            return text, sign
        return f"{{{constant(['0'] * (width - 1))}, {text}}}", None

    def choices(self, cell: Cell) -> tuple[list[tuple[str, str]], str]:
        """Conditions and values of a multiplexer and of those behind it, and the last value."""
        found = []
        while True:
            vectors = list(operands(cell))
            for (_, condition), (_, value) in zip(vectors[1::2], vectors[2::2], strict=True):
                found.append((self.operand(condition), self.operand(value)))
            last = vectors[0][1]
            inner = self.named(last)
            if inner is None or inner.kind not in MUXES:
                return found, self.operand(last)
            cell = inner
