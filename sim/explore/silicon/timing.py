"""Static timing of a mapped machine: loads, arrivals, slews, and the longest path."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sim.explore.multipliers.liberty import Arc, Library, Lookup
from sim.explore.silicon.gates import CLOCK, Gates, Group, memory_pins
from sim.explore.silicon.parts import PARTS, path_of

__all__ = ["Path", "Timing", "interpolate"]

RISE, FALL = 0, 1

_FROM = {
    "positive_unate": ((RISE,), (FALL,)),
    "negative_unate": ((FALL,), (RISE,)),
}
"""Edges of an input that make an output rise, and that make it fall."""

_START_SLEW = 1
"""Which of a table's slews, from the smallest, the clock and the inputs have."""


def interpolate(table: Lookup, slew: np.ndarray, load: np.ndarray) -> np.ndarray:
    """``table`` at many slews and loads; beyond its edges the edge counts."""
    row, across = _places(table.slews, slew)
    column, along = _places(table.loads, load)
    below = np.minimum(row + 1, len(table.slews) - 1)
    right = np.minimum(column + 1, len(table.loads) - 1)
    values = table.values
    top = values[row, column] * (1 - along) + values[row, right] * along
    bottom = values[below, column] * (1 - along) + values[below, right] * along
    return top * (1 - across) + bottom * across


def _places(points: tuple[float, ...], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(points) == 1:
        return np.zeros(len(at), int), np.zeros(len(at))
    axis = np.array(points)
    at = np.clip(at, axis[0], axis[-1])
    index = np.clip(np.searchsorted(axis, at, side="right") - 1, 0, len(axis) - 2)
    return index, (at - axis[index]) / (axis[index + 1] - axis[index])


@dataclass(frozen=True)
class Path:
    """A path between registers.

    Members
    -------
    seconds : float
        From a clock edge to the time by which the next must come.
    start, end : str
        What it begins and ends in.
    parts : dict of float
        Seconds in each part of the machine, in the order in which the path enters them.
    gates : int
        Cells on it.
    """

    seconds: float
    start: str
    end: str
    parts: Mapping[str, float]
    gates: int


class Timing:
    """Arrivals at every net, from one clock edge on that reaches all registers at once.

    Parameters
    ----------
    gates : Gates
        The machine.
    library : Library
        The cells at the corner that is asked about; those of ``gates`` by name.
    macros : dict of Macro
        Memories at that corner, by name.
    wire : float
        Farads of wiring for each pin on a net.

    Members
    -------
    loads : array
        Farads on each net.
    arrivals, slews : array [2, nets]
        Seconds, of rising and falling edges.
    """

    def __init__(self, gates: Gates, library: Library, macros: Mapping, wire: float):
        self.gates, self.library, self.macros = gates, library, macros
        self.loads = gates.loads(wire)
        self.start_slew = self._start_slew()
        self.arrivals = np.zeros((2, gates.nets))
        self.slews = np.full((2, gates.nets), self.start_slew)
        self._before = np.full((2, gates.nets), -1)
        self._driver: dict[int, str] = {}
        self._launch()
        for level in gates.levels:
            for group in level:
                self._pass(group)

    def _start_slew(self) -> float:
        arcs = [arc for cell in self.library.cells.values() for arc in cell.arcs.values()]
        slews = arcs[0].delay[0].slews
        return slews[min(_START_SLEW, len(slews) - 1)]

    def _launch(self):
        """Outputs of registers and memories."""
        for group in self.gates.registers:
            cell = self.library.cells[group.cell.name]
            for output, nets in group.outputs.items():
                arc = cell.arcs.get((cell.clock, output))
                slew, load = np.full(len(nets), self.start_slew), self.loads[nets]
                for edge in (RISE, FALL) if arc else ():
                    self.arrivals[edge, nets] = interpolate(_of(arc.delay, edge), slew, load)
                    self.slews[edge, nets] = interpolate(_of(arc.transition, edge), slew, load)
        for memory in self.gates.memories:
            if memory.macro is None:
                continue
            macro = self.macros[memory.macro.name]
            for port in macro.ports:
                nets = np.array(memory.pins.get(f"{port}DOUT", []), int)
                slew = np.full(len(nets), self.start_slew)
                for edge in (RISE, FALL) if macro.access else ():
                    late = interpolate(_of(macro.access, edge), slew, self.loads[nets])
                    self.arrivals[edge, nets] = late

    def arcs(self, group: Group) -> Iterator[tuple[str, str, Arc]]:
        """Input pin, output pin and arc of all that a kind of gate has."""
        cell = self.library.cells[group.cell.name]
        for output in group.outputs:
            for pin in group.inputs:
                arc = cell.arcs.get((pin, output))
                if arc is not None:
                    yield pin, output, arc

    def _pass(self, group: Group):
        """Arrivals behind gates of one kind and level."""
        late: dict[tuple[str, int], list] = {}
        for pin, output, arc in self.arcs(group):
            source, nets = group.inputs[pin], group.outputs[output]
            load = self.loads[nets]
            for edge in (RISE, FALL):
                for came in _FROM.get(arc.sense, ((RISE, FALL),) * 2)[edge]:
                    slew = self.slews[came, source]
                    when = self.arrivals[came, source]
                    when = when + interpolate(_of(arc.delay, edge), slew, load)
                    sharp = interpolate(_of(arc.transition, edge), slew, load)
                    late.setdefault((output, edge), []).append((when, sharp, source * 2 + came))
        for (output, edge), found in late.items():
            nets = group.outputs[output]
            when, sharp, source = (np.stack(each) for each in zip(*found, strict=True))
            last, every = when.argmax(axis=0), np.arange(len(nets))
            self.arrivals[edge, nets] = when[last, every]
            self.slews[edge, nets] = sharp.max(axis=0)
            self._before[edge, nets] = source[last, every]

    def longest(self) -> Path:
        """The path that decides about the clock.

        It ends in a register, a clock gate, a memory or an output, and counts what these need
        before the clock edge.
        """
        best = (-1.0, 0, 0, "")
        for late, edge, net, name in self._ends():
            if late > best[0]:
                best = (late, edge, net, name)
        seconds, edge, net, name = best
        return self._trace(seconds, edge, net, name)

    def _ends(self) -> Iterator[tuple[float, int, int, str]]:
        groups = [(group, group.cell.clock) for group in self.gates.registers]
        groups += [(group, group.cell.gate[0]) for group in self.gates.gating]
        for group, clock in groups:
            setup = self.library.cells[group.cell.name].setup
            for pin, nets in group.inputs.items():
                if pin != clock and len(nets):
                    found = self.arrivals[:, nets]
                    place = int(found.max(axis=0).argmax())
                    edge = int(found[:, place].argmax())
                    late = float(found[edge, place]) + setup.get(pin, 0.0)
                    yield late, edge, int(nets[place]), self._end(group, place)
        for memory in self.gates.memories:
            for role, _, nets in memory_pins(memory):
                if role == "CLK":
                    continue
                setup = self.macros[memory.macro.name].setup.get(role, 0.0)
                for net in nets:
                    edge = int(self.arrivals[:, net].argmax())
                    late = float(self.arrivals[edge, net]) + setup
                    yield late, edge, net, f"memory {memory.name}"
        for name in self.gates.outputs:
            for net in self.gates.ports[name]:
                edge = int(self.arrivals[:, net].argmax())
                yield float(self.arrivals[edge, net]), edge, net, f"port {name}"

    def _end(self, group: Group, place: int) -> str:
        if group.cell.gate:
            return f"clock gate in {path_of(group.names[place])}"
        output = next(iter(group.outputs.values()))
        return self._register(group.names[place], int(output[place]))

    def _register(self, name: str, net: int) -> str:
        return f"register {self.gates.known.get(net, path_of(name))}"

    def _trace(self, seconds: float, edge: int, net: int, end: str) -> Path:
        """The path that ends so, back to its start."""
        owners = self._owners()
        steps, came = [], net * 2 + edge
        while came >= 0:
            steps.append((came // 2, self.arrivals[came % 2, came // 2]))
            came = int(self._before[came % 2, came // 2])
        steps.reverse()
        parts: dict[str, float] = {}
        moment = 0.0
        for each, arrival in steps:
            part = owners.get(each, "")
            parts[part] = parts.get(part, 0.0) + float(arrival) - moment
            moment = float(arrival)
        first = steps[0][0]
        return Path(seconds, self._start(first), end, parts, len(steps))

    def _owners(self) -> dict[int, str]:
        owners = {}
        for group in self.gates.groups():
            for nets in group.outputs.values():
                owners.update(zip(nets.tolist(), (PARTS[k] for k in group.parts), strict=True))
        for memory in self.gates.memories:
            for nets in memory.pins.values():
                for net in nets:
                    owners.setdefault(net, PARTS[memory.part])
        return owners

    def _start(self, net: int) -> str:
        for name in self.gates.inputs:
            if net in self.gates.ports[name] and name != CLOCK:
                return f"port {name}"
        for memory in self.gates.memories:
            if any(net in nets for pin, nets in memory.pins.items() if pin.endswith("DOUT")):
                return f"memory {memory.name}"
        return f"register {self.gates.known.get(net, net)}"


def _of(tables: tuple[Lookup, ...], edge: int) -> Lookup:
    """The table of an edge; where there is one, it is of both."""
    return tables[min(edge, len(tables) - 1)]
