"""A mapped machine simulated gate by gate, behind the ports of a simulated machine."""

import ctypes
import functools
import hashlib
from pathlib import Path

import numpy as np

from boards.cache import default_cache, publish
from sim.explore.multipliers.liberty import LibraryCell
from sim.explore.silicon.gates import Gates, Group, Instance
from sim.explore.silicon.timing import Timing, interpolate
from sim.networks.network import NetworkError
from sim.rtl.memory_model import MemoryModel
from sim.rtl.programs import Programs
from sim.rtl.simulator import RtlSimulator, load_library

__all__ = ["GateSimulator", "Tally"]

_TICK = 5e-12
"""Seconds of a tick, the unit of delays."""

_LONGEST = (1 << 13) - 1
"""Ticks of the longest delay."""

_PINS = 6
"""Inputs that a gate may have."""

_HERE = Path(__file__).parent
_SOURCE = _HERE / "gates.cpp"
_LOOP = _HERE.parent.parent / "rtl"
_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-gnu-unique", "-w")
_MEMORY_BYTES = 1 << 27

_ROLES = ("MEN", "WEN", "REN", "ADDR", "DIN", "BM", "DOUT")


class _Netlist(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64 if kind == "n" else ctypes.c_void_p)
        for name, kind in (
            *(("nets", "n"), ("gates", "n"), ("gate_inputs", "p"), ("gate_tables", "p")),
            *(("gate_outputs", "p"), ("gate_delays", "p")),
            *(("registers", "n"), ("register_inputs", "p"), ("register_tables", "p")),
            *(("register_outputs", "p"), ("register_delays", "p")),
            *(("gating", "n"), ("clock_starts", "p"), ("gating_enables", "p")),
            *(("memories", "n"), ("memory_shapes", "p"), ("pins", "p"), ("port_starts", "p")),
            *(("port_nets", "p"), ("transitions", "p"), ("needed", "p"), ("pulses", "p")),
            *(("accesses", "p"), ("seed", "n")),
        )
    )


class Tally:
    """What has been counted since power-on.

    Members
    -------
    transitions, needed : array of nets
        Transitions, and those that are left where each net changes at most once a cycle.
    pulses : array
        Clock pulses behind each clock gate, and last of the clock itself.
    accesses : array
        Reads and writes of each port of each macro, and clashes, in the order of the memories.
    """

    def __init__(self, nets: int, gating: int, accesses: int):
        self.transitions, self.needed = (np.zeros(nets, np.uint64) for _ in range(2))
        self.pulses = np.zeros(gating + 1, np.uint64)
        self.accesses = np.zeros(max(accesses, 1), np.uint64)

    def copy(self) -> "Tally":
        """The counts as they are now, as signed integers."""
        other = Tally(0, 0, 0)
        for name, counts in vars(self).items():
            setattr(other, name, counts.astype(np.int64))
        return other

    def less(self, other: "Tally") -> "Tally":
        """What was counted since ``other`` was copied; both are copies."""
        found = Tally(0, 0, 0)
        for name, counts in vars(self).items():
            setattr(found, name, counts - getattr(other, name))
        return found


class GateSimulator(RtlSimulator):
    """The gates of a mapped machine, in reset once and then ready; a Transport.

    Parameters
    ----------
    timing : Timing
        The gates, at the corner whose delays are simulated.
    memory : MemoryModel
        How the DRAM behaves.
    seed : int
        What registers wake up as depends on it.

    Members
    -------
    tally : Tally
        What has been counted; it goes on counting.

    Raises
    ------
    NetworkError
        The netlist holds what cannot be simulated.
    ToolError
        The C++ compiler is missing.
    """

    chunk = 500

    def __init__(self, timing: Timing, memory: MemoryModel | None = None, seed: int = 1):
        gates = timing.gates
        left_out = [each.name for each in gates.memories if each.macro is None]
        if left_out:
            raise NetworkError(
                f"a machine whose memories were left out cannot be simulated; name the folder of "
                f"macros with --memories ({len(left_out)} memories, {left_out[0]} among them)"
            )
        self.memory_base, self.memory_size = 0, _MEMORY_BYTES
        self.register_timeout = 10_000
        width = len(gates.ports["m_axi_rdata"])
        self._trace, self._bench = None, None
        self._library = load_library(_compiled(width // 8))
        self._arrays: list[np.ndarray] = []
        self._netlist = self._describe(timing, seed)
        self._library.refrain_netlist.argtypes = [ctypes.POINTER(_Netlist)]
        self._library.refrain_netlist(self._netlist)
        self.restart(memory or MemoryModel())

    def restart(self, memory: MemoryModel):
        """Start again from power-on with another memory model; the memory's bytes are zero."""
        self._library.refrain_netlist(self._netlist)
        super().restart(memory)

    def _describe(self, timing: Timing, seed: int) -> _Netlist:
        gates = timing.gates
        fields = _gate_arrays(timing) | _register_arrays(timing) | _memory_arrays(timing)
        fields |= self._port_arrays(gates)
        accesses = sum(2 * len(each.macro.ports) + 1 for each in gates.memories)
        self.tally = Tally(gates.nets, fields["gating"], accesses)
        fields |= {name: array for name, array in vars(self.tally).items()}
        fields |= {"nets": gates.nets, "seed": seed}
        described = _Netlist()
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                value = np.ascontiguousarray(value)
                self._arrays.append(value)
                value = value.ctypes.data
            setattr(described, name, value)
        return described

    def _port_arrays(self, gates: Gates) -> dict:
        self._library.refrain_port.restype = ctypes.c_char_p
        self._library.refrain_port.argtypes = [ctypes.c_uint64]
        starts, nets, place = [], [], 0
        while name := self._library.refrain_port(place):
            name, place = name.decode(), place + 1
            starts += [len(nets), int(name in gates.inputs)]
            nets += gates.ports.get(name, [])
        return {
            "port_starts": np.array([*starts, len(nets)], np.uint64),
            "port_nets": np.array(nets, np.uint32),
        }


@functools.cache
def _compiled(bus_bytes: int) -> Path:
    """The loop of gates for a width of the bus, compiled unless that has been done before."""
    sources = [_SOURCE, *(_LOOP / name for name in ("shim.cpp", "memory.h", "referee.h"))]
    with Programs() as programs:
        version = programs.run(["g++", "--version"], "g++ --version")
        content = hashlib.sha256(f"{version} {_FLAGS} {bus_bytes}".encode())
        for source in sources:
            content.update(source.read_bytes())
        target = default_cache() / f"gates-{content.hexdigest()[:24]}"

        def make(folder: Path):
            command = ["g++", *_FLAGS, f"-DBUS_BYTES={bus_bytes}", f"-I{_LOOP}", _SOURCE]
            programs.run([*command, "-o", folder / "gates.so"], "g++ on the gates' simulator")

        publish(make, target, "compiled simulators")
    return target / "gates.so"


def _table(function, pins: list[str], more: dict | None = None) -> int:
    """Truth table of a function of at most six pins, the first of the lowest weight."""
    places = np.arange(64)
    values = {
        pin: np.packbits((places >> k & 1).astype(np.uint8), bitorder="little")
        for k, pin in enumerate(pins)
    }
    values |= more or {}
    values.setdefault("", np.zeros(8, np.uint8))
    return int.from_bytes(function(values).tobytes(), "little")


def _inputs(cell: LibraryCell) -> list[str]:
    pins = [pin for pin in cell.inputs if pin != cell.clock]
    if len(pins) > _PINS:
        raise NetworkError(
            f"cell {cell.name} has {len(pins)} inputs; cells of at most {_PINS} are simulated"
        )
    return pins


def _columns(group: Group, pins: list[str]) -> np.ndarray:
    found = np.zeros((len(group), _PINS), np.uint32)
    for place, pin in enumerate(pins):
        found[:, place] = group.inputs[pin]
    return found


def _ticks(seconds: np.ndarray) -> np.ndarray:
    return np.clip(np.round(seconds / _TICK), 1, _LONGEST).astype(np.uint16)


def _gate_arrays(timing: Timing) -> dict:
    inputs, tables, outputs, delays = [], [], [], []
    slews = timing.slews.mean(axis=0)
    for level in timing.gates.levels:
        for group in level:
            pins = _inputs(group.cell)
            for output, nets in group.outputs.items():
                late = np.ones((len(group), _PINS), np.uint16)
                for place, pin in enumerate(pins):
                    arc = timing.library.cells[group.cell.name].arcs.get((pin, output))
                    if arc is not None:
                        given = slews[group.inputs[pin]], timing.loads[nets]
                        late[:, place] = _ticks(
                            np.mean([interpolate(table, *given) for table in arc.delay], axis=0)
                        )
                table = _table(group.cell.outputs[output], pins)
                inputs.append(_columns(group, pins))
                tables.append(np.full(len(group), table, np.uint64))
                outputs.append(nets.astype(np.uint32))
                delays.append(late)
    return {
        "gates": sum(map(len, inputs)),
        "gate_inputs": np.concatenate(inputs),
        "gate_tables": np.concatenate(tables),
        "gate_outputs": np.concatenate(outputs),
        "gate_delays": np.concatenate(delays),
    }


def _register_arrays(timing: Timing) -> dict:
    gates = timing.gates
    outs = [group.outputs[group.cell.gate[2]] for group in gates.gating]
    enables = [group.inputs[group.cell.gate[1]] for group in gates.gating]
    clocks = np.zeros(gates.nets, np.uint32)
    for place, net in enumerate(np.concatenate(outs) if outs else []):
        clocks[net] = place + 1
    inputs, tables, outputs, delays, gated = [], [], [], [], []
    for group in gates.registers:
        cell = group.cell
        pins = _inputs(cell)
        inputs.append(_columns(group, pins))
        tables.append(np.full(len(group), _table(cell.next_state, pins), np.uint64))
        gated.append(clocks[group.inputs[cell.clock]])
        sides, late = np.zeros((len(group), 2), np.uint32), np.zeros(len(group))
        for output, nets in group.outputs.items():
            sides[:, int(_is_inverted(cell, output))] = nets
            late = np.maximum(late, timing.arrivals[:, nets].mean(axis=0))
        outputs.append(sides)
        delays.append(_ticks(late))
    clock = np.concatenate(gated)
    order = np.argsort(clock, kind="stable")
    gating = sum(map(len, enables))
    return {
        "registers": len(order),
        "register_inputs": np.concatenate(inputs)[order],
        "register_tables": np.concatenate(tables)[order],
        "register_outputs": np.concatenate(outputs)[order],
        "register_delays": np.concatenate(delays)[order],
        "gating": gating,
        "clock_starts": np.searchsorted(clock[order], np.arange(gating + 2)).astype(np.uint64),
        "gating_enables": np.concatenate([*enables, []]).astype(np.uint32),
    }


def _is_inverted(cell: LibraryCell, output: str) -> bool:
    low, high = (np.array([value], np.uint8) for value in (0, 255))
    return bool(cell.outputs[output]({cell.state[0]: high, cell.state[1]: low})[0] == 0)


def _memory_arrays(timing: Timing) -> dict:
    shapes, pins, counted = [], [], 0
    for memory in timing.gates.memories:
        macro = memory.macro
        out = memory.pins.get(f"{macro.ports[-1]}DOUT", [])
        late = timing.arrivals[:, out].mean() if out else 0.0
        shapes.append(
            [
                *(macro.words, macro.bits, macro.address, len(macro.ports), int(macro.masked)),
                *(len(pins), int(_ticks(np.array([late]))[0]), counted),
            ]
        )
        counted += 2 * len(macro.ports) + 1
        for port in macro.ports:
            pins += _port_pins(memory, port)
    return {
        "memories": len(shapes),
        "memory_shapes": np.array(shapes, np.uint64),
        "pins": np.array(pins, np.uint32),
    }


def _port_pins(memory: Instance, port: str) -> list[int]:
    """Nets of a port in a fixed order; 0 where a pin is not connected."""
    macro = memory.macro
    widths = {"ADDR": macro.address, "DIN": macro.bits, "BM": macro.bits, "DOUT": macro.bits}
    found: list[int] = []
    for role in _ROLES:
        if role == "BM" and not macro.masked:
            continue
        width = widths.get(role, 1)
        nets = [*memory.pins.get(port + role, []), *[0] * width][:width]
        found += nets
    return found
