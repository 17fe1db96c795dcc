"""The data sheet of a package: one page of HTML that needs nothing beside it."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from hw.config import SETTINGS
from hw.modes import Mode
from hw.registers import (
    COUNTER_BASE,
    COUNTER_DOCS,
    MODE_COUNTER_BASE,
    MODE_COUNTER_DOCS,
    MODE_COUNTER_STRIDE,
    REGISTERS,
    Error,
    bits_of,
    reset_values,
)
from sim.explore.machine_values import values_of
from sim.explore.packaging.facts import Facts, filled
from sim.explore.packaging.inventory import Inventory, inventory_of
from sim.explore.packaging.speed import STEPS, Speed, speeds
from sim.explore.packaging.waves import DIAGRAMS, diagram

__all__ = ["datasheet"]

Row = Sequence[object]


def datasheet(facts: Facts) -> str:
    """The page."""
    held = inventory_of(facts.design, facts.top)
    measured = speeds(facts.config)
    parts = {
        "figures": _key_figures(facts, held, measured[0]),
        "configuration": _configuration(facts),
        "ports": _ports(facts),
        "diagrams": "\n".join(_diagrams()),
        "registers": _registers(facts),
        "fields": _fields(),
        "errors": _table(("code", "name", "meaning"), ((int(e), e.name, e.doc) for e in Error)),
        "counters": _counters(),
        "mode_counters": _mode_counters(),
        "speed": _speed(facts, measured),
        "steps": str(STEPS),
        "units": str(measured[0].units),
        "memories": _memories(held),
        "register_bits": f"{held.registers:,}",
        "memory_bits": f"{held.memory_bits:,}",
        "lanes": str(facts.config.lanes),
        "burst_beats": str(facts.config.burst_beats),
        "bursts": str(facts.config.bursts_in_flight),
        "max_input": str(facts.config.max_input),
        "max_hidden": str(facts.config.max_hidden),
        "watchdog": f"{reset_values(facts.config)['watchdog']:,}",
        "resets": " and ".join(f"<code>{name}</code>" for name in facts.resets),
    }
    return filled("doc/datasheet.html", facts, **parts)


_SHORT = 12
"""Rows of a table that is printed on one page; longer ones repeat their head on each."""


def _table(
    head: Row, rows: Iterable[Row], *, code: Sequence[int] = (0,), numbers: Sequence[int] = ()
) -> str:
    """A table; cells of the columns ``code`` are names, and ``numbers`` stand at the right."""

    def cell(column: int, value: object) -> str:
        # Truth as configuration files have it.
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        text = escape(plain.replace("`", ""))
        inner = f"<code>{text}</code>" if column in code and text else text
        kind = ' class="number"' if column in numbers else ""
        return f"<td{kind}>{inner}</td>"

    names = "".join(f"<th>{escape(str(name))}</th>" for name in head)
    lines = [f"<tr>{''.join(cell(*pair) for pair in enumerate(row))}</tr>" for row in rows]
    short = ' class="short"' if len(lines) <= _SHORT else ""
    table = [f"<table{short}>", f"<thead><tr>{names}</tr></thead>", *lines, "</table>"]
    return "\n".join(['<div class="wide">', *table, "</div>"])


def _key_figures(facts: Facts, held: Inventory, normal: Speed) -> str:
    config = facts.config
    peak = 2 * config.lanes * config.clock_mhz / 1000
    rows = [
        ("multiply-accumulates a cycle", config.lanes),
        (f"peak at {config.clock_mhz:g} MHz", f"{peak:g} GOPS"),
        ("largest layer", f"{config.max_input} inputs, {config.max_hidden} hidden units"),
        ("resident weights", f"{config.weight_words * config.column_bytes:,} bytes"),
        ("memory bus", f"AXI4, {config.bus_width} bits"),
        (
            f"a step of {normal.units} inputs and units, dense",
            f"{normal.cycles / config.clock_mhz:.1f} µs",
        ),
        ("memories", f"{held.memory_bits / 1024:,.0f} Kibit"),
    ]
    return _table(("property", "value"), rows, code=())


def _configuration(facts: Facts) -> str:
    values = values_of(facts.config)
    rows = [(key, values[key], each.unit, each.meaning) for key, each in SETTINGS.items()]
    return _table(("field", "value", "unit", "meaning"), rows, code=(0, 1))


_MEANINGS = {
    "aclk": "clock; every register takes its rising edge",
    "aresetn": "reset of the accelerator, active low, synchronous",
    "m_axi_aresetn": "reset of the memory's side, active low, synchronous",
    "interrupt": "level, high while an enabled bit of the register interrupt is set",
}
_CHANNELS = {
    "aw": "write address",
    "w": "write data",
    "b": "write response",
    "ar": "read address",
    "r": "read data",
}


_BUSES = {"s": "registers, AXI4-Lite", "m": "memory, AXI4"}


def _bus_signal(name: str) -> tuple[str, str, str]:
    """Bus, channel and signal of a port of a bus."""
    bus, _, signal = name.partition("_axi_")
    channel = next(c for c in ("aw", "ar", "w", "b", "r") if signal.startswith(c))
    return bus, channel, signal.removeprefix(channel)


def _meaning(name: str) -> str:
    if name in _MEANINGS:
        return _MEANINGS[name]
    bus, channel, signal = _bus_signal(name)
    return f"{_BUSES[bus]}: {_CHANNELS[channel]}, {signal}"


def _place(name: str) -> tuple[int, ...]:
    """Where a port stands: ports of no bus first, then channel after channel."""
    if name in _MEANINGS:
        return (0, list(_MEANINGS).index(name))
    bus, channel, signal = _bus_signal(name)
    handshake = ("valid", "ready").index(signal) + 1 if signal in ("valid", "ready") else 0
    return (1 + list(_BUSES).index(bus), list(_CHANNELS).index(channel), handshake)


def _ports(facts: Facts) -> str:
    ports = sorted(facts.ports, key=lambda port: _place(port.name))
    rows = [(p.name, p.direction, p.width, _meaning(p.name)) for p in ports]
    return _table(("port", "direction", "bits", "meaning"), rows, numbers=(2,))


def _diagrams() -> Iterator[str]:
    for title, signals in DIAGRAMS.items():
        alt = escape(f"Timing diagram: {title}")
        yield f'<figure><img alt="{alt}" src="{diagram(signals)}">'
        yield f"<figcaption>{escape(title)}.</figcaption></figure>"


def _registers(facts: Facts) -> str:
    resets = reset_values(facts.config)
    rows = [
        (f"0x{r.addr:03X}", r.name, r.access, f"0x{resets.get(r.name, 0):08X}", r.doc)
        for r in REGISTERS.values()
    ]
    return _table(("address", "register", "access", "after reset", "meaning"), rows, code=(0, 1, 3))


def _fields() -> str:
    rows = []
    for name in REGISTERS:
        for bits in bits_of(name):
            high = bits.lsb + bits.width - 1
            place = str(high) if bits.width == 1 else f"{high}:{bits.lsb}"
            if bits.width < 32:
                rows.append((name, place, bits.name, bits.doc))
    return _table(("register", "bits", "field", "meaning"), rows, code=(0, 2))


def _counters() -> str:
    rows = [
        (f"0x{COUNTER_BASE + 8 * k:03X}", name, doc)
        for k, (name, doc) in enumerate(COUNTER_DOCS.items())
    ]
    return _table(("address", "counter", "counts"), rows, code=(0, 1))


def _mode_counters() -> str:
    rows = []
    for k, (name, doc) in enumerate(MODE_COUNTER_DOCS.items()):
        places = (MODE_COUNTER_BASE + MODE_COUNTER_STRIDE * mode + 8 * k for mode in Mode)
        rows.append((*(f"0x{place:03X}" for place in places), name, doc))
    modes = [mode.name.lower() for mode in Mode]
    return _table((*modes, "counter", "counts"), rows, code=tuple(range(len(modes) + 1)))


def _speed(facts: Facts, measured: Sequence[Speed]) -> str:
    rows = []
    for each in measured:
        what = (
            "every column" if each.mode == "normal" else f"{_share(each.moved)} of the inputs move"
        )
        microseconds = each.cycles / facts.config.clock_mhz
        rows.append(
            (each.mode, what, f"{each.cycles:,.0f}", f"{microseconds:.1f}", _share(each.avoided))
        )
    head = ("mode", "inputs", "cycles a step", "µs a step", "MACs left out")
    return _table(head, rows, code=(), numbers=(2, 3, 4))


def _share(part: float) -> str:
    return f"{100 * part:.0f} %"


def _memories(held: Inventory) -> str:
    rows = [
        (memory.module, memory.depth, memory.width, count, f"{memory.bits * count:,}")
        for memory, count in sorted(held.memories.items(), key=lambda item: -item[0].bits * item[1])
    ]
    head = ("module", "words", "bits of a word", "how many", "bits in all")
    return _table(head, rows, numbers=(1, 2, 3, 4))
