"""A design as Verilog: its modules, and those of its memories."""

import json
from dataclasses import dataclass
from graphlib import TopologicalSorter

from hw.emit.memories import rom_module, wrapper
from hw.emit.netlist import Module, read_modules
from hw.emit.ports import rename_ports
from hw.emit.trim import trim
from hw.emit.writer import Writer

__all__ = ["Verilog", "write_design"]


@dataclass(frozen=True)
class Verilog:
    """The text of a design.

    ``design`` has the top and all that is in it but memories; ``memories`` has the text of each
    kind of memory by the name of its module.
    """

    design: str
    memories: dict[str, str]

    @property
    def text(self) -> str:
        """All of it, for one file."""
        return "\n".join([self.design, *self.memories.values()])


def write_design(netlist: str, top: str, *, source: bool = False) -> Verilog:
    """Verilog-2005 of a netlist in Yosys's JSON.

    Parameters
    ----------
    netlist : str
        Modules without processes, each with ``$dff`` for registers and ``$mem_v2`` for memories.
    top : str
        The module that is the design.
    source : bool
        With attributes that name lines of the source.

    Raises
    ------
    RuntimeError
        The netlist has a cell that has no plain Verilog.
    """
    modules = read_modules(json.loads(netlist))
    trim(modules, top)
    rename_ports(modules, top)
    writer = Writer(modules, top, source=source)
    written = {name: writer.module(modules[name]) for name in reversed(_order(modules, top))}
    texts = list(reversed(written.values()))
    texts += [rom_module(name, table) for table, name in writer.tables.items()]
    kinds = sorted(writer.kinds, key=lambda kind: kind.name)
    return Verilog("\n".join(texts), {kind.name: wrapper(kind) for kind in kinds})


def _order(modules: dict[str, Module], top: str) -> list[str]:
    """Each module behind all that have instances of it."""
    used = {
        name: [cell.kind for cell in module.cells if cell.kind in modules]
        for name, module in modules.items()
    }
    order = list(TopologicalSorter({top: (), **used}).static_order())
    return order[::-1]
