"""Counts of Yosys that the model of resources is fitted to, and those that it is tested on."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from hw.accelerator import Accelerator
from hw.config import CONFIGS, Config
from hw.verilog import to_rtlil
from sim.explore.bench.families import FAMILIES
from sim.explore.bench.synthesis import family_netlist
from sim.explore.files import write_whole
from sim.explore.machine_values import changed, values_of
from sim.explore.resources.blocks import cells_by_block
from sim.explore.resources.estimate import model_of, read_counts
from sim.explore.resources.model import features
from sim.explore.resources.structure import blocks_of

__all__ = ["FITTED", "LEFT_OUT", "collect", "compared", "measured"]

_SMALL = {"max_input": 64, "max_hidden": 64, "weight_words": 256}

FITTED = {
    "base": ("tiny", _SMALL),
    "wide": (
        "tiny",
        {"lanes": 16, "activation_bits": 16, "cell_lanes": 4, "max_input": 512, "max_hidden": 256},
    ),
    "scaled": ("tiny", {"row_scales": True, "cell_lanes": 2, "max_input": 128, "max_hidden": 64}),
    "short": ("tiny", {"lanes": 16, "weight_bits": 4, "max_input": 128, "max_hidden": 256}),
    "bus": ("tiny", {"lanes": 32, "bus_width": 256, "burst_beats": 16}),
    "ahead": ("tiny", {"lookahead": 4, "max_input": 128, "max_hidden": 64}),
    "tree": ("tiny", {"multiplier": "exact-tree", **_SMALL}),
    "pair": ("tiny", {"multiplier": "dsp-pair", **_SMALL}),
}
"""Machines that the model is fitted to: a configuration, and what differs from it."""

LEFT_OUT = {
    "tiny": ("tiny", {}),
    "edge": ("edge", {}),
    "speech": ("speech", {}),
    "tiny, scales of rows": ("tiny", {"row_scales": True}),
    "edge, scales of rows": ("edge", {"row_scales": True}),
    "16 lanes": (
        "tiny",
        {"lanes": 16, "cell_lanes": 2, "max_input": 128, "max_hidden": 128},
    ),
    "32 lanes": ("tiny", {"lanes": 32, "cell_lanes": 4, "bus_width": 128}),
    "4 and 6 bits": ("tiny", {"lanes": 16, "weight_bits": 4, "activation_bits": 6}),
    "16 bits": ("tiny", {"activation_bits": 16, "cell_lanes": 2}),
    "ahead by 2": ("tiny", {"lanes": 16, "lookahead": 2}),
    "short bursts": ("tiny", {"burst_beats": 16, "bursts_in_flight": 4, "max_input": 512}),
    "16 lanes, tree": ("tiny", {"lanes": 16, "multiplier": "exact-tree"}),
}
"""Machines that the model has not seen."""


def machine(base: str, changes: dict) -> Config:
    """One of the above."""
    return changed(CONFIGS[base], changes)


def measured(
    name: str, config: Config, *, family: str, fitted: bool, say: Callable[[str], None]
) -> dict:
    """A machine, mapped by Yosys to a family, as it stands in the file of counts."""
    module, cells = family_netlist(Accelerator(config), family, say)
    counted = cells_by_block(module, family) if fitted else {}
    return row(name, config, cells, counted, family=family, fitted=fitted)


def row(
    name: str, config: Config, cells: dict, counted: dict, *, family: str, fitted: bool
) -> dict:
    """What stands of a machine in the file of counts."""
    found = blocks_of(Accelerator(config))
    blocks = {key: {"features": features(each, family)} for key, each in found.items()}
    if fitted:
        for key, each in blocks.items():
            each |= counted.get(key, {"lut": 0, "ff": 0})
    return {
        "name": name,
        "family": family,
        "config": values_of(config),
        "fitted": fitted,
        "gates": gates(config),
        "cells": cells,
        "blocks": blocks,
    }


def gates(config: Config) -> str:
    """A name of a machine's gates, which changes with them."""
    text = to_rtlil(Accelerator(config), "top")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def collect(path: Path, say: Callable[[str], None]) -> list[dict]:
    """Count all machines whose gates are not those in the file, each kept as it comes.

    Each takes minutes.

    Returns
    -------
    list of dict
        Of ``compared``.

    Raises
    ------
    ToolError
        Yosys is missing, or cannot handle a machine.
    OSError
        The file cannot be written.
    """
    counts = read_counts(path) if path.exists() else []
    known = {(each["name"], each["family"]): each for each in counts}
    for family in FAMILIES:
        for name, base, changes, fitted in _wanted():
            config, key = machine(base, changes), (name, family)
            if key in known and known[key]["gates"] == gates(config):
                continue
            say(f"counting cells of {name} in {family}")
            known[key] = measured(name, config, family=family, fitted=fitted, say=say)
            write(path, [*known.values()])
    return compared([*known.values()])


def _wanted() -> list[tuple[str, str, dict, bool]]:
    found = [(name, *each, True) for name, each in FITTED.items()]
    return found + [(name, *each, False) for name, each in LEFT_OUT.items()]


def write(path: Path, machines: list[dict]):
    """The file, a line for each machine."""
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in machines)
    write_whole(path, f'{{"machines":[\n{lines}\n]}}\n'.encode())


def compared(machines: list[dict]) -> list[dict]:
    """Estimates beside counts: ``name``, ``family``, ``fitted``, and for each resource both and the
    error.
    """
    models = {family: model_of(machines, family) for family in {m["family"] for m in machines}}
    found = []
    for each in machines:
        model = models[each["family"]]
        cells = model.cells(block["features"] for block in each["blocks"].values())
        line = {name: each[name] for name in ("name", "family", "fitted")}
        for name, counted in each["cells"].items():
            line |= {name: cells[name], f"{name}_counted": counted}
            line[f"{name}_error"] = round(cells[name] / counted - 1, 4) if counted else None
        found.append(line)
    return found
