"""A configuration as Verilog files."""

from pathlib import Path

from hw.accelerator import Accelerator
from hw.config import Config
from hw.verilog import to_verilog
from sim.explore.files import write_whole

__all__ = ["write_verilog"]


def write_verilog(config: Config, folder: Path) -> list[Path]:
    """Write the accelerator into ``folder``; returns the files.

    The module, and its file, are called ``refrain_`` and the configuration's name. Modules that an
    imported multiplier uses get files of their own.
    """
    name = f"refrain_{config.name}"
    path = folder / f"{name}.v"
    write_whole(path, to_verilog(Accelerator(config), name).encode())
    others = [folder / file for file in config.multiplier.verilog]
    for other, text in zip(others, config.multiplier.verilog.values(), strict=True):
        write_whole(other, text.encode())
    return [path, *others]
