"""Levels of LUTs between registers and fan-out of nets, in a flat netlist for the 7 series.

What is counted needs no place and route: how many LUTs a path passes from one register to the next,
and how many pins a net has that no register drives. An address of a memory made of LUTs passes one
level to what is read. Carry chains, wide multiplexers and DSP blocks stand beside LUTs and count no
level; how many blocks of four carries a path passes is said beside its levels.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sim.explore.silicon.parts import PARTS, part_of, path_of

__all__ = ["MARK", "Levels", "NetFanout", "PathEnd"]

MARK = "register"
"""Attribute of the wires that were registers before synthesis: these name them best."""

_CLOCKS = re.compile(r"C|CLK|WCLK|CLK(ARD|BWR)CLK")
_FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "LDCE", "LDPE")
_LUTS = ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV")
_WIRES = ("MUXF7", "MUXF8", "MUXF9", "BUFG", "IBUF", "OBUF", "OBUFT", "IOBUF")
_LUT_MEMORY = re.compile(r"RAM\d+(M|X1D|X1S)(_1)?|SRLC?\d+E")

_MADE = re.compile(r"\$(techmap|abc|auto|aiger|genblk)")
"""Names that Yosys made."""

Bit = int | str


@dataclass(frozen=True)
class PathEnd:
    """The longest path into one pin of the bits of a register or memory.

    Members
    -------
    levels, carries : int
        LUTs, and blocks of four carries, that it passes.
    start, end : str
        Names of where it begins and ends, without the bit.
    pin : str
        Of the primitive that it ends in: ``D``, ``CE``, ``R``, ...
    part : str
        Part of the machine that it ends in.
    """

    levels: int
    carries: int
    start: str
    end: str
    pin: str
    part: str


@dataclass(frozen=True)
class NetFanout:
    """A net and the pins that it goes to, clocks aside.

    Members
    -------
    pins : int
        How many.
    net, part : str
        Its name, and the part of the machine that makes it.
    registered : bool
        A register drives it.
    """

    pins: int
    net: str
    part: str
    registered: bool


class Levels:
    """Paths and nets of a module of Yosys' JSON, after ``synth_xilinx -flatten``.

    Parameters
    ----------
    module : mapping
        The module.

    Members
    -------
    ends : list of PathEnd
        The longest first; those that begin in a register, or anywhere inside.
    nets : list of NetFanout
        The widest first.
    """

    def __init__(self, module: Mapping):
        self._cells = module["cells"]
        self._names = _names(module["netnames"])
        self._inputs = {
            bit
            for port in module["ports"].values()
            if port["direction"] != "output"
            for bit in port["bits"]
        }
        self._before: dict[Bit, list[tuple[Bit, int, int]]] = {}
        self._owner: dict[Bit, str] = {}
        for name, cell in self._cells.items():
            self._take(name, cell)
        self._depth: dict[Bit, tuple[int, int, Bit]] = {}
        self.ends = self._find_ends(module["ports"])
        self.nets = self._find_nets()

    def _take(self, name: str, cell: Mapping):
        for output, inputs, lut, carry in _arcs(cell):
            self._before[output] = [(bit, lut, carry) for bit in inputs if isinstance(bit, int)]
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] == "output":
                self._owner.update(dict.fromkeys(bits, name))

    def _name(self, bit: Bit) -> str:
        known = self._names.get(bit)
        if known is not None:
            return known
        owner = self._owner.get(bit, "")
        return path_of(re.sub(r"(\.\d+)*$", "", owner)) or "logic"

    def _deepest(self, bit: Bit) -> tuple[int, int, Bit]:
        """LUTs and carries from a register to ``bit``, and the bit at which that path begins."""
        waiting, open_ = [bit], set()
        while waiting:
            at = waiting[-1]
            before = self._before.get(at, ())
            # What is open already closes a loop through logic, which is cut there.
            missing = [
                other for other, _, _ in before if other not in self._depth and other not in open_
            ]
            if at not in self._depth and missing:
                open_.add(at)
                waiting += missing
                continue
            waiting.pop()
            if at not in self._depth:
                self._depth[at] = self._longest(at, before)
        return self._depth[bit]

    def _longest(self, at: Bit, before: Iterable[tuple[Bit, int, int]]) -> tuple[int, int, Bit]:
        found = (
            (*self._depth[bit], lut, carry) for bit, lut, carry in before if bit in self._depth
        )
        paths = ((luts + lut, carries + carry, start) for luts, carries, start, lut, carry in found)
        return max(paths, default=(0, 0, at), key=lambda path: path[:2])

    def _find_ends(self, ports: Mapping) -> list[PathEnd]:
        longest: dict[tuple[str, str], tuple[int, int, Bit]] = {}
        taken = [
            (self._of_cell(name, cell), pin, bit)
            for name, cell in self._cells.items()
            for pin, bit in _sampled(cell)
        ]
        taken += [
            (port, "port", bit)
            for port, content in ports.items()
            if content["direction"] != "input"
            for bit in content["bits"]
        ]
        for end, pin, bit in taken:
            if isinstance(bit, int):
                depth = self._deepest(bit)
                key = end, pin
                if key not in longest or depth[:2] > longest[key][:2]:
                    longest[key] = depth
        ends = [
            PathEnd(luts, carries, self._name(start), end, pin, part_of(end))
            for (end, pin), (luts, carries, start) in longest.items()
        ]
        return sorted(ends, key=lambda end: (-end.levels, -end.carries, end.end, end.pin))

    def _of_cell(self, name: str, cell: Mapping) -> str:
        """What a register or memory is called: after its output, else as its instance."""
        if cell["type"] in _FLIP_FLOPS:
            return self._name(cell["connections"]["Q"][0])
        return re.sub(r"(\.\d+)*$", "", name.removeprefix("$flatten").replace("\\", "")) or name

    def _find_nets(self) -> list[NetFanout]:
        pins = defaultdict(list)
        for name, cell in self._cells.items():
            for pin, bits in cell["connections"].items():
                if cell["port_directions"].get(pin) == "input" and not _CLOCKS.fullmatch(pin):
                    for bit in bits:
                        if isinstance(bit, int) and bit not in self._inputs:
                            pins[bit].append(name)
        nets = []
        for bit, cells in pins.items():
            name = self._names.get(bit) or f"logic of {self._of_cells(cells, pins)}"
            part = part_of(name.removeprefix("logic of "))
            nets.append(NetFanout(len(cells), name, part, bit not in self._before))
        return sorted(nets, key=lambda net: (-net.pins, net.net))

    def _of_cells(self, cells: list[str], pins: Mapping[Bit, list[str]]) -> str:
        """The nearest register or memory behind some cells."""
        seen, waiting = set(cells), list(dict.fromkeys(cells))
        for name in waiting:
            cell = self._cells[name]
            if next(_sampled(cell), None):
                return self._of_cell(name, cell)
            behind = [
                other
                for pin, bits in cell["connections"].items()
                if cell["port_directions"][pin] == "output"
                for bit in bits
                for other in pins.get(bit, ())
            ]
            waiting += [other for other in dict.fromkeys(behind) if other not in seen]
            seen.update(behind)
        return "a port"

    def parts(self) -> list[dict]:
        """For each part: ends of paths, most levels, and most pins on a net of logic."""
        ends, nets = defaultdict(list), defaultdict(list)
        for end in self.ends:
            ends[end.part].append(end)
        for net in self.nets:
            if not net.registered:
                nets[net.part].append(net.pins)
        return [
            {
                "part": part,
                "ends": len(ends[part]),
                "levels": max((end.levels for end in ends[part]), default=0),
                "logic_fan_out": max(nets[part], default=0),
            }
            for part in PARTS
            if ends[part] or nets[part]
        ]


def _names(netnames: Mapping) -> dict[Bit, str]:
    """A name for each bit: that of the register which it was, else the one nearest the top."""

    def order(item: tuple[str, Mapping]) -> tuple:
        name, net = item
        return MARK not in net["attributes"], "$" in name, name.count("."), len(name), name

    found: dict[Bit, str] = {}
    for name, net in sorted(netnames.items(), key=order):
        if not net.get("hide_name") and not _MADE.search(name):
            for bit in net["bits"]:
                found.setdefault(bit, name)
    return found


def _bits(cell: Mapping, *pins: str) -> list[Bit]:
    return [bit for pin in pins for bit in cell["connections"].get(pin, ())]


def _arcs(cell: Mapping) -> Iterator[tuple[Bit, list[Bit], int, int]]:
    """Outputs that follow inputs in the same cycle; with the LUTs and carries in between."""
    kind = cell["type"]
    if kind in _LUTS or kind in _WIRES:
        inputs = [bit for pin, bits in cell["connections"].items() if pin != "O" for bit in bits]
        yield from ((bit, inputs, int(kind in _LUTS), 0) for bit in _bits(cell, "O"))
    elif kind == "CARRY4":
        for place, (carry, total) in enumerate(
            zip(_bits(cell, "CO"), _bits(cell, "O"), strict=False)
        ):
            select, given = _bits(cell, "S")[: place + 1], _bits(cell, "DI")
            below = [*_bits(cell, "CI", "CYINIT"), *select]
            yield carry, [*below, *given[: place + 1]], 0, 1
            yield total, [*below, *given[:place]], 0, 1
    elif _LUT_MEMORY.fullmatch(kind):
        for output, address in _lut_reads(cell):
            yield from ((bit, _bits(cell, *address), 1, 0) for bit in _bits(cell, output))
    elif kind == "DSP48E1" and not _registered(cell, "PREG"):
        inputs = [bit for pin, bits in _dsp_through(cell) for bit in bits]
        yield from ((bit, inputs, 0, 0) for bit in _bits(cell, "P", "CARRYOUT", "PCOUT"))


def _lut_reads(cell: Mapping) -> Iterator[tuple[str, list[str]]]:
    """Outputs of a memory made of LUTs, and the pins of the address that they follow."""
    pins = cell["connections"]
    if cell["type"].startswith("SRL"):
        yield "Q", [pin for pin in pins if re.fullmatch(r"A\d?", pin)]
        return
    for letter in "ABCD":
        if f"DO{letter}" in pins:
            yield f"DO{letter}", [f"ADDR{letter}"]
    yield "SPO", [pin for pin in pins if re.fullmatch(r"A\d?", pin)]
    yield "DPO", [pin for pin in pins if re.fullmatch(r"DPRA\d?", pin)]
    yield "O", [pin for pin in pins if re.fullmatch(r"A\d", pin)]


def _registered(cell: Mapping, parameter: str) -> bool:
    return "1" in str(cell["parameters"].get(parameter, "1"))


_DSP_REGISTERS = {
    "A": "AREG",
    "B": "BREG",
    "C": "CREG",
    "D": "DREG",
    "OPMODE": "OPMODEREG",
    "ALUMODE": "ALUMODEREG",
    "INMODE": "INMODEREG",
    "CARRYIN": "CARRYINREG",
    "CARRYINSEL": "CARRYINSELREG",
}
_MULTIPLIED = ("A", "B", "D", "INMODE")


def _dsp_through(cell: Mapping) -> Iterator[tuple[str, list[Bit]]]:
    """Inputs of a DSP block that its output follows in the same cycle."""
    multiplies = str(cell["parameters"].get("USE_MULT", "MULTIPLY")) != "NONE"
    for pin, bits in cell["connections"].items():
        held = pin in _DSP_REGISTERS and _registered(cell, _DSP_REGISTERS[pin])
        behind = pin in _MULTIPLIED and multiplies and _registered(cell, "MREG")
        if (pin in _DSP_REGISTERS and not held and not behind) or pin == "PCIN":
            yield pin, bits


def _sampled(cell: Mapping) -> Iterator[tuple[str, Bit]]:
    """Inputs of a cell that a clock edge samples: where paths end."""
    kind = cell["type"]
    if kind == "DSP48E1":
        through = {} if _registered(cell, "PREG") else dict(_dsp_through(cell))
        pins = [pin for pin in cell["connections"] if pin not in through]
    elif _LUT_MEMORY.fullmatch(kind):
        # The address that is written to; where it is read from too, the path goes on.
        pins = [pin for pin in cell["connections"] if re.fullmatch(r"DI?\w?|WE|CE|ADDRD|A\d?", pin)]
    elif kind in _FLIP_FLOPS or kind.startswith("RAMB"):
        pins = list(cell["connections"])
    else:
        return
    for pin in pins:
        if cell["port_directions"].get(pin) == "input" and not _CLOCKS.fullmatch(pin):
            yield from ((pin, bit) for bit in cell["connections"][pin])
