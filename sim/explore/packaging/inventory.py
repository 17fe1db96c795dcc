"""What a design is made of, counted in its Verilog: registers, memories and constants."""

import re
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Inventory", "Memory", "inventory_of"]

_MODULE = re.compile(r"^module (\w+).*?^endmodule", re.M | re.S)
_REGISTER = re.compile(r"^  reg (?:signed )?(?:\[(\d+):0\] )?\w+(?:,|;)", re.M)
_INSTANCE = re.compile(r"^  (\w+) (?:#\(([^\n]*)\) )?(\w+) \($", re.M)
_SIZE = re.compile(r"\.(WIDTH|DEPTH)\((\d+)\)")


@dataclass(frozen=True, order=True)
class Memory:
    """A kind of memory with its size: its module, words and bits of a word."""

    module: str
    depth: int
    width: int

    @property
    def bits(self) -> int:
        """Bits that it stores."""
        return self.depth * self.width


@dataclass
class Inventory:
    """What a module and all that is in it hold.

    Members
    -------
    registers : int
        Bits of registers, outside memories.
    memories : Counter of Memory
        How many there are of each.
    """

    registers: int = 0
    memories: Counter = field(default_factory=Counter)

    def add(self, other: "Inventory"):
        """Count what another one holds, too."""
        self.registers += other.registers
        self.memories += other.memories

    @property
    def memory_bits(self) -> int:
        """Bits of all memories."""
        return sum(memory.bits * count for memory, count in self.memories.items())


def inventory_of(verilog: str, top: str) -> Inventory:
    """What ``top`` holds.

    Outside memories each ``reg`` is a register, as the rest is continuous assignments.
    """
    modules = {match[1]: match[0] for match in _MODULE.finditer(verilog)}
    known: dict[str, Inventory] = {}

    def count(name: str) -> Inventory:
        if name not in known:
            known[name] = found = Inventory()
            text = modules[name]
            found.registers = sum(int(high or 0) + 1 for high in _REGISTER.findall(text))
            for module, sizes, _ in _INSTANCE.findall(text):
                if module in modules:
                    found.add(count(module))
                elif "DEPTH" in sizes:
                    size = {key: int(value) for key, value in _SIZE.findall(sizes)}
                    found.memories[Memory(module, size["DEPTH"], size["WIDTH"])] += 1
        return known[name]

    return count(top)
