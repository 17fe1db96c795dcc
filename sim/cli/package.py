"""The command that writes a configuration as an IP package."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.command_lines import command_line
from sim.cli.options import (
    CONFIG_HELP,
    ActivationBits,
    Changes,
    MultiplierName,
    RowScales,
    WeightBits,
)
from sim.explore import files
from sim.explore.machines import make_config
from sim.explore.packaging.pdf import find_browser
from sim.explore.packaging.registers import check_tools
from sim.explore.packaging.writing import write_package

__all__ = ["package"]


def package(
    config: Annotated[str, typer.Argument(help=CONFIG_HELP)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")],
    multiplier: MultiplierName = None,
    weight_bits: WeightBits = None,
    activation_bits: ActivationBits = None,
    row_scales: RowScales = False,
    changes: Changes = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the data sheet as PDF, too; needs Chromium.")
    ] = False,
) -> None:
    """Write a configuration as an IP package that needs no Python.

    Verilog, constraints, register map, C driver, test benches, data sheet, and what Vivado,
    FuseSoC and LiteX want.
    """
    chosen = make_config(
        config, multiplier, weight_bits, activation_bits, row_scales, changes or ()
    )
    check_tools()
    if pdf:
        find_browser()
    files.check_folder(output)
    flags = {"--row-scales": row_scales, "--pdf": pdf}
    arithmetic = (multiplier, weight_bits, activation_bits)
    command = command_line("package", config, *arithmetic, changes or (), flags)
    with printing.working(f"generating {config}"):
        paths = write_package(chosen, output, command=command, pdf=pdf)
    folders = [path.relative_to(output).parts[0] for path in paths]
    for folder in dict.fromkeys(folders):
        count = folders.count(folder)
        said = f" ({count} files)" if count > 1 else ""
        printing.say(f"wrote {output / folder}{said}")
