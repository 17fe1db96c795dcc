"""What a mapped machine is like: area and leakage by part, memories, and the longest path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.config import Config
from sim.explore.multipliers.liberty import Library
from sim.explore.silicon.energy import leakage
from sim.explore.silicon.gates import Gates
from sim.explore.silicon.macros import Macro, read_macros
from sim.explore.silicon.mapping import Choice, Design, map_machine, open_library
from sim.explore.silicon.memories import AREA, Memory, plan_memories
from sim.explore.silicon.parts import PARTS
from sim.explore.silicon.timing import Timing
from sim.networks.network import NetworkError

__all__ = [
    "WIRE_FEMTOFARADS",
    "Process",
    "Silicon",
    "make_silicon",
    "open_process",
    "silicon_figures",
]

WIRE_FEMTOFARADS = 4.0
"""Wiring that each pin on a net adds: there is no layout. The wire-load model ``5k`` of SG13G2's
Liberty files gives 4.0 fF for a net of one pin and 24 fF for one of five."""


_NEEDED = Memory("refrain_ram_1r1w_parts", width=64, depth=64, address=6, part=8)


@dataclass(frozen=True)
class Process:
    """Cells and memories at the corners that are asked about.

    Members
    -------
    choice : Choice
        What machines are mapped with: cells and memories at the corner of energies.
    slow, slow_macros : Library, dict
        Cells and memories at the corner of delays; the same where there is no other.
    wire : float
        Farads of wiring for each pin on a net.
    """

    choice: Choice
    slow: Library
    slow_macros: Mapping[str, Macro]
    wire: float


@dataclass(frozen=True)
class Silicon:
    """A mapped machine: its design, its gates, and their timing at both corners."""

    process: Process
    design: Design
    gates: Gates
    slow: Timing


def open_process(
    liberty: Path,
    slow: Path | None,
    memories: Path | None,
    *,
    clock_mhz: float,
    area: float = AREA,
    gated: bool = True,
    fast: bool = False,
    wire: float = WIRE_FEMTOFARADS,
) -> Process:
    """Read all files that a machine is mapped with.

    Parameters
    ----------
    liberty, slow : Path, Path or None
        Cells at the corner of energies, and of delays.
    memories : Path or None
        Folder of macros, at both corners.
    clock_mhz, area, gated, fast
        As of ``Choice``.
    wire : float
        Femtofarads of wiring for each pin on a net.

    Raises
    ------
    NetworkError
        A file or a number cannot be used.
    """
    if not 0 < clock_mhz < float("inf"):
        raise NetworkError(f"--clock must be a positive number of MHz, not {clock_mhz:g}")
    if not 1 <= area < float("inf"):
        raise NetworkError(f"--memory-area must be at least 1, not {area:g}")
    if not 0 <= wire < float("inf"):
        raise NetworkError(f"--wire must be a number of femtofarads of at least 0, not {wire:g}")
    text, library = open_library(liberty)
    slow_text, other = (text, library) if slow is None else open_library(slow)
    missing = sorted(set(library.cells) - set(other.cells))
    if missing:
        raise NetworkError(
            f"{slow} lacks {missing[0]} of {liberty}; --slow names the same cells at another corner"
        )
    macros = [] if memories is None else read_macros(memories, library)
    # Every machine has such a memory, of changed columns: who cannot make it is told at once.
    plan_memories([_NEEDED], macros, 1.0, area)
    slow_macros = {macro.name: macro for macro in macros}
    if memories is not None and slow is not None:
        slow_macros = {macro.name: macro for macro in read_macros(memories, other)}
        absent = [macro.name for macro in macros if macro.name not in slow_macros]
        if absent:
            raise NetworkError(f"{memories} has {absent[0]} not at the corner of {slow}")
    choice = Choice(liberty, text, slow_text, library, macros, area, clock_mhz, gated, fast)
    return Process(choice, other, slow_macros, 1e-15 * wire)


def make_silicon(
    config: Config, process: Process, say: Callable[[str], None] = lambda text: None
) -> Silicon:
    """Map a configuration, and follow its paths."""
    design = map_machine(config, process.choice, say)
    say("sorting the gates")
    gates = Gates(design.module, process.choice.library, process.choice.macros)
    say("following paths")
    timing = Timing(gates, process.slow, process.slow_macros, process.wire)
    return Silicon(process, design, gates, timing)


def silicon_figures(silicon: Silicon) -> dict:
    """Area, flip-flops, leakage and memories of a machine, and its longest path.

    Returns
    -------
    dict
        ``parts``, ``memories``: rows of tables; ``path``: where the longest path is; ``total``.
    """
    gates, process = silicon.gates, silicon.process
    rows = _part_rows(gates)
    path = silicon.slow.longest()
    period = 1e3 / process.choice.clock_mhz
    return {
        "library": process.choice.library.name,
        "slow_library": process.slow.name,
        "volts": process.choice.library.voltage,
        "wire_ff_per_pin": round(1e15 * process.wire, 3),
        "parts": rows,
        "memories": _memory_rows(silicon.design),
        "total": {
            "area_mm2": sum(row["area_um2"] for row in rows) / 1e6,
            "memory_area_mm2": sum(row["memory_um2"] for row in rows) / 1e6,
            "cells": sum(row["cells"] for row in rows),
            "flip_flops": sum(row["flip_flops"] for row in rows),
            "gated_flip_flops": sum(row["gated"] for row in rows),
            "clock_gates": sum(map(len, gates.gating)),
            "leakage_uw": sum(row["leakage_uw"] for row in rows),
            "bits_left_out": sum(
                plan.memory.bits
                for plan in silicon.design.plans
                if not plan.banks and not plan.registers
            ),
        },
        "path": {
            "ns": 1e9 * path.seconds,
            "clock_mhz": 1e-6 / path.seconds,
            "asked_ns": period,
            "closes": bool(1e9 * path.seconds <= period),
            "from": path.start,
            "to": path.end,
            "gates": path.gates,
            "ns_by_part": {
                part: round(1e9 * seconds, 3) for part, seconds in path.parts.items() if part
            },
        },
    }


def _part_rows(gates: Gates) -> list[dict]:
    count = len(PARTS)
    area, memory, cells, flops, gated = (np.zeros(count) for _ in range(5))
    for group in gates.groups():
        np.add.at(area, group.parts, group.cell.area)
        np.add.at(cells, group.parts, 1)
        if group.cell.clock:
            np.add.at(flops, group.parts, 1)
            stops = group.inputs[group.cell.clock] != gates.clock
            np.add.at(gated, group.parts, stops)
    for each in gates.memories:
        if each.macro is not None:
            memory[each.part] += each.macro.area
    leaks = leakage(gates)
    total = float((area + memory).sum())
    return [
        {
            "part": part,
            "area_um2": float(area[k] + memory[k]),
            "share_percent": 100 * float(area[k] + memory[k]) / total,
            "memory_um2": float(memory[k]),
            "cells": int(cells[k]),
            "flip_flops": int(flops[k]),
            "gated": int(gated[k]),
            "leakage_uw": 1e6 * float(leaks[k]),
        }
        for k, part in enumerate(PARTS)
    ]


def _memory_rows(design: Design) -> list[dict]:
    rows = []
    for plan in sorted(design.plans, key=lambda plan: -plan.memory.bits):
        if plan.registers:
            made = "registers"
        else:
            made = ", ".join(f"{n} x {name}" for name, n in plan.macros.items()) or "left out"
        memory = plan.memory
        rows.append(
            {
                "words": memory.depth,
                "bits": memory.width,
                "read_ports": memory.reads,
                "made_of": made,
            }
        )
    return rows
