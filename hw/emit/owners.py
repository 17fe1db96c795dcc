"""Which declared name each bit of a module has."""

import re
from dataclasses import dataclass

from hw.emit.names import Names
from hw.emit.netlist import Bit, Cell, Module, Net
from hw.emit.operators import REGISTERS

__all__ = ["Owner", "Ownership", "is_made_up", "rank"]

_CALLED = {
    "$add": "sum",
    "$sub": "difference",
    "$mul": "product",
    "$neg": "negative",
    "$mux": "choice",
    "$pmux": "choice",
    "$shift": "shifted",
    "$shl": "shifted",
    "$shr": "shifted",
    "$sshl": "shifted",
    "$sshr": "shifted",
    "$shiftx": "shifted",
    "$divfloor": "quotient",
    "$div": "quotient",
    "$modfloor": "remainder",
    "$mod": "remainder",
    "$not": "inverse",
}
"""What an output is called that no signal of the source names; others are a ``test``."""


@dataclass
class Owner:
    """A declared name; bit ``k`` of ``bits`` is called ``name[low + k]``.

    ``drivers`` are the cells whose outputs it is made of; none for an input port.
    """

    name: str
    bits: list[Bit]
    register: bool
    port: bool
    low: int = 0
    drivers: tuple[Cell, ...] = ()
    source: str = ""

    def part(self, first: int, last: int) -> str:
        """Text of bits ``first`` to ``last`` of ``bits``."""
        if first == 0 and last == len(self.bits) - 1:
            return self.name
        if first == last:
            return f"{self.name}[{self.low + first}]"
        return f"{self.name}[{self.low + last}:{self.low + first}]"

    @property
    def late(self) -> bool:
        """A wire of one operator: declared where it is assigned."""
        if self.port or self.register or len(self.drivers) != 1:
            return False
        # Of an output whose bits stand in another order the parts are assigned.
        return self.drivers[0].outputs.get("Y") == self.bits

    @property
    def range(self) -> str:
        """What stands before the name in a declaration."""
        high = self.low + len(self.bits) - 1
        return f"[{high}:{self.low}] " if len(self.bits) > 1 or self.low else ""


def rank(net: Net) -> tuple[bool, bool, int]:
    """A plain name is better than a numbered one, and that than one that was made up."""
    joined = net.name.count(".") + net.name.count("__")
    return (not net.public or net.name.startswith("$"), "$" in net.name, joined)


class Ownership:
    """Names for all bits that cells drive and ports bring.

    An output of a cell is named as a whole: by a port or a signal that holds it, if every other
    bit of that is driven likewise, else by what the cell does. Outputs of instances are called
    after the instance.
    """

    def __init__(self, module: Module, names: Names):
        self.module = module
        self.names = names
        self.of: dict[Bit, tuple[Owner, int]] = {}
        self.owners: list[Owner] = []
        self.driver: dict[Bit, tuple[Cell, str]] = {}
        self.unnamed: list[tuple[Cell, str]] = []
        self.aliases: list[tuple[str, Owner | None, list[Bit]]] = []
        for cell in module.cells:
            for port, bits in cell.outputs.items():
                self.driver.update((bit, (cell, port)) for bit in bits)
        for port in module.ports:
            names.take(port.name)
        self._inputs()
        self._output_ports()
        self._signals()
        self._instances()
        self._unions()
        self._rest()

    def _own(self, owner: Owner):
        self.owners.append(owner)
        self.of.update((bit, (owner, k)) for k, bit in enumerate(owner.bits))

    def _inputs(self):
        for port in self.module.ports:
            if port.inward:
                self._own(Owner(port.name, port.bits, register=False, port=True))

    def _drivers(self, bits: list[Bit]) -> list[tuple[Cell, str]] | None:
        """Outputs that make up just these bits, all of registers or none; else None."""
        if len(set(bits)) < len(bits):
            return None
        found = {}
        for bit in bits:
            if bit in self.of or bit not in self.driver:
                return None
            cell, port = self.driver[bit]
            found[cell.name, port] = (cell, port)
        inside = set(bits)
        kinds = {cell.kind in REGISTERS for cell, _ in found.values()}
        whole = all(set(cell.outputs[port]) <= inside for cell, port in found.values())
        return list(found.values()) if whole and len(kinds) == 1 else None

    def _try(self, name: str, bits: list[Bit], port: bool, low: int, source: str) -> bool:
        drivers = self._drivers(bits)
        if not drivers:
            return False
        cells = tuple(cell for cell, _ in drivers)
        register = cells[0].kind in REGISTERS
        self._own(Owner(name, bits, register, port, low, cells, source))
        return True

    def _output_ports(self):
        sources = {net.name: net.source for net in self.module.nets}
        for port in self.module.ports:
            if not port.inward:
                source = sources.get(port.name, "")
                if not self._try(port.name, port.bits, True, 0, source):
                    owner = Owner(port.name, port.bits, register=False, port=True, source=source)
                    self.aliases.append((port.name, owner, port.bits))

    def _live(self, net: Net) -> tuple[list[Bit], int] | None:
        """Bits of a net that are driven, if they are all between the first and the last."""
        places = [k for k, bit in enumerate(net.bits) if bit in self.driver]
        if not places or places[-1] - places[0] + 1 != len(places):
            return None
        return net.bits[places[0] : places[-1] + 1], places[0]

    def _candidates(self):
        nets = [net for net in self.module.nets if net.public and not is_made_up(net.name)]
        for net in sorted(nets, key=rank):
            found = self._live(net)
            if found:
                yield net, *found

    def _signals(self):
        """Signals that are just the output of one operator or register."""
        for net, bits, low in self._candidates():
            cell, port = self.driver[bits[0]]
            if cell.is_instance or cell.kind == "$mem_v2" or cell.outputs[port] != bits:
                continue
            if bits[0] not in self.of:
                self._try(self.names.new(net.name), bits, False, low, net.source)

    def _instances(self):
        for cell in self.module.cells:
            if not cell.is_instance and cell.kind != "$mem_v2":
                continue
            for port, bits in cell.outputs.items():
                if not any(bit in self.of for bit in bits):
                    name = self.names.new(f"{_plain(cell.name)}_{_plain(port)}")
                    self._own(Owner(name, bits, False, False, 0, (cell,)))

    def _unions(self):
        """Signals that are made of several outputs."""
        for net, bits, low in self._candidates():
            if bits[0] not in self.of and self._drivers(bits):
                self._try(self.names.new(net.name), bits, False, low, net.source)

    def _rest(self):
        inside = {}
        for net, bits, _ in self._candidates():
            for bit in bits:
                inside.setdefault(bit, net.name)
        for cell in self.module.cells:
            for port, bits in cell.outputs.items():
                if any(bit in self.of for bit in bits):
                    continue
                if cell.kind in REGISTERS:
                    name = self.names.new(inside.get(bits[0], "register"))
                    self._own(Owner(name, bits, True, False, 0, (cell,)))
                else:
                    self.unnamed.append((cell, port))

    def name(self, cell: Cell, port: str):
        """Declare a wire for an output that has no name."""
        name = self.names.new(_CALLED.get(cell.kind, "test"))
        self._own(Owner(name, cell.outputs[port], False, False, 0, (cell,)))


def is_made_up(name: str) -> bool:
    """A port that no signal of the module names."""
    return name.startswith("port$")


def _plain(name: str) -> str:
    return re.sub(r"\$\d+$", "", name)
