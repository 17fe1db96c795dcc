"""What a multiplier costs: cells of FPGAs, and area, delay and energy with a cell library."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from hw.config import CONFIGS
from hw.mac.array import MacArray
from hw.multipliers.family import Multiplier
from hw.multipliers.forms import SignMagnitude
from hw.multipliers.switched import Switched
from hw.verilog import to_rtlil
from sim.explore.bench.synthesis import xilinx_cells
from sim.explore.multipliers.energy import Switching, settle, timing
from sim.explore.multipliers.liberty import Library, read_liberty
from sim.explore.multipliers.netlist import Netlist, pack, run_yosys
from sim.explore.multipliers.operands import Part, streams, uniform_streams
from sim.explore.multipliers.operator import FixedProduct, Operator
from sim.networks.network import NetworkError

__all__ = [
    "fpga_cost",
    "lanes_cost",
    "liberty_cost",
    "lut_counts",
    "map_operator",
    "operator_energy",
    "operator_values",
]

LANES, CYCLES = 64, 64
"""Lanes whose streams are simulated, and cycles of each."""

_FLOWS = {
    "xc7": "synth_xilinx -family xc7 -flatten -top {name} -nodsp",
    "ecp5": "synth_ecp5 -top {name} -nodsp",
    "xc7_dsp": "synth_xilinx -family xc7 -flatten -top {name}",
    "ecp5_dsp": "synth_ecp5 -top {name}",
}


def fpga_cost(multiplier: Multiplier) -> list[dict]:
    """Cells of one product: of the array with all levels, and of each level built alone.

    ``dsp`` columns are of a synthesis that may use multiplier blocks; the others may not.
    """
    designs = _designs(multiplier)
    counts = _count_cells(designs, multiplier, _FLOWS)
    names = {f"level_{level}": name for level, name in enumerate(multiplier.levels)}
    return [_fpga_row(names.get(name, "all levels"), counts, name) for name in designs]


def lut_counts(multiplier: Multiplier) -> dict[str, int]:
    """LUTs of one product on a Xilinx 7 series part without blocks.

    Returns
    -------
    dict
        ``all`` for the array with all levels; ``level_0`` and so on for levels built alone, where
        there are several.
    """
    designs = _designs(multiplier)
    counts = _count_cells(designs, multiplier, ("xc7",))
    return {name: _luts(counts[name, "xc7"]) for name in designs}


def _designs(multiplier: Multiplier) -> dict[str, FixedProduct]:
    designs = {"all": FixedProduct(multiplier)}
    if len(multiplier.levels) > 1:
        for level in range(len(multiplier.levels)):
            designs[f"level_{level}"] = FixedProduct(multiplier, level=level)
    return designs


def _luts(cells: Mapping[str, int]) -> int:
    return sum(cells.get(f"LUT{size}", 0) for size in range(1, 7))


def _count_cells(designs, multiplier, flows) -> dict[tuple[str, str], dict[str, int]]:
    """Cells by type, by design and flow, all in one run."""
    files = {f"{name}.il": to_rtlil(part, name) for name, part in designs.items()}
    files.update(multiplier.verilog)
    lines = []
    for name in designs:
        for flow in flows:
            command = _FLOWS[flow]
            if name != "all" and flow.endswith("dsp"):
                continue
            lines += ["design -reset", f"read_rtlil {name}.il"]
            lines += [f"read_verilog -sv {file}" for file in multiplier.verilog]
            lines += [command.format(name=name), f"write_json {name}.{flow}.json"]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        run_yosys(files, "; ".join(lines), folder)
        for path in Path(folder).glob("*.json"):
            name, flow, _ = path.name.split(".")
            cells = json.loads(path.read_text())["modules"][name]["cells"].values()
            counts: dict[str, int] = {}
            for cell in cells:
                counts[cell["type"]] = counts.get(cell["type"], 0) + 1
            found[name, flow] = counts
    return found


def _fpga_row(label: str, counts, name: str) -> dict:
    xc7, ecp5 = counts[name, "xc7"], counts[name, "ecp5"]
    blocks, others = counts.get((name, "xc7_dsp"), {}), counts.get((name, "ecp5_dsp"), {})
    measured = (name, "xc7_dsp") in counts
    return {
        "array": label,
        "xc7_luts": _luts(xc7),
        "xc7_carry4": xc7.get("CARRY4", 0),
        "ecp5_luts": ecp5.get("LUT4", 0) + 2 * ecp5.get("CCU2C", 0),
        "ecp5_ccu2c": ecp5.get("CCU2C", 0),
        "xc7_dsp": blocks.get("DSP48E1", 0) if measured else None,
        "ecp5_dsp": others.get("MULT18X18D", 0) if measured else None,
    }


def lanes_cost(multiplier: Multiplier, lanes: int) -> dict:
    """Cells of ``lanes`` lanes of a machine on a Xilinx 7 series part, blocks used; a table row.

    The machine is ``edge``: sums of 26 bits where weights have 8. Memories are not in it.

    Raises
    ------
    ConfigError
        There is no machine of so many lanes.
    """
    config = replace(CONFIGS["edge"], lanes=lanes, bus_width=64, multiplier=multiplier)
    cells = xilinx_cells(MacArray(config), whole=False)
    return {
        "lanes": lanes,
        "xc7_luts": cells["lut"],
        "xc7_flip_flops": cells["ff"],
        "xc7_dsp": cells["dsp"],
    }


def map_operator(
    multiplier: Multiplier, path: Path, library: Library, level: int | None = None
) -> Netlist:
    """One lane's operator mapped to the cells of a Liberty file.

    Raises
    ------
    NetworkError
        The library lacks a cell without which nothing can be mapped, or the multiplier is made for
        blocks that no library has.
    ToolError
        Yosys is missing or refuses.
    """
    if multiplier.lanes_together > 1:
        raise NetworkError(
            f"{multiplier.family} shares a DSP block between {multiplier.lanes_together} lanes, "
            f"and a cell library has no such block"
        )
    for what, there in (
        ("buffer", any(cell.is_buffer for cell in library.cells.values())),
        ("flip-flop", any(cell.clock for cell in library.cells.values())),
    ):
        if not there:
            raise NetworkError(f"{path} has no {what}, and a lane needs one")
    script = [
        "read_rtlil operator.il",
        *(f"read_verilog -sv {file}" for file in multiplier.verilog),
        "synth -flatten -top operator",
        "dfflibmap -liberty cells.lib",
        "abc -liberty cells.lib -D 100000",
        "opt_clean -purge",
        "write_json operator.json",
    ]
    files = {
        "operator.il": to_rtlil(Operator(multiplier, level=level), "operator"),
        "cells.lib": path.read_text(errors="replace"),
        **multiplier.verilog,
    }
    with tempfile.TemporaryDirectory() as folder:
        run_yosys(files, "; ".join(script), folder)
        module = json.loads(Path(folder, "operator.json").read_text())["modules"]["operator"]
    return Netlist(
        module,
        is_output=lambda kind, pin: pin in library.cells[kind].outputs,
        is_state=lambda kind: kind in library.cells and bool(library.cells[kind].clock),
    )


def operator_energy(
    multiplier: Multiplier,
    netlist: Netlist,
    library: Library,
    level: int,
    operands: tuple[np.ndarray, np.ndarray],
) -> dict:
    """Energy of one operation on streams of operands: values and weights ``[lanes, cycles]``.

    A sum starts in the first cycle. Energies are picojoules per operation.
    """
    values, weights = operands
    cycles = operator_values(multiplier, netlist, level, values, weights)
    settled = settle(netlist, library, cycles)
    counted = Switching(netlist, library, timing(netlist, library))
    # The pipeline is full after three cycles.
    pairs = list(pairwise(settled[3:]))
    for start in range(0, len(pairs), 32):
        some = pairs[start : start + 32]
        joined = [
            {net: np.concatenate([pair[side][net] for pair in some]) for net in some[0][0]}
            for side in (0, 1)
        ]
        counted.add(*joined, len(some) * len(values))
    scale = 1e12 / counted.cycles
    return {
        "energy_pj": scale * (counted.combinational + counted.registers),
        "gates_pj": scale * counted.combinational,
        "registers_pj": scale * counted.registers,
        "transitions": counted.transitions / counted.cycles,
        "glitch_percent": 100 * (1 - counted.needed / max(counted.transitions, 1)),
    }


def operator_values(multiplier, netlist: Netlist, level: int, values, weights) -> list[dict]:
    """Packed values of the input ports, cycle by cycle."""
    inner = multiplier.inner if isinstance(multiplier, Switched) else multiplier
    if isinstance(inner, SignMagnitude):
        patterns = np.abs(values) | (values < 0).astype(np.int64) << 8
    else:
        patterns = values & 511
    limit = multiplier.weight_limit
    codes = multiplier.encode(np.clip(weights, -limit, limit)).astype(np.int64)
    found = []
    for cycle in range(values.shape[1]):
        columns = {"operand": patterns[:, cycle], "weight": codes[:, cycle]}
        columns["level"] = np.full(len(values), level)
        columns["first"] = np.full(len(values), int(cycle == 2))
        known = {}
        for name in netlist.inputs:
            nets = netlist.ports[name]
            column = columns.get(name, np.zeros(len(values), np.int64))
            known.update(zip(nets, pack(column, len(nets)), strict=True))
        found.append(known)
    return found


def liberty_cost(
    multiplier: Multiplier,
    path: Path,
    levels: Sequence[int],
    parts: Sequence[Part] | None,
    threshold: int,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict]:
    """Area, delay and energy per operation of one lane, for each level of one array.

    Parameters
    ----------
    multiplier : Multiplier
        What the lane multiplies with.
    path : Path
        The Liberty file.
    levels : list of ints
        Levels that are measured.
    parts : list of Part or None
        A network's operands, in normal and in delta mode; uniform ones without.
    threshold : int
        Of delta mode's events.
    say : function of str
        Told what is being done.
    """
    say("reading the library")
    library = read_liberty(path)
    say("mapping the lane")
    netlist = map_operator(multiplier, path, library)
    if parts is None:
        given = {"uniform": uniform_streams(LANES, CYCLES)}
    else:
        given = {
            "normal": streams(parts, None, LANES, CYCLES),
            "delta": streams(parts, threshold, LANES, CYCLES),
        }
    cells = [library.cells[cell.type] for cell in [*netlist.cells, *netlist.states]]
    delay = timing(netlist, library).longest
    rows = []
    for level in levels:
        for name, operands in given.items():
            say(f"simulating level {level}")
            found = operator_energy(multiplier, netlist, library, level, operands)
            rows.append(
                {
                    "level": level,
                    "name": multiplier.levels[level],
                    "operands": name,
                    "area": sum(cell.area for cell in cells),
                    "cells": len(cells),
                    "delay_ns": 1e9 * delay,
                    **found,
                }
            )
    return rows
