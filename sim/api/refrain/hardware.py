"""Accelerators: which there are, their Verilog, and boards with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hw.config import Config
from refrain.options import chosen_config
from sim.explore.files import check_folder
from sim.explore.machine_values import Value, changed
from sim.explore.machines import find_config

__all__ = ["boards", "build", "config", "export_verilog", "flash", "package", "silicon"]


def config(
    source: str | Path = "edge",
    /,
    *,
    multiplier: str | None = None,
    weight_bits: int | None = None,
    activation_bits: int | None = None,
    row_scales: bool = False,
    **fields: Value,
) -> Config:
    """A configuration by name or from a file, with other values if told.

    Parameters
    ----------
    source : str or path
        One of ``refrain.CONFIGS``: ``tiny``, ``speech``, ``small``, ``edge`` or ``chip``; a
        ``.toml`` file, as ``refrain configs --show edge`` prints it; or the ``.json`` report of a
        run, for the configuration that it was run on.
    multiplier : str or None
        ``NAME`` or ``NAME:NUMBERS``, as the command ``refrain multipliers`` lists them; or a
        ``.npy`` table or ``.v`` module of your own.
    weight_bits, activation_bits : int or None
        Bits of a weight, and of a value of ``x`` or ``h``.
    row_scales : bool
        With gates for a scale of each row of weights.
    **fields : int, float or str
        Other fields of the file, by name: ``lanes``, ``bus_width``, ``name`` and so on.

    Returns
    -------
    Config
        Frozen; ``dataclasses.replace`` makes variants of it, too.

    Raises
    ------
    RefrainError
        There is no such configuration, multiplier or field, or its values contradict each other.

    Examples
    --------
    >>> refrain.config("tiny", lanes=16, name="mine")
    """
    options: dict[str, Value | None] = {
        "multiplier": multiplier,
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "row_scales": row_scales or None,
    }
    given = {key: value for key, value in options.items() if value is not None}
    return changed(find_config(str(source)), {**given, **fields})


def export_verilog(config: Config | str, folder: str | Path) -> list[Path]:
    """Write an accelerator as plain Verilog with AXI ports; returns the files.

    Parameters
    ----------
    config : Config or str
        The accelerator, its name or its file.
    folder : path
        Where to write; it is made if it is not there.

    Raises
    ------
    RefrainError
        There is no such configuration.
    OSError
        The folder cannot be written.
    """
    # Here, as it brings the generator of gates with it, which nothing else needs.
    from sim.explore.export import write_verilog

    chosen = chosen_config(config)
    check_folder(Path(folder))
    return write_verilog(chosen, Path(folder))


def package(config: Config | str, folder: str | Path, *, pdf: bool = False) -> list[Path]:
    """Write an accelerator as an IP package that needs no Python; returns the files.

    It has Verilog, constraints, the register map, a C driver, test benches, a data sheet, and what
    Vivado, FuseSoC and LiteX want. All files are written, or none.

    Parameters
    ----------
    config : Config or str
        The accelerator, its name or its file.
    folder : path
        Where to write; it is made if it is not there. Files of an earlier package in it go, unless
        they were changed.
    pdf : bool
        Print the data sheet as PDF, too; needs Chromium.

    Raises
    ------
    RefrainError
        There is no such configuration, or a tool is missing: ``pip install 'refrain[package]'``.
    OSError
        The folder cannot be written.
    """
    # Here, for the same reason.
    from sim.explore.packaging.writing import write_package

    chosen = chosen_config(config)
    check_folder(Path(folder))
    return write_package(chosen, Path(folder), command=f"refrain package {chosen.name}", pdf=pdf)


def boards() -> list[dict[str, Any]]:
    """The boards that a bitstream or a plan can be built for: a row for each.

    Raises
    ------
    RefrainError
        Never.
    """
    from sim.explore.boards.frames import board_rows

    return board_rows()


def build(
    board: str,
    folder: str | Path | None = None,
    *,
    config: str | None = None,
    multiplier: str | None = None,
    toolchain: str | None = None,
    memory: str | None = None,
    plan_only: bool = False,
    bare: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Build a board's bitstream, or with ``plan_only`` all that its vendor's tools need.

    Parameters
    ----------
    board : str
        One of ``boards()``.
    folder : path or None
        Where to; ``build/BOARD`` when None.
    config, multiplier : str or None
        Another accelerator than the board's usual one, by name or file.
    toolchain, memory : str or None
        Where a board has several.
    plan_only : bool
        Run no tool of the vendor.
    bare : bool
        Line and memory alone, without an accelerator.
    progress : function of str
        Told what takes time.

    Raises
    ------
    RefrainError
        There is no such board, the accelerator does not fit, or a tool is missing or failed.
    """
    from sim.explore.boards import frames

    return frames.build(
        board,
        config,
        None if folder is None else Path(folder),
        toolchain=toolchain,
        plan_only=plan_only,
        bare=bare,
        multiplier=multiplier,
        memory=memory,
        say=progress,
    )


def flash(board: str, bitstream: str | Path | None = None, *, keep: bool = False) -> Path:
    """Load a board's bitstream into it, over its cable; returns the file.

    Parameters
    ----------
    board : str
        One of ``boards()``.
    bitstream : path or None
        The file; what ``build`` left when None.
    keep : bool
        Into the flash memory, where it survives power-off.

    Raises
    ------
    RefrainError
        There is no such board or bitstream, or no cable answers.
    """
    from sim.explore.boards import frames

    return frames.flash(board, None if bitstream is None else Path(bitstream), keep)


def silicon(
    config: Config | str = "tiny",
    *,
    liberty: str | Path,
    slow: str | Path | None = None,
    memories: str | Path | None = None,
    clock: float | None = None,
    memory_area: float = 2.0,
    gating: bool = True,
    fast: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Map a whole machine to the cells and memories of a chip's process.

    Parameters
    ----------
    config : Config or str
        The machine, its name or its file.
    liberty : path
        Liberty file of the standard cells.
    slow : path or None
        The same cells at the corner that delays are of; ``liberty`` when None.
    memories : path or None
        Folder with Liberty files of SRAM macros, at both corners; registers when None.
    clock : float or None
        Clock to work towards in MHz; the configuration's when None.
    memory_area : float
        How many times the least area a memory may take where that saves energy.
    gating : bool
        Gate the clocks of flip-flops that share an enable.
    fast : bool
        Keep adders fast: shorter paths on some hundredths more area.
    progress : function of str
        Told what happens.

    Returns
    -------
    dict
        Area, flip-flops and leakage of each part, the memories, and the longest path.

    Raises
    ------
    RefrainError
        A file or a number cannot be used.
    """
    from sim.explore.silicon.report import make_silicon, open_process, silicon_figures

    chosen = chosen_config(config)
    process = open_process(
        Path(liberty),
        None if slow is None else Path(slow),
        None if memories is None else Path(memories),
        clock_mhz=chosen.clock_mhz if clock is None else clock,
        area=memory_area,
        gated=gating,
        fast=fast,
    )
    return silicon_figures(make_silicon(chosen, process, progress))
