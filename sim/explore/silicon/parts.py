"""Parts of the machine, by where an instance stands in its hierarchy."""

import re

__all__ = ["PARTS", "part_of", "path_of"]

_ENGINE = "machine.core.engine."

_PLACES = (
    ("lanes", f"{_ENGINE}array"),
    ("accumulators", f"{_ENGINE}sums"),
    ("weight memory", f"{_ENGINE}bank"),
    ("weight fetch", f"{_ENGINE}fetcher"),
    ("weight fetch", f"{_ENGINE}requester"),
    ("event lists", f"{_ENGINE}x_list"),
    ("event lists", f"{_ENGINE}h_list"),
    ("event lists", f"{_ENGINE}x_events"),
    ("event lists", f"{_ENGINE}h_events"),
    ("replay", f"{_ENGINE}replayer"),
    ("replay", f"{_ENGINE}operands"),
    ("similarity", f"{_ENGINE}chooser"),
    # Verilog knows the word ``cell``.
    ("cell unit", f"{_ENGINE}cell_"),
    ("cell unit", f"{_ENGINE}cell"),
    ("cell unit", f"{_ENGINE}feeder"),
    ("cell unit", f"{_ENGINE}store"),
    ("output", f"{_ENGINE}packer"),
    ("output", f"{_ENGINE}units"),
    ("sequencer", "machine.core.sequencer"),
    ("sequencer", "machine.core.decoder"),
    ("sequencer", "machine.core.stopper"),
    ("bus", "machine.core.reader"),
    ("bus", "machine.core.writer"),
    ("bus", "machine.core.watchdog"),
    ("bus", "machine.slave"),
    ("registers and counters", "machine.registers"),
    ("registers and counters", "machine.counters"),
    ("registers and counters", "machine.steps"),
    # What stands between the parts above: wires and a few registers.
    ("connections", ""),
)

PARTS = tuple(dict.fromkeys(part for part, _ in _PLACES))
"""All of them, in the order in which data pass through the machine."""


def path_of(name: str) -> str:
    """Path of the instance that a cell of a flat netlist of Yosys belongs to, and its own name.

    ``$flatten\\machine.\\core.$abc$1`` belongs to ``machine.core``, and is not told apart from its
    neighbours.
    """
    return re.sub(r"\.?\$.*", "", name.removeprefix("$flatten").replace("\\", ""))


def part_of(name: str) -> str:
    """The part that a cell of a flat netlist belongs to."""
    path = path_of(name)
    for part, place in _PLACES:
        if path == place or path.startswith(f"{place}.") or not place:
            return part
    raise AssertionError(f"{name} belongs nowhere")
