"""Joules of a mapped machine, from the transitions of its nets."""

from collections.abc import Mapping

import numpy as np

from sim.explore.multipliers.liberty import LibraryCell
from sim.explore.silicon.gates import Gates, Group, memory_pins
from sim.explore.silicon.parts import PARTS
from sim.explore.silicon.simulating import Tally
from sim.explore.silicon.timing import Timing, interpolate

__all__ = ["KINDS", "Energy", "leakage"]

KINDS = ("gates", "registers", "clock", "memory")
"""What a part's energy is told apart by: gates with their wires, flip-flops, the clock network with
the clock pins of flip-flops, and macros."""

SINKS = 16
"""Pins that a buffer of the clock tree drives: an assumption, there is no layout."""


def leakage(gates: Gates) -> np.ndarray:
    """Watts of each part."""
    found = np.zeros(len(PARTS))
    for group in gates.groups():
        np.add.at(found, group.parts, group.cell.leakage)
    for memory in gates.memories:
        if memory.macro is not None:
            found[memory.part] += memory.macro.leakage
    return found


class Energy:
    """What a transition of each net, a clock pulse and an access cost.

    Parameters
    ----------
    timing : Timing
        The gates, at the corner whose energies are counted.
    wire : float
        Farads of wiring for each pin on a net.
    """

    def __init__(self, timing: Timing, wire: float):
        self._timing, self._wire = timing, wire
        self._gates = gates = timing.gates
        self._square = timing.library.voltage**2
        self._slews = timing.slews.mean(axis=0)
        # By net: joules of a transition in its driver and load, of which part, and which kind.
        self._joules = np.zeros(gates.nets)
        self._part = np.full(gates.nets, PARTS.index("bus"))
        self._kind = np.full(gates.nets, KINDS.index("gates"))
        self._clocked = self._clock_nets()
        for group in gates.groups():
            if not group.cell.gate:
                self._drivers(group)
        self._inputs()
        self._memory_outputs()
        self._joules[self._clocked] = 0.0
        self._tree = self._trees()

    def _clock_nets(self) -> np.ndarray:
        """The clock, and behind it the outputs of clock gates."""
        nets = [group.outputs[group.cell.gate[2]] for group in self._gates.gating]
        return np.concatenate([[self._gates.clock], *nets]).astype(int)

    def _drivers(self, group: Group):
        """What a transition of an output costs in the cell and in its load."""
        for output, nets in group.outputs.items():
            load, inside = self._timing.loads[nets], []
            for pin, source in group.inputs.items():
                arc = group.cell.arcs.get((pin, output))
                if arc is None or not arc.energy:
                    continue
                if group.cell.clock and pin != group.cell.clock:
                    continue
                slew = self._slews[source]
                inside.append(
                    np.mean([interpolate(table, slew, load) for table in arc.energy], axis=0)
                )
            own = np.mean(inside, axis=0) if inside else 0.0
            self._joules[nets] = own + 0.5 * load * self._square
            self._part[nets] = group.parts
            self._kind[nets] = KINDS.index("registers" if group.cell.clock else "gates")

    def _inputs(self):
        """Ports: whoever is outside pays for what is inside a driver, and the machine for loads."""
        for name in self._gates.inputs:
            nets = np.array(self._gates.ports[name], int)
            self._joules[nets] = 0.5 * self._timing.loads[nets] * self._square

    def _memory_outputs(self):
        for memory in self._gates.memories:
            for pin, nets in memory.pins.items():
                if memory.macro is not None and pin.endswith("DOUT"):
                    own = np.array([net for net in nets if net > 1], int)
                    self._joules[own] = 0.5 * self._timing.loads[own] * self._square
                    self._part[own] = memory.part
                    self._kind[own] = KINDS.index("memory")

    def _passive(self, cell: LibraryCell, pin: str, nets: np.ndarray) -> np.ndarray:
        """Joules inside of a transition of an input that moves no output, the mean."""
        tables = cell.passive.get(pin, ())
        slew = np.full(len(nets), self._timing.start_slew)
        if not tables:
            return np.zeros(len(nets))
        return np.mean([interpolate(table, slew, np.zeros(len(nets))) for table in tables], axis=0)

    def _trees(self) -> np.ndarray:
        """Joules of a clock pulse in the buffers before one pin of each clock net."""
        gates = self._gates
        sinks = np.zeros(gates.nets)
        for group in (*gates.registers, *gates.gating):
            pin = group.cell.clock or group.cell.gate[0]
            np.add.at(sinks, group.inputs[pin], 1)
        for memory in gates.memories:
            for role, _, nets in memory_pins(memory):
                if role == "CLK":
                    sinks[nets] += 1
        buffer = self._buffer()
        each = np.zeros(gates.nets)
        for net in self._clocked:
            count, buffers = int(sinks[net]), 0
            while count > SINKS:
                count = -(-count // SINKS)
                buffers += count
            if sinks[net]:
                each[net] = buffers * buffer / sinks[net]
        return each

    def _buffer(self) -> float:
        """Joules of a clock pulse in a buffer of the tree: its input, its wire, and inside."""
        buffers = [cell for cell in self._gates.library.cells.values() if cell.is_buffer]
        buffers.sort(key=lambda cell: (cell.area, cell.name))
        cell = buffers[len(buffers) // 2]
        (pin, farad), (arc, *_) = next(iter(cell.inputs.items())), cell.arcs.values()
        slew = np.array([self._timing.start_slew])
        load = np.array([SINKS * (farad + self._wire)])
        inside = sum(float(interpolate(table, slew, load)[0]) for table in arc.energy)
        return inside + (cell.inputs[pin] + self._wire) * self._square

    def count(self, tally: Tally) -> np.ndarray:
        """Joules of what was counted, by part and kind ``[PARTS, KINDS]``.

        Parameters
        ----------
        tally : Tally
            A copy, or a difference of two.
        """
        found = np.zeros((len(PARTS), len(KINDS)))
        np.add.at(found, (self._part, self._kind), tally.transitions * self._joules)
        self._count_registers(tally, found)
        self._count_gating(tally, found)
        self._count_memories(tally, found)
        return found

    def _pulses(self, tally: Tally) -> np.ndarray:
        """Clock pulses of each net."""
        pulses = np.zeros(self._gates.nets)
        pulses[self._clocked[0]] = tally.pulses[-1]
        pulses[self._clocked[1:]] = tally.pulses[:-1]
        return pulses

    def _count_registers(self, tally: Tally, found: np.ndarray):
        """Inputs and clock pins of flip-flops; a pulse is two transitions."""
        pulses = self._pulses(tally)
        for group in self._gates.registers:
            for pin, nets in group.inputs.items():
                own = self._passive(group.cell, pin, nets)
                if pin != group.cell.clock:
                    energy = tally.transitions[nets] * own
                    np.add.at(found, (group.parts, KINDS.index("registers")), energy)
                    continue
                farad = group.cell.inputs[pin] + self._wire
                energy = pulses[nets] * (2 * own + farad * self._square + self._tree[nets])
                np.add.at(found, (group.parts, KINDS.index("clock")), energy)

    def _count_gating(self, tally: Tally, found: np.ndarray):
        """Clock gates: their clock pin in every cycle, their enables, and what passes."""
        pulses = self._pulses(tally)
        for group in self._gates.gating:
            clock, _, output = group.cell.gate
            out = group.outputs[output]
            arc = group.cell.arcs.get((clock, output))
            slew = np.full(len(group), self._timing.start_slew)
            load = self._timing.loads[out]
            inside = sum(interpolate(table, slew, load) for table in arc.energy) if arc else 0.0
            energy = pulses[out] * inside
            for pin, nets in group.inputs.items():
                own = self._passive(group.cell, pin, nets)
                if pin == clock:
                    farad = group.cell.inputs[pin] + self._wire
                    given = farad * self._square + self._tree[nets]
                    # Where the pulse passes, what it costs inside is counted above.
                    energy = energy + pulses[nets] * given + (pulses[nets] - pulses[out]) * 2 * own
                else:
                    energy = energy + tally.transitions[nets] * own
            np.add.at(found, (group.parts, KINDS.index("clock")), energy)

    def _count_memories(self, tally: Tally, found: np.ndarray):
        place, memory_kind, clock_kind = 0, KINDS.index("memory"), KINDS.index("clock")
        for memory in self._gates.memories:
            macro = memory.macro
            for _ in macro.ports:
                reads, writes = tally.accesses[place : place + 2]
                idle = max(tally.pulses[-1] - reads - writes, 0)
                energy = reads * macro.read + writes * macro.write + idle * macro.idle
                found[memory.part, memory_kind] += energy
                place += 2
            place += 1
            for role, _, nets in memory_pins(memory):
                if role == "CLK":
                    farad = macro.farads[role] + self._wire
                    each = farad * self._square + self._tree[nets[0]]
                    found[memory.part, clock_kind] += tally.pulses[-1] * each
                else:
                    moved = tally.transitions[list(nets)].sum()
                    found[memory.part, memory_kind] += moved * macro.toggles[role]

    def clashes(self, tally: Tally) -> int:
        """How often a word was read in the cycle in which it was written."""
        place, total = 0, 0
        for memory in self._gates.memories:
            place += 2 * len(memory.macro.ports)
            total += int(tally.accesses[place])
            place += 1
        return total

    def glitches(self, tally: Tally) -> Mapping[str, float]:
        """Share of transitions that the settled values do not need, and of their energy."""
        extra = tally.transitions - tally.needed
        spent = (tally.transitions * self._joules).sum()
        return {
            "glitch_share": float(extra.sum() / max(tally.transitions.sum(), 1)),
            "glitch_energy_share": float((extra * self._joules).sum() / max(spent, 1e-30)),
        }
