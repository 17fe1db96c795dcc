"""A design as Yosys's JSON tells it: modules of cells between numbered bits."""

from dataclasses import dataclass, field

__all__ = ["Bit", "Cell", "Module", "Net", "Port", "read_modules"]

Bit = int | str
"""A number that stands for a bit of this module, or ``"0"`` or ``"1"``."""


@dataclass
class Port:
    """A port of a module; ``bits`` from the lowest on."""

    name: str
    inward: bool
    bits: list[Bit]


@dataclass
class Net:
    """A name of some bits.

    ``public`` is what a signal of the source is called, others are Yosys's own.
    """

    name: str
    public: bool
    bits: list[Bit]
    source: str


@dataclass
class Cell:
    """An operator, a register, a memory or an instance: see Yosys's manual of the cell library.

    ``parameters`` are numbers where they are binary, else text.
    """

    name: str
    kind: str
    parameters: dict[str, int | str]
    widths: dict[str, int]
    inputs: dict[str, list[Bit]]
    outputs: dict[str, list[Bit]]
    attributes: dict[str, str]

    @property
    def is_instance(self) -> bool:
        """A module of the design or of someone else, not an operator."""
        return not self.kind.startswith("$")


@dataclass
class Module:
    """One module; ``init`` are the first values of bits of registers, ``"0"`` or ``"1"``.

    ``doc`` is a sentence on what it is, or nothing.
    """

    name: str
    ports: list[Port]
    cells: list[Cell]
    nets: list[Net]
    init: dict[Bit, str] = field(default_factory=dict)
    doc: str = ""


def _bits(bits: list) -> list[Bit]:
    # A bit that nobody cares about is low.
    return ["0" if bit in ("x", "z") else bit for bit in bits]


def _number(value):
    if isinstance(value, str) and value and not value.strip("01xz"):
        return int(value.replace("x", "0").replace("z", "0"), 2)
    return value


def _directions(raw: dict) -> dict[str, dict[str, str]]:
    """Directions of the ports of each cell; those of foreign modules follow from what drives them.

    A port of a module that is not in the design is an output if nothing else drives its bits.
    """
    found = {name: about.get("port_directions", {}) for name, about in raw["cells"].items()}
    driven = {b for p in raw["ports"].values() if p["direction"] == "input" for b in p["bits"]}
    for name, about in raw["cells"].items():
        for port, direction in found[name].items():
            driven.update(about["connections"][port] if direction == "output" else ())
    for name, about in raw["cells"].items():
        if not found[name]:
            for port, bits in about["connections"].items():
                inward = any(isinstance(bit, str) or bit in driven for bit in bits)
                found[name][port] = "input" if inward else "output"
    return found


def _cell(name: str, raw: dict, directions: dict[str, str]) -> Cell:
    connections = {port: _bits(bits) for port, bits in raw["connections"].items()}
    return Cell(
        name=name,
        kind=raw["type"],
        parameters={key: _number(value) for key, value in raw["parameters"].items()},
        widths={key: len(value) for key, value in raw["parameters"].items()},
        inputs={port: b for port, b in connections.items() if directions[port] == "input"},
        outputs={port: b for port, b in connections.items() if directions[port] == "output"},
        attributes=raw["attributes"],
    )


def read_modules(design: dict) -> dict[str, Module]:
    """Modules by name, in the order of the file."""
    modules = {}
    for name, raw in design["modules"].items():
        nets, init = [], {}
        for net, about in raw["netnames"].items():
            bits, attributes = about["bits"], about["attributes"]
            source = attributes.get("src", "")
            nets.append(Net(net, not about["hide_name"], _bits(bits), source))
            for bit, first in zip(bits, reversed(attributes.get("init", "")), strict=False):
                init[bit] = "1" if first == "1" else "0"
        ports = [
            Port(port, about["direction"] == "input", _bits(about["bits"]))
            for port, about in raw["ports"].items()
        ]
        directions = _directions(raw)
        cells = [_cell(cell, about, directions[cell]) for cell, about in raw["cells"].items()]
        modules[name] = Module(name, ports, cells, nets, init, raw["attributes"].get("doc", ""))
    return modules
