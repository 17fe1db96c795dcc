"""Standard cells as a Liberty file describes them: functions, area, delay and energy."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sim.networks.network import NetworkError

__all__ = [
    "Arc",
    "Group",
    "Library",
    "LibraryCell",
    "Lookup",
    "Units",
    "parse_function",
    "parse_liberty",
    "read_liberty",
    "read_library",
    "setup_time",
]

_TOKEN = re.compile(r'"[^"]*"|[{}();:,]|[^\s{}();:,"]+')
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_TIME = {"1ps": 1e-12, "10ps": 1e-11, "100ps": 1e-10, "1ns": 1e-9}
_FARAD = {"ff": 1e-15, "pf": 1e-12}
_WATT = {"mw": 1e-3, "uw": 1e-6, "nw": 1e-9, "pw": 1e-12}


@dataclass
class Group:
    """A group statement: its kind, its arguments, and what is in it."""

    kind: str
    arguments: list[str]
    attributes: dict[str, list[str]] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    def all(self, kind: str) -> list["Group"]:
        """Groups of a kind inside this one."""
        return [group for group in self.groups if group.kind == kind]

    def get(self, name: str, default: str = "") -> str:
        """First value of an attribute."""
        return self.attributes.get(name, [default])[0]


@dataclass(frozen=True)
class Lookup:
    """A table of energy or time over input transition time (seconds) and output load (farads)."""

    slews: tuple[float, ...]
    loads: tuple[float, ...]
    values: np.ndarray

    def __call__(self, slew: float, load: float) -> float:
        """Bilinear interpolation; beyond the table its edge counts."""
        row, across = _place(self.slews, slew)
        column, along = _place(self.loads, load)
        block = self.values[row : row + 2, column : column + 2]
        down = np.array([1 - across, across])[: block.shape[0]]
        right = np.array([1 - along, along])[: block.shape[1]]
        return float(down @ block @ right)


def _place(points: tuple[float, ...], at: float) -> tuple[int, float]:
    if len(points) == 1:
        return 0, 0.0
    at = min(max(at, points[0]), points[-1])
    index = min(int(np.searchsorted(points, at, side="right")) - 1, len(points) - 2)
    return index, (at - points[index]) / (points[index + 1] - points[index])


@dataclass(frozen=True)
class Arc:
    """From one input pin to one output pin; seconds and joules, rise and fall of the output.

    ``sense`` is ``positive_unate`` where the output rises only with the input, ``negative_unate``
    where it falls, and ``non_unate`` where it depends on other pins or is not said.
    """

    delay: tuple[Lookup, ...]
    transition: tuple[Lookup, ...]
    energy: tuple[Lookup, ...]
    sense: str = "non_unate"


@dataclass(frozen=True)
class LibraryCell:
    """One cell.

    Members
    -------
    area : float
        In the library's unit.
    inputs : dict of float
        Capacitance of each input pin, farads.
    outputs : dict of function
        From packed values of the input pins (and of the state) by name to those of an output.
    arcs : dict
        By (input pin, output pin).
    passive : dict
        Energy of a transition of an input pin that changes no output: rise and fall.
    clock, state, next_state : str, str, function
        Of a flip-flop: its clock pin, the name of its state, and what that becomes.
    setup : dict of float
        Seconds that an input must be stable before the clock edge, a third into its table.
    leakage : float
        Watts.
    gate : tuple of str
        Of a cell that gates a clock: its clock, enable and output pin.
    """

    name: str
    area: float
    inputs: dict[str, float]
    outputs: dict[str, Callable]
    arcs: dict[tuple[str, str], Arc]
    passive: dict[str, tuple[Lookup, ...]]
    clock: str = ""
    state: tuple[str, str] = ("", "")
    next_state: Callable | None = None
    setup: Mapping[str, float] = field(default_factory=dict)
    leakage: float = 0.0
    gate: tuple[str, ...] = ()

    @property
    def is_buffer(self) -> bool:
        """The output is the one input."""
        if self.clock or self.gate or len(self.inputs) != 1:
            return False
        bits = np.array([0x55], np.uint8)
        return all(
            (each({pin: bits for pin in self.inputs}) == bits).all()
            for each in self.outputs.values()
        )


@dataclass(frozen=True)
class Library:
    """Cells by name, the supply in volts, and the temperature in degrees Celsius."""

    name: str
    voltage: float
    cells: Mapping[str, LibraryCell]
    temperature: float = 25.0


def read_liberty(path: Path) -> Library:
    """The cells of a Liberty file.

    Raises
    ------
    NetworkError
        The file cannot be read or is no library.
    """
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise NetworkError(
            f"{path} must be a Liberty file of a cell library, and it cannot be read: "
            f"{error.strerror} (Debian's package qflow-tech-osu018 brings one, osu018_stdcells.lib)"
        ) from None
    return read_library(path, text)


def read_library(path: Path, text: str) -> Library:
    """The cells of the text of a Liberty file, which ``path`` names in refusals.

    Raises
    ------
    NetworkError
        It is no library, or has no cell that can be used.
    """
    root = parse_liberty(text)
    if root is None or root.kind != "library":
        raise NetworkError(f"{path} is not a Liberty file")
    units = Units(root)
    cells = {}
    for group in root.all("cell"):
        cell = _cell(group, units)
        if cell is not None:
            cells[cell.name] = cell
    if not cells:
        raise NetworkError(f"{path} holds no cells that can be used")
    name = root.arguments[0] if root.arguments else path.stem
    return Library(name=name, voltage=units.voltage, cells=cells, temperature=units.temperature)


def parse_liberty(text: str) -> Group | None:
    """The first group of a Liberty text, or None where there is none."""
    text = _COMMENT.sub(" ", text).replace("\\\n", " ").replace("\\\r\n", " ")
    tokens = _TOKEN.findall(text)
    top = Group("", [])
    stack, at = [top], 0
    while at < len(tokens) and stack:
        token = tokens[at]
        if token == "}":
            stack.pop()
            at += 1
        elif at + 1 < len(tokens) and tokens[at + 1] == ":":
            end = at + 2
            value = tokens[end].strip('"') if end < len(tokens) else ""
            stack[-1].attributes[token] = [value]
            at = end + 1
        elif at + 1 < len(tokens) and tokens[at + 1] == "(":
            end = at + 2
            while end < len(tokens) and tokens[end] != ")":
                end += 1
            arguments = [part.strip('"') for part in tokens[at + 2 : end] if part != ","]
            at = end + 1
            if at < len(tokens) and tokens[at] == "{":
                group = Group(token, arguments)
                stack[-1].groups.append(group)
                stack.append(group)
                at += 1
            else:
                stack[-1].attributes[token] = arguments
        else:
            at += 1
    return top.groups[0] if top.groups else None


def _numbers(text: str) -> list[float]:
    return [float(part) for part in re.split(r"[\s,]+", text.strip()) if part]


class Units:
    """Units and table templates of a library."""

    def __init__(self, root: Group):
        self.time = _TIME.get(root.get("time_unit", "1ns").replace(" ", ""), 1e-9)
        scale, unit = [*root.attributes.get("capacitive_load_unit", ["1", "pf"]), "pf"][:2]
        self.farad = float(scale) * _FARAD.get(unit.lower(), 1e-12)
        conditions = root.all("operating_conditions")
        nominal = root.get("nom_voltage", "1.0")
        self.voltage = float(conditions[0].get("voltage", nominal) if conditions else nominal)
        nominal = root.get("nom_temperature", "25")
        found = conditions[0].get("temperature", nominal) if conditions else nominal
        self.temperature = float(found)
        power = re.match(r"([\d.]*)\s*(\w+)", root.get("leakage_power_unit", "1nW"))
        self.watt = float(power[1] or 1) * _WATT.get(power[2].lower(), 1e-9) if power else 1e-9
        # Liberty: capacitance times voltage squared.
        self.joule = self.farad
        self.templates = {
            group.arguments[0]: group
            for kind in ("lu_table_template", "power_lut_template")
            for group in root.all(kind)
        }

    def lookup(self, group: Group, unit: float) -> Lookup:
        """A table of any of the forms that there are, as slew by load."""
        values = np.array([_numbers(row) for row in group.attributes["values"]])
        name = group.arguments[0] if group.arguments else "scalar"
        template = self.templates.get(name, Group("", []))
        axes = []
        for number in (1, 2):
            variable = template.get(f"variable_{number}")
            text = group.get(f"index_{number}") or template.get(f"index_{number}")
            if variable and text:
                axes.append((variable, _axis(group, template, number)))
        values = values.reshape([len(points) for _, points in axes] or [1, 1])
        slews, loads = (0.0,), (0.0,)
        for variable, points in axes:
            if "transition" in variable:
                slews = tuple(point * self.time for point in points)
            else:
                loads = tuple(point * self.farad for point in points)
        if len(axes) == 2 and "transition" not in axes[0][0]:
            values = values.T
        return Lookup(slews, loads, values.reshape(len(slews), len(loads)) * unit)


def _axis(group: Group, template: Group, number: int) -> list[float]:
    name = f"index_{number}"
    found = group.attributes.get(name) or template.attributes[name]
    return _numbers(" ".join(found))


def _cell(group: Group, units: Units) -> LibraryCell | None:
    """A combinational cell, a plain flip-flop or a clock gate; None for anything else."""
    pins = {pin.arguments[0]: pin for pin in group.all("pin")}
    flip_flop = group.all("ff")
    gate = _gate_pins(group, pins)
    latch = group.all("latch") and not gate
    if latch or any(pin.get("three_state") for pin in pins.values()):
        return None
    directions = {name: pin.get("direction") for name, pin in pins.items()}
    inputs = {
        name: float(pin.get("capacitance", "0")) * units.farad
        for name, pin in pins.items()
        if directions[name] == "input"
    }
    outputs, arcs = {}, {}
    for name, pin in pins.items():
        function = pin.get("function") or (pin.get("state_function") if gate else "")
        if directions[name] != "output" or not function:
            continue
        outputs[name] = parse_function(function)
        arcs.update(_arcs(name, pin, units))
    if not outputs:
        return None
    passive = {name: _energy(pins[name], units) for name in inputs}
    extra = {"gate": gate}
    if flip_flop:
        state = tuple([*flip_flop[0].arguments, "", ""][:2])
        extra |= {
            "clock": re.sub(r"[^\w\[\]]", "", flip_flop[0].get("clocked_on")),
            "state": state,
            "next_state": parse_function(flip_flop[0].get("next_state")),
        }
    if flip_flop or gate:
        extra["setup"] = {name: setup_time(pins[name], units) for name in inputs}
    extra["leakage"] = float(group.get("cell_leakage_power", "0") or 0) * units.watt
    area = float(group.get("area", "0"))
    return LibraryCell(group.arguments[0], area, inputs, outputs, arcs, passive, **extra)


def _gate_pins(group: Group, pins: Mapping[str, Group]) -> tuple[str, ...]:
    """Clock, enable and output of a cell that lets clock pulses pass; nothing for any other."""
    if not group.get("clock_gating_integrated_cell").startswith("latch_posedge"):
        return ()
    roles = ("clock_gate_clock_pin", "clock_gate_enable_pin", "clock_gate_out_pin")
    found = [[name for name, pin in pins.items() if pin.get(role) == "true"] for role in roles]
    return tuple(names[0] for names in found) if all(found) else ()


def setup_time(pin: Group, units: Units) -> float:
    """Seconds before the clock edge, a third into the tables; 0 where there are none."""
    found = [0.0]
    for timing in pin.all("timing"):
        if timing.get("timing_type").startswith("setup"):
            for table in timing.groups:
                values = _numbers(" ".join(table.attributes.get("values", [])))
                found += [values[len(values) // 3] * units.time] if values else []
    return max(found)


def _arcs(output: str, pin: Group, units: Units) -> dict[tuple[str, str], Arc]:
    found = {}
    powers = pin.all("internal_power")
    for timing in pin.all("timing"):
        tables = {
            g.kind: units.lookup(g, units.time) for g in timing.groups if "values" in g.attributes
        }
        delay = tuple(tables[k] for k in ("cell_rise", "cell_fall") if k in tables)
        transition = tuple(tables[k] for k in ("rise_transition", "fall_transition") if k in tables)
        for source in timing.get("related_pin").split():
            related = [p for p in powers if source in p.get("related_pin").split()]
            energy = tuple(t for p in related[:1] or powers[:1] for t in _tables(p, units))
            sense = timing.get("timing_sense", "non_unate")
            if not delay:
                continue
            if (source, output) not in found:
                found[source, output] = Arc(delay, transition, energy, sense)
            elif found[source, output].sense != sense:
                # What it does depends on other pins.
                found[source, output] = replace(found[source, output], sense="non_unate")
    return found


def _tables(power: Group, units: Units) -> tuple[Lookup, ...]:
    return tuple(
        units.lookup(group, units.joule)
        for group in power.groups
        if group.kind in ("rise_power", "fall_power", "power")
    )


def _energy(pin: Group, units: Units) -> tuple[Lookup, ...]:
    powers = pin.all("internal_power")
    return _tables(powers[0], units) if powers else ()


def parse_function(text: str) -> Callable[..., np.ndarray]:
    """A Boolean expression of Liberty as a function of packed values by pin name."""
    tokens = re.findall(r"[\w\[\]]+|[()!'&*|+^]", text)
    code, position = _either(tokens, 0)
    if position != len(tokens):
        raise NetworkError(f"the Liberty function {text} cannot be read")
    return code


def _either(tokens, at):
    left, at = _exclusive(tokens, at)
    while at < len(tokens) and tokens[at] in "|+":
        right, at = _exclusive(tokens, at + 1)
        left = (lambda a, b: lambda pins: a(pins) | b(pins))(left, right)
    return left, at


def _exclusive(tokens, at):
    left, at = _both(tokens, at)
    while at < len(tokens) and tokens[at] == "^":
        right, at = _both(tokens, at + 1)
        left = (lambda a, b: lambda pins: a(pins) ^ b(pins))(left, right)
    return left, at


def _both(tokens, at):
    left, at = _factor(tokens, at)
    # Two factors side by side are a product too.
    while at < len(tokens) and tokens[at] not in ")|+^":
        right, at = _factor(tokens, at + (tokens[at] in "&*"))
        left = (lambda a, b: lambda pins: a(pins) & b(pins))(left, right)
    return left, at


def _factor(tokens, at):
    token = tokens[at]
    if token == "!":
        inner, at = _factor(tokens, at + 1)
        return (lambda pins: ~inner(pins)), at
    if token == "(":
        found, at = _either(tokens, at + 1)
        at += 1
    else:
        found, at = _literal(token), at + 1
    while at < len(tokens) and tokens[at] == "'":
        found = (lambda inner: lambda pins: ~inner(pins))(found)
        at += 1
    return found, at


def _literal(token):
    if token in "01":
        return lambda pins: np.full_like(next(iter(pins.values())), 255 * int(token))
    return lambda pins: pins[token]
