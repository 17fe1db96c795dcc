"""A flat netlist as arrays: all cells of a kind together, gates in levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.explore.multipliers.liberty import Library, LibraryCell
from sim.explore.silicon.macros import Macro
from sim.explore.silicon.parts import PARTS, part_of
from sim.networks.network import NetworkError

__all__ = ["CLOCK", "Gates", "Group", "Instance"]

CLOCK = "aclk"
"""The port that every clock comes from."""


@dataclass(frozen=True)
class Group:
    """All cells of one kind.

    Members
    -------
    cell : LibraryCell
        What they are.
    names : list of str
        As Yosys calls them.
    parts : array
        Index of the part, in ``PARTS``, that each belongs to.
    inputs, outputs : dict of array
        Net of each cell, by pin.
    """

    cell: LibraryCell
    names: list[str]
    parts: np.ndarray
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.names)

    def some(self, which: np.ndarray) -> "Group":
        """The cells at these places."""
        return Group(
            self.cell,
            [self.names[k] for k in which],
            self.parts[which],
            {pin: nets[which] for pin, nets in self.inputs.items()},
            {pin: nets[which] for pin, nets in self.outputs.items()},
        )


@dataclass(frozen=True)
class Instance:
    """A macro, or a memory that was left out (``macro`` is None), and the nets of its pins."""

    name: str
    part: int
    macro: Macro | None
    pins: Mapping[str, Sequence[int]]


class Gates:
    """The cells of a mapped machine.

    Parameters
    ----------
    module : dict
        The flat netlist in Yosys's JSON.
    library : Library
        The cells.
    macros : sequence of Macro
        The memories.

    Members
    -------
    ports : dict of list of int
        Nets of each port; net 0 is low, net 1 high.
    inputs, outputs : list of str
        Names of ports.
    registers, gating : list of Group
        Flip-flops, and cells that gate clocks.
    levels : list of list of Group
        Combinational cells; each level needs those before it.
    memories : list of Instance
        Macros and memories that were left out.
    nets : int
        More than the highest net.
    known : dict of str
        Name of nets that the design gives one.
    """

    def __init__(self, module: Mapping, library: Library, macros: Sequence[Macro]):
        ports = module["ports"]
        self.library = library
        self.ports = {name: [_net(bit) for bit in port["bits"]] for name, port in ports.items()}
        self.inputs = [name for name, port in ports.items() if port["direction"] == "input"]
        self.outputs = [name for name, port in ports.items() if port["direction"] == "output"]
        kinds: dict[str, list] = {}
        for name, cell in module["cells"].items():
            kinds.setdefault(cell["type"], []).append((name, cell["connections"]))
        by_name = {macro.name: macro for macro in macros}
        cells = {kind: found for kind, found in kinds.items() if kind in library.cells}
        self.memories = [
            Instance(name, PARTS.index(part_of(name)), by_name.get(kind), _pins(pins))
            for kind, found in kinds.items()
            if kind not in library.cells
            for name, pins in found
        ]
        groups = [_group(library.cells[kind], found) for kind, found in cells.items()]
        self.registers = [group for group in groups if group.cell.clock]
        self.gating = [group for group in groups if group.cell.gate]
        plain = [group for group in groups if not group.cell.clock and not group.cell.gate]
        highest = [1, *(net for nets in self.ports.values() for net in nets)]
        highest += [int(nets.max()) for g in groups for nets in g.outputs.values()]
        highest += [net for m in self.memories for nets in m.pins.values() for net in nets]
        self.nets = 1 + max(highest)
        self.levels = _levels(plain, self.nets)
        self.known = {
            _net(bit): f"{name}[{place}]" if len(bits) > 1 else name
            for name, bits in reversed(module["netnames"].items())
            for place, bit in enumerate(bits)
        }

    @property
    def clock(self) -> int:
        """Net of the clock."""
        return self.ports[CLOCK][0]

    def groups(self) -> list[Group]:
        """All cells."""
        return [*self.registers, *self.gating, *(g for level in self.levels for g in level)]

    def loads(self, wire: float) -> np.ndarray:
        """Farads on each net: of the pins that it drives, and ``wire`` for each of them."""
        load = np.zeros(self.nets)
        for group in self.groups():
            for pin, nets in group.inputs.items():
                np.add.at(load, nets, group.cell.inputs[pin] + wire)
        for memory in self.memories:
            for role, _, nets in memory_pins(memory):
                np.add.at(load, np.array(nets), memory.macro.farads[role] + wire)
        return load


def memory_pins(memory: Instance):
    """Role, port and nets of each input pin of a macro; none of a memory that was left out."""
    if memory.macro is None:
        return
    for port in memory.macro.ports:
        for role in memory.macro.farads:
            if role != "DOUT" and port + role in memory.pins:
                yield role, port, memory.pins[port + role]


def _net(bit) -> int:
    return int(bit == "1") if isinstance(bit, str) else bit


def _pins(connections: Mapping) -> dict[str, list[int]]:
    return {pin: [_net(bit) for bit in bits] for pin, bits in connections.items()}


def _group(cell: LibraryCell, found: list) -> Group:
    names = [name for name, _ in found]

    def nets(pin: str) -> np.ndarray:
        return np.array([_net(pins[pin][0]) if pins.get(pin) else 0 for _, pins in found])

    used = {pin for _, pins in found for pin in pins}
    return Group(
        cell,
        names,
        np.array([PARTS.index(part_of(name)) for name in names]),
        {pin: nets(pin) for pin in cell.inputs},
        {pin: nets(pin) for pin in cell.outputs if pin in used},
    )


def _levels(groups: list[Group], nets: int) -> list[list[Group]]:
    """The groups divided so that each level needs only nets of those before it."""
    driver = np.full(nets, -1)
    starts = np.cumsum([0, *map(len, groups)])
    for first, group in zip(starts, groups, strict=False):
        for outputs in group.outputs.values():
            driver[outputs] = first + np.arange(len(group))
    driver[:2] = -1
    level = _longest(*_wires(groups, starts, driver), int(starts[-1]))
    found = []
    for number in range(int(level.max(initial=-1)) + 1):
        each = []
        for first, group in zip(starts, groups, strict=False):
            which = np.flatnonzero(level[first : first + len(group)] == number)
            if len(which):
                each.append(group.some(which))
        found.append(each)
    return found


def _wires(groups: list[Group], starts, driver: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From which cell to which there is a wire."""
    sources, targets = [np.zeros(0, int)], [np.zeros(0, int)]
    for first, group in zip(starts, groups, strict=False):
        for net in group.inputs.values():
            driven = np.flatnonzero(driver[net] >= 0)
            sources.append(driver[net[driven]])
            targets.append(first + driven)
    return np.concatenate(sources), np.concatenate(targets)


def _longest(sources: np.ndarray, targets: np.ndarray, cells: int) -> np.ndarray:
    """How many cells stand before each on the longest way to it."""
    targets = targets[np.argsort(sources, kind="stable")]
    counts = np.bincount(sources, minlength=cells)
    starts = np.cumsum(counts) - counts
    missing = np.bincount(targets, minlength=cells)
    level, number = np.full(cells, -1), 0
    ready = np.flatnonzero(missing == 0)
    while len(ready):
        level[ready] = number
        number += 1
        many = counts[ready]
        # Places in `targets` of all that the cells drive.
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        driven, times = np.unique(
            targets[np.repeat(starts[ready], many) + within], return_counts=True
        )
        missing[driven] -= times
        ready = driven[missing[driven] == 0]
    if (level < 0).any():
        raise NetworkError("the mapped gates form a loop")
    return level
