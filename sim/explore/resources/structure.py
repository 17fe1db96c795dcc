"""What a machine is made of before synthesis: registers, operators and memories of each block.

Amaranth has no public way to its statements, so its private modules are read. In the public RTLIL
operands are widened and choices are processes, and of a machine it is two to seven megabytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from amaranth.hdl import Const, Shape, Signal, Value
from amaranth.hdl import _ast as ast
from amaranth.hdl import _ir as ir
from amaranth.hdl._mem import MemoryInstance

from hw.verilog import uncollected

__all__ = ["OPERATORS", "Block", "Memory", "Product", "block_of", "blocks_of"]

OPERATORS = ("add", "compare", "equal", "logic", "reduce", "choose", "shift")
"""Kinds of operators: sums and differences, comparisons, equalities, bitwise operators, reductions,
choices (of ``If``, ``Switch``, ``Mux`` and arrays) and shifts."""

_KINDS = {
    **dict.fromkeys(("+", "-"), "add"),
    **dict.fromkeys(("<", ">", "<=", ">="), "compare"),
    **dict.fromkeys(("==", "!="), "equal"),
    **dict.fromkeys(("&", "|", "^"), "logic"),
    **dict.fromkeys(("b", "r|", "r&", "r^"), "reduce"),
    **dict.fromkeys(("<<", ">>"), "shift"),
}


@dataclass(frozen=True)
class Memory:
    """A memory: bits of a word, words, read ports, whether it is ever written, whether it is wanted
    in block memory, and whether in LUTs.
    """

    width: int
    depth: int
    reads: int
    written: bool = True
    block: bool = False
    luts: bool = False


@dataclass(frozen=True)
class Product:
    """A multiplication: bits of both factors and of the product, signs included."""

    widths: tuple[int, int]
    result: int


@dataclass
class Block:
    """A block of the machine.

    Members
    -------
    registers : int
        Bits of registers.
    bits : dict of int
        Bits of the operators of each kind of ``OPERATORS``; of a shift, times its stages.
    memories, products : list
        What else is in it.
    """

    registers: int = 0
    bits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OPERATORS, 0))
    memories: list[Memory] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)


def block_of(path: Iterable[str]) -> str:
    """The block that an instance at this path belongs to."""
    names = [name for name in path if name not in ("machine", "core", "engine")]
    return names[0].partition("$")[0] if names else "top"


def blocks_of(component) -> dict[str, Block]:
    """Blocks of a component by name, elaborated and not synthesised: a second for a machine."""
    found: dict[str, Block] = {}
    with uncollected():
        for path, fragment in _fragments(ir.Fragment.get(component, None), ()):
            block = found.setdefault(block_of(path), Block())
            if isinstance(fragment, MemoryInstance):
                block.memories.append(_memory(fragment))
            else:
                _Walk(block).take(fragment)
    return found


def _fragments(fragment, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    yield path, fragment
    for inner, name, _ in fragment.subfragments:
        yield from _fragments(inner, (*path, str(name)))


def _memory(instance) -> Memory:
    data = instance._data
    reads, writes = instance._read_ports, instance._write_ports
    style = instance._attrs.get("ram_style")
    wanted = {"block": style == "block", "luts": style == "distributed"}
    return Memory(Shape.cast(data.shape).width, data.depth, len(reads), bool(writes), **wanted)


class _Walk:
    """Counts what the statements of a fragment need; what is used twice counts once."""

    def __init__(self, block: Block):
        self._block, self._seen = block, {}

    def take(self, fragment):
        """All its statements."""
        for domain, statements in fragment.statements.items():
            if domain != "comb":
                driven = statements._lhs_signals()
                self._block.registers += sum(len(signal) for signal in driven)
            for statement in statements:
                self._statement(statement, inside=False)

    def _statement(self, statement, *, inside: bool):
        if isinstance(statement, ast.Assign):
            self._value(statement.lhs)
            self._value(statement.rhs)
            self._block.bits["choose"] += len(statement.lhs) if inside else 0
        elif isinstance(statement, ast.Switch):
            self._value(statement.test)
            if len(statement.test) > 1:
                self._block.bits["equal"] += len(statement.test) * len(statement.cases)
            for _, statements, _ in statement.cases:
                for each in statements:
                    self._statement(each, inside=True)

    def _value(self, given):
        value = Value.cast(given)
        if isinstance(value, Const | Signal) or id(value) in self._seen:
            return
        # Kept, so that no other value is given its identity.
        self._seen[id(value)] = value
        bits = self._block.bits
        if isinstance(value, ast.Operator):
            self._operator(value)
            parts = value.operands
        elif isinstance(value, ast.SwitchValue):
            bits["choose"] += len(value) * (len(value.cases) - 1)
            parts = [value.test, *(each for _, each in value.cases)]
        elif isinstance(value, ast.Part):
            bits["shift"] += len(value) * len(value.offset)
            parts = [value.value, value.offset]
        elif isinstance(value, ast.Concat):
            parts = value.parts
        else:
            parts = [value.value] if isinstance(value, ast.Slice) else []
        for part in parts:
            self._value(part)

    def _operator(self, value):
        widths = [len(operand) for operand in value.operands]
        varying = [each for each in value.operands if not isinstance(each, Const)]
        if value.operator == "*" and len(varying) == 2:
            self._block.products.append(Product((widths[0], widths[1]), len(value)))
            return
        kind = _KINDS.get(value.operator)
        if kind is None or not varying:
            return
        if kind == "shift":
            amount = value.operands[1]
            size = 0 if isinstance(amount, Const) else len(value) * len(amount)
        else:
            size = len(value) if kind in ("add", "logic") else max(widths)
        self._block.bits[kind] += size
