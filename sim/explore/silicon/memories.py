"""The machine's memories in SRAM macros and registers, as Verilog around the macros."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sim.explore.silicon.macros import Macro
from sim.networks.network import NetworkError

__all__ = ["AREA", "Bank", "Memory", "Plan", "black_boxes", "find_memories", "plan_memories"]

AREA = 2.0
"""Banks may take this much of the area of the smallest choice; among those, energy and area count,
see ``plan_memories``."""

FLIP_FLOP_AREAS = 1.6
"""A bit in registers takes the area of so many flip-flops: itself, and its share of the
multiplexers that read it."""

UNMAPPED_BITS = 1024
"""Without macros, memories of at most so many bits are registers, and larger ones are left out."""

_INSTANCE = re.compile(r"^  (refrain_ram_\w+) #\(([^;]*?)\) (\w+) \($", re.M)
_CLOCKED_KIND = re.compile(r"refrain_ram_(\d)r1w(_async)?(_parts)?")


@dataclass(frozen=True, order=True)
class Memory:
    """A kind of memory of the design: one module.

    Members
    -------
    kind : str
        Module of the generated Verilog that describes it.
    width, depth, address, part : int
        Bits of a word, words, bits of an address, bits that are written as one.
    resident : int
        Of a weight memory, the words from the first on that are never written in a cycle in which
        one of them is read.
    """

    kind: str
    width: int
    depth: int
    address: int
    part: int
    resident: int = 0

    @property
    def module(self) -> str:
        """Name of its module in the mapped design."""
        parts = f"_by_{self.part}" if self.part < self.width else ""
        return f"{self.kind}_{self.depth}x{self.width}{parts}"

    @property
    def reads(self) -> int:
        """Read ports."""
        return int(_CLOCKED_KIND.match(self.kind)[1])

    @property
    def clocked(self) -> bool:
        """Whether data come a clock edge behind the address."""
        return not _CLOCKED_KIND.match(self.kind)[2]

    @property
    def bits(self) -> int:
        """All of them."""
        return self.width * self.depth


@dataclass(frozen=True)
class Bank:
    """Macros that hold ``depth`` words from ``first`` on; side by side, and one behind the other.

    ``columns`` are those side by side, from the lowest bits of a word on: all as deep. Each read
    port has a copy of all of them.
    """

    columns: tuple[Macro, ...]
    first: int
    depth: int

    @property
    def words(self) -> int:
        """Words of each macro."""
        return self.columns[0].words

    @property
    def address(self) -> int:
        """Bits of an address inside a macro."""
        return self.columns[0].address

    @property
    def along(self) -> int:
        """Macros one behind the other."""
        return -(-self.depth // self.words)

    @property
    def area(self) -> float:
        """Of one copy."""
        return self.along * sum(macro.area for macro in self.columns)

    @property
    def energy(self) -> float:
        """Of a word that is read and one that is written."""
        return sum(macro.read + macro.write for macro in self.columns)


@dataclass(frozen=True)
class Plan:
    """How a memory is made: of banks of macros, or of registers, or left out (neither)."""

    memory: Memory
    banks: tuple[Bank, ...] = ()
    registers: bool = False

    @property
    def macros(self) -> dict[str, int]:
        """How many of each macro."""
        found: dict[str, int] = {}
        for bank in self.banks:
            for macro in bank.columns:
                found[macro.name] = found.get(macro.name, 0) + bank.along * self.memory.reads
        return found


def find_memories(design: str, weights: tuple[int, int]) -> tuple[str, dict[str, Memory]]:
    """The design with a module of its own for each kind and size of memory, and these by module.

    Parameters
    ----------
    design : str
        Verilog, in which memories are instances with parameters.
    weights : tuple of int
        Resident words and words of the ring of a weight memory.
    """
    found = {}

    def named(match: re.Match) -> str:
        sizes = {name: int(value) for name, value in re.findall(r"\.(\w+)\((\d+)\)", match[2])}
        width, depth = sizes["WIDTH"], sizes["DEPTH"]
        part = sizes.get("PART", width)
        memory = Memory(match[1], width, depth, sizes["ADDRESS"], part)
        if match[3].startswith("beats_") and depth == sum(weights):
            memory = replace(memory, resident=weights[0])
        found[memory.module] = memory
        return f"  {memory.module} {match[3]} ("

    return _INSTANCE.sub(named, design), found


def plan_memories(
    memories: Sequence[Memory], macros: Sequence[Macro], flip_flop: float, area: float = AREA
) -> list[Plan]:
    """How each memory is made.

    Memories that are read without a clock are registers, and so are those that are smaller as
    registers. For each other one the choices are all macros with enough ports, in banks one behind
    the other, each of one or two kinds side by side. Of those that take at most ``area`` times the
    smallest choice's area, the one with the least product of area and squared energy is taken,
    energy that of a read and a write: twice the area pays where it saves 30 % of the energy.

    Parameters
    ----------
    memories : sequence of Memory
        What is made.
    macros : sequence of Macro
        What there is; without any, large memories are left out.
    flip_flop : float
        Area of a flip-flop.
    area : float
        At least 1.

    Raises
    ------
    NetworkError
        No macro has the ports, or the mask of written bits, that a memory needs.
    """
    return [_plan(memory, macros, flip_flop, area) for memory in memories]


def _plan(memory: Memory, macros: Sequence[Macro], flip_flop: float, area: float) -> Plan:
    in_registers = memory.bits * flip_flop * FLIP_FLOP_AREAS
    if not memory.clocked or (not macros and memory.bits <= UNMAPPED_BITS):
        return Plan(memory, registers=True)
    if not macros:
        return Plan(memory)
    fits = [
        macro
        for macro in macros
        if (memory.part == memory.width or macro.masked)
        and (macro.words >= memory.depth or macro.words & (macro.words - 1) == 0)
    ]
    two_ports = [macro for macro in fits if len(macro.ports) > 1]
    if not two_ports:
        mask = " and a mask of the bits that are written" if memory.part < memory.width else ""
        raise NetworkError(
            f"the memories must include one with two ports{mask}, because the machine has a memory "
            f"of {memory.depth} words of {memory.width} bits that is written while it is read; the "
            f"widest of the {len(macros)} given has {max(m.bits for m in macros)} bits"
        )
    best = _best(two_ports, memory, 0, memory.depth, area)
    if memory.reads * best.area >= in_registers:
        return Plan(memory, registers=True)
    halves = _halves(memory, fits, two_ports, area)
    if halves and sum(bank.area for bank in halves) < best.area:
        return Plan(memory, halves)
    return Plan(memory, (best,))


def _halves(memory: Memory, fits, two_ports, area: float) -> tuple[Bank, ...]:
    """A weight memory whose resident words have macros of one port, where they fill them."""
    single = [m for m in fits if memory.resident and memory.resident % m.words == 0]
    if not single:
        return ()
    ring = memory.depth - memory.resident
    return (
        _best(single, memory, 0, memory.resident, area),
        _best(two_ports, memory, memory.resident, ring, area),
    )


def _best(macros: Sequence[Macro], memory: Memory, first: int, depth: int, area: float) -> Bank:
    """The bank for ``depth`` words from ``first`` on, of macros that would do."""
    choices = [
        Bank(columns, first, depth)
        for wide in macros
        for narrow in macros
        if narrow.words == wide.words
        for columns in _columns(memory.width, wide, narrow)
    ]
    most = area * min(each.area for each in choices)
    small = [each for each in choices if each.area <= most * (1 + 1e-9)]
    return min(small, key=lambda bank: (bank.energy**2 * bank.area, bank.area))


def _columns(width: int, wide: Macro, narrow: Macro) -> list[tuple[Macro, ...]]:
    """Macros of two kinds side by side, as few of the second as cover what the first leave."""
    return [
        (wide,) * count + (narrow,) * -(-max(width - count * wide.bits, 0) // narrow.bits)
        for count in range(-(-width // wide.bits) + 1)
    ]


def black_boxes(macros: Mapping[str, Macro]) -> str:
    """Declarations of macros for synthesis."""
    texts = []
    for macro in macros.values():
        ports = []
        for prefix in macro.ports:
            ports += [f"input {prefix}{pin}" for pin in ("CLK", "MEN", "WEN", "REN")]
            ports += [f"input [{macro.address - 1}:0] {prefix}ADDR"]
            ports += [f"input [{macro.bits - 1}:0] {prefix}DIN"]
            ports += [f"input [{macro.bits - 1}:0] {prefix}BM"] if macro.masked else []
            ports += [f"output [{macro.bits - 1}:0] {prefix}DOUT"]
        ports += [f"input [{width - 1}:0] {pin}" for pin, width in macro.low.items()]
        texts.append(f"(* blackbox *)\nmodule {macro.name} ({', '.join(ports)});\nendmodule\n")
    return "\n".join(texts)
