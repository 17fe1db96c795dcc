"""Delay and switching energy of a mapped netlist, every transition counted.

All vectors are simulated at once. The value of a net is a waveform: packed bits of all vectors, for
each of some hundred moments of a clock cycle. Going through the gates in order, a gate's output is
its function of its inputs, each delayed by what the library says for that pin; then pulses shorter
than the gate's own delay are removed, and the transitions that are left are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.explore.multipliers.liberty import Library, LibraryCell
from sim.explore.multipliers.netlist import Cell, Netlist

__all__ = ["Switching", "Timing", "cell_function", "settle", "timing", "without_pulses"]

WIRE_FARAD = 1e-15
"""Capacitance of wiring that each pin on a net adds: an assumption, there is no layout."""

START_SLEW_SHARE = 0.5
"""Where in the first table's transition times the slew of inputs and clock is taken."""

_MOMENTS = 384
_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


@dataclass(frozen=True)
class Timing:
    """Loads (farads), arrivals and slews (seconds) of nets, and the delay of every pin."""

    loads: Mapping[int, float]
    arrivals: Mapping[int, float]
    slews: Mapping[int, float]
    delays: Mapping[tuple[str, str, str], float]

    @property
    def longest(self) -> float:
        """Seconds from the clock edge to the last arrival."""
        return max(self.arrivals.values())


def cell_function(library: Library):
    """How ``Netlist.evaluate`` computes a cell of ``library``."""

    def compute(cell: Cell, pins: Mapping[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
        values = {pin: bits[0] for pin, bits in pins.items()}
        functions = library.cells[cell.type].outputs
        return {pin: [functions[pin](values)] for pin in cell.outputs}

    return compute


def timing(netlist: Netlist, library: Library) -> Timing:
    """Latest arrival of each net from one clock edge on; all inputs change with it."""
    loads: dict[int, float] = {}
    for cell in [*netlist.cells, *netlist.states]:
        for pin, (net,) in cell.inputs.items():
            farad = library.cells[cell.type].inputs[pin] + WIRE_FARAD
            loads[net] = loads.get(net, 0.0) + farad
    slew = _start_slew(library)
    arrivals = {0: 0.0, 1: 0.0, **dict.fromkeys(netlist.given(), 0.0)}
    slews = dict.fromkeys(arrivals, slew)
    delays = {}
    for cell in [*netlist.states, *netlist.cells]:
        known = library.cells[cell.type]
        for output, (net,) in cell.outputs.items():
            load = loads.get(net, 0.0)
            latest, slowest = 0.0, 0.0
            for pin, (source,) in cell.inputs.items():
                arc = known.arcs.get((pin, output))
                if arc is None:
                    continue
                given = slew if known.clock else slews[source]
                delay = float(np.mean([table(given, load) for table in arc.delay]))
                delays[cell.name, pin, output] = max(delay, 0.0)
                begin = 0.0 if known.clock else arrivals[source]
                latest = max(latest, begin + max(table(given, load) for table in arc.delay))
                slowest = max(slowest, *(table(given, load) for table in arc.transition))
            arrivals[net], slews[net] = latest, slowest
    return Timing(loads, arrivals, slews, delays)


def _start_slew(library: Library) -> float:
    cell = next(cell for cell in library.cells.values() if cell.arcs)
    slews = next(iter(cell.arcs.values())).delay[0].slews
    return slews[int(START_SLEW_SHARE * (len(slews) - 1)) // 2]


def settle(
    netlist: Netlist, library: Library, cycles: list[Mapping[int, np.ndarray]]
) -> list[dict[int, np.ndarray]]:
    """Packed values of all nets at the end of each cycle, from those of the inputs."""
    function = cell_function(library)
    some = next(iter(cycles[0].values()))
    state = {net: np.zeros_like(some) for net in netlist.given()}
    settled = []
    for inputs in cycles:
        values = netlist.evaluate({**state, **inputs}, function)
        settled.append(values)
        for cell in netlist.states:
            known = library.cells[cell.type]
            pins = {pin: values[net] for pin, (net,) in cell.inputs.items()}
            kept = known.next_state(pins)
            named = {known.state[0]: kept, known.state[1]: ~kept}
            for pin, (net,) in cell.outputs.items():
                state[net] = known.outputs[pin](named)
    return settled


class Switching:
    """Counts energy over batches of clock cycles.

    Parameters
    ----------
    netlist : Netlist
        Mapped to cells of the library.
    library : Library
        The cells.
    times : Timing
        Of the netlist.

    Members
    -------
    cycles : int
        Clock cycles so far.
    combinational, registers : float
        Joules in gates and in flip-flops, whose clock pins and inputs count.
    transitions, needed : int
        Transitions of gates' outputs, and those that the settled values need.
    """

    def __init__(self, netlist: Netlist, library: Library, times: Timing):
        self._netlist, self._library, self._times = netlist, library, times
        self._step = 1.1 * times.longest / _MOMENTS
        self._square = library.voltage**2
        self.cycles = self.transitions = self.needed = 0
        self.combinational = self.registers = 0.0

    def add(self, before: Mapping[int, np.ndarray], after: Mapping[int, np.ndarray], count: int):
        """Simulate ``count`` cycles: nets settled to ``before``, then a clock edge, ``after``."""
        netlist, waves = self._netlist, {}
        for net in (0, 1, *netlist.given()):
            waves[net] = np.repeat(after[net][None], _MOMENTS, axis=0)
            begin = round(self._times.arrivals[net] / self._step) + 1
            waves[net][: min(begin, _MOMENTS - 1)] = before[net]
        uses = _uses(netlist)
        for cell in netlist.cells:
            self._add_gate(cell, waves, before, after)
            for (net,) in cell.inputs.values():
                uses[net] -= 1
                if not uses[net] and net > 1:
                    del waves[net]
        for cell in netlist.states:
            self._add_register(cell, waves, before, after, count)
        self.cycles += count

    def _add_gate(self, cell: Cell, waves, before, after):
        known = self._library.cells[cell.type]
        for output, (net,) in cell.outputs.items():
            waves[net] = self._wave(cell, known, output, waves, before[net])
            changes = _count(waves[net])
            self.transitions += changes
            self.needed += _toggles(before, after, net)
            self.combinational += changes * self._per_change(cell, known, output, net)
        for pin, (net,) in cell.inputs.items():
            self.combinational += _count(waves[net]) * self._passive(known, pin, net)

    def _add_register(self, cell: Cell, waves, before, after, count: int):
        known = self._library.cells[cell.type]
        for output, (net,) in cell.outputs.items():
            each = self._per_change(cell, known, output, net)
            self.registers += _toggles(before, after, net) * each
        for pin, (net,) in cell.inputs.items():
            if pin == known.clock:
                # The clock rises and falls once a cycle.
                each = 2 * self._passive(known, pin, net) + known.inputs[pin] * self._square
                self.registers += count * each
                continue
            self.registers += _count(waves[net]) * self._passive(known, pin, net)
            if net in self._netlist.given():
                load = known.inputs[pin] + WIRE_FARAD
                self.registers += _toggles(before, after, net) * 0.5 * load * self._square

    def _wave(self, cell: Cell, known: LibraryCell, output: str, waves, old) -> np.ndarray:
        """A gate's output from its inputs' waveforms."""
        delayed, delays = {}, []
        for pin, (net,) in cell.inputs.items():
            delay = self._times.delays.get((cell.name, pin, output), 0.0) / self._step
            delays.append(round(delay))
            delayed[pin] = _shift(waves[net], round(delay))
        if not delayed:
            return np.repeat(old[None], _MOMENTS, axis=0)
        wave = known.outputs[output](delayed)
        wave[0] = old
        return without_pulses(wave, min(delays))

    def _per_change(self, cell: Cell, known: LibraryCell, output: str, net: int) -> float:
        """Energy of one transition of an output: of its load, and inside the cell."""
        load = self._times.loads.get(net, 0.0)
        inside = []
        for pin, (source,) in cell.inputs.items():
            arc = known.arcs.get((pin, output))
            if arc is not None and arc.energy:
                slew = self._times.slews[source]
                inside.append(np.mean([table(slew, load) for table in arc.energy]))
        return float(np.mean(inside) if inside else 0.0) + 0.5 * load * self._square

    def _passive(self, known: LibraryCell, pin: str, net: int) -> float:
        """Energy inside a cell of one transition of an input."""
        tables = known.passive.get(pin, ())
        slew = self._times.slews[net]
        return float(np.mean([table(slew, 0.0) for table in tables])) if tables else 0.0


def _uses(netlist: Netlist) -> dict[int, int]:
    """How many pins read a net."""
    uses: dict[int, int] = {}
    for cell in [*netlist.cells, *netlist.states]:
        for (net,) in cell.inputs.values():
            uses[net] = uses.get(net, 0) + 1
    return uses


def _shift(wave: np.ndarray, by: int) -> np.ndarray:
    if not by:
        return wave
    moved = np.empty_like(wave)
    moved[by:] = wave[:-by]
    moved[:by] = wave[0]
    return moved


def without_pulses(wave: np.ndarray, length: int) -> np.ndarray:
    """The waveform without pulses, high or low, that are shorter than ``length`` moments."""
    if length < 2:
        return wave
    # What stands at the end goes on standing.
    wave = np.concatenate([wave, np.repeat(wave[-1:], length, axis=0)])
    wave = _widest(_narrowest(wave, length), length)
    return ~_widest(_narrowest(~wave, length), length)[:-length]


def _narrowest(wave: np.ndarray, length: int) -> np.ndarray:
    """AND of each moment and the ``length - 1`` before it."""
    found, have = wave, 1
    while have < length:
        by = min(have, length - have)
        found, have = found & _shift(found, by), have + by
    return found


def _widest(wave: np.ndarray, length: int) -> np.ndarray:
    """OR of each moment and the ``length - 1`` behind it."""
    found, have = wave, 1
    while have < length:
        by = min(have, length - have)
        later = np.empty_like(found)
        later[:-by] = found[by:]
        later[-by:] = found[-1]
        found, have = found | later, have + by
    return found


def _count(wave: np.ndarray) -> int:
    return int(_ONES[wave[1:] ^ wave[:-1]].sum())


def _toggles(before: Mapping, after: Mapping, net: int) -> int:
    return int(_ONES[before[net] ^ after[net]].sum())
