"""SRAM macros as their Liberty files describe them: sizes, areas, energies and delays."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.explore.multipliers.liberty import (
    Group,
    Library,
    Lookup,
    Units,
    parse_function,
    parse_liberty,
    setup_time,
)
from sim.networks.network import NetworkError

__all__ = ["ROLES", "Macro", "read_macros"]

ROLES = ("CLK", "ADDR", "DIN", "DOUT", "MEN", "WEN", "REN")
"""What the pins of a port are called, behind the port's prefix such as ``A_``: clock, address,
data in and out, enable of the port, of writing and of reading. ``BM``, a mask of bits that are
written, may be missing."""

_READ = {"MEN": 1, "REN": 1, "WEN": 0}
_WRITE = {"MEN": 1, "REN": 0, "WEN": 1}
_IDLE = {"MEN": 0, "REN": 0, "WEN": 0}


@dataclass(frozen=True)
class Macro:
    """One SRAM macro; joules, farads, seconds, watts.

    Members
    -------
    words, bits : int
        Depth and width.
    ports : tuple of str
        Prefixes of its ports, each of which can read or write in a cycle.
    area, leakage : float
        Area in the library's unit, and power that it always takes.
    read, write, idle : float
        Energy of one port in a clock cycle.
    farads : dict of float
        Capacitance of a pin, by role.
    toggles : dict of float
        Energy inside of a transition of a pin, by role.
    access : tuple of Lookup
        From the clock edge to the data, rise and fall.
    setup : dict of float
        Seconds that a pin must be stable before the clock edge, by role.
    masked : bool
        Whether it can write some bits of a word.
    low : dict of int
        Width of every other input, by name; they are tied low.
    """

    name: str
    words: int
    bits: int
    ports: tuple[str, ...]
    area: float
    leakage: float
    read: float
    write: float
    idle: float
    farads: Mapping[str, float]
    toggles: Mapping[str, float]
    access: tuple[Lookup, ...]
    setup: Mapping[str, float]
    masked: bool
    low: Mapping[str, int]

    @property
    def address(self) -> int:
        """Bits of an address."""
        return (self.words - 1).bit_length()


def read_macros(folder: Path, library: Library) -> list[Macro]:
    """The macros of a folder at the corner of a cell library, smallest first.

    Files of other corners (supply or temperature) and files without a memory are passed over.

    Raises
    ------
    NetworkError
        The folder cannot be read, holds no macro at that corner, or one whose pins are unknown.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".lib")
        texts = {path: path.read_text(errors="replace") for path in paths}
    except OSError as error:
        raise NetworkError(
            f"{folder} must be a folder of Liberty files of memories, and it cannot be read: "
            f"{error.strerror}"
        ) from None
    found = {}
    for path, text in texts.items():
        root = parse_liberty(text) if re.search(r"\bmemory\s*\(\s*\)", text) else None
        if root is None or root.kind != "library":
            continue
        units = Units(root)
        if (units.voltage, units.temperature) != (library.voltage, library.temperature):
            continue
        for group in root.all("cell"):
            if group.all("memory"):
                macro = _macro(path, group, units)
                found[macro.name] = macro
    if not found:
        raise NetworkError(
            f"{folder} holds no memory at {library.voltage:g} V and {library.temperature:g} "
            f"degrees, the corner of {library.name}: name a folder of Liberty files whose cells "
            f"have a memory group"
        )
    return sorted(found.values(), key=lambda macro: (macro.area, macro.name))


def _macro(path: Path, group: Group, units: Units) -> Macro:
    name, about = group.arguments[0], group.all("memory")[0]
    words = 1 << int(about.get("address_width", "0"))
    bits = int(about.get("word_width", "0"))
    named = re.search(r"(\d+)x(\d+)", name)
    if named and int(named[2]) == bits:
        # An address may have more values than there are words.
        words = min(words, int(named[1]))
    pins = {each.arguments[0]: each for kind in ("pin", "bus") for each in group.all(kind)}
    clocks = [pin for pin in pins if pin.endswith("CLK")]
    ports = [pin[: -len("CLK")] for pin in clocks if "BIST" not in pin]
    for port in ports:
        for role in ROLES:
            if port + role not in pins:
                raise NetworkError(
                    f"{path}: memory {name} has no pin {port + role}; a port must have the pins "
                    f"{', '.join(ROLES)} behind its prefix, and may have BM"
                )
    if not ports or bits < 1:
        raise NetworkError(f"{path}: memory {name} has no port, or words of no bits")
    first, roles = ports[0], [*ROLES, "BM"]
    used = {port + role for port in ports for role in roles}
    widths = {"ADDR": int(about.get("address_width", "0"))} | dict.fromkeys(("DIN", "BM"), bits)
    inputs = [pin for pin, each in pins.items() if each.get("direction") == "input"]
    own = {role: pins[first + role] for role in roles if first + role in pins}
    clock, leakage = own["CLK"], group.get("cell_leakage_power", "0")
    return Macro(
        name=name,
        words=words,
        bits=bits,
        ports=tuple(ports),
        area=float(group.get("area", "0")),
        leakage=float(leakage) * units.watt,
        read=_cycle(clock, first, _READ, units),
        write=_cycle(clock, first, _WRITE, units),
        idle=_cycle(clock, first, _IDLE, units),
        farads={role: _farad(pin, units) for role, pin in own.items()},
        toggles={role: _toggle(pin, units) for role, pin in own.items()},
        access=_access(own["DOUT"], units),
        setup={role: _setup(pin, units) for role, pin in own.items()},
        masked="BM" in own,
        low={pin: widths.get(pin.split("_")[-1], 1) for pin in inputs if pin not in used},
    )


def _farad(pin: Group, units: Units) -> float:
    return float(pin.get("capacitance", "0")) * units.farad


def _powers(pin: Group) -> list[Group]:
    """Energies of a pin, or of the pins of a bus."""
    return [power for each in (pin, *pin.all("pin")) for power in each.all("internal_power")]


def _joules(power: Group, units: Units) -> float:
    """Of a rise and a fall."""
    tables = [g for g in power.groups if g.kind in ("rise_power", "fall_power")]
    return sum(units.lookup(table, units.joule)(0.0, 0.0) for table in tables)


def _cycle(clock: Group, port: str, state: Mapping[str, int], units: Units) -> float:
    """Energy of a clock cycle in which a port's enables are as ``state`` says."""
    pins = {port + role: np.array([255 * bit], np.uint8) for role, bit in state.items()}
    for power in _powers(clock):
        when = power.get("when")
        names = set(re.findall(r"\w+", when))
        if names <= set(pins) and (not when or parse_function(when)(pins)[0]):
            return _joules(power, units)
    return 0.0


def _toggle(pin: Group, units: Units) -> float:
    """Energy of a transition: of a rise and a fall the mean, over all conditions."""
    found = [_joules(power, units) / 2 for power in _powers(pin)]
    return sum(found) / len(found) if found else 0.0


def _access(pin: Group, units: Units) -> tuple[Lookup, ...]:
    for each in (pin, *pin.all("pin")):
        for timing in each.all("timing"):
            tables = {group.kind: group for group in timing.groups}
            if "cell_rise" in tables and "cell_fall" in tables:
                return tuple(
                    units.lookup(tables[kind], units.time) for kind in ("cell_rise", "cell_fall")
                )
    return ()


def _setup(pin: Group, units: Units) -> float:
    return max(setup_time(each, units) for each in (pin, *pin.all("pin")))
