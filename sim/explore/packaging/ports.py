"""Ports of the design, as its Verilog declares them."""

import re
from dataclasses import dataclass

__all__ = ["Port", "ports_of"]

_PORT = re.compile(r"^  (input|output) +wire +(?:\[(\d+):0\] )?(\w+),?$", re.M)


@dataclass(frozen=True)
class Port:
    """A port: its name, ``input`` or ``output``, and its bits."""

    name: str
    direction: str
    width: int


def ports_of(verilog: str, top: str) -> list[Port]:
    """Ports of the module ``top``, in the order of their declaration."""
    head = re.search(rf"^module {re.escape(top)} \((.*?)^\);", verilog, re.M | re.S)
    return [
        Port(name, direction, int(high or 0) + 1)
        for direction, high, name in _PORT.findall(head[1])
    ]
