"""The command that writes a configuration as an IP package."""

from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.design import Design
from sim.cli.options import grouped
from sim.explore import files
from sim.explore.packaging.pdf import find_browser
from sim.explore.packaging.registers import check_tools
from sim.explore.packaging.writing import write_package

__all__ = ["package"]


@grouped
def package(
    design: Design,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the data sheet as PDF, too; needs Chromium.")
    ] = False,
) -> None:
    """Write a configuration as an IP package that needs no Python.

    Verilog, constraints, register map, C driver, test benches, data sheet, and what Vivado,
    FuseSoC and LiteX want.
    """
    chosen = design.chosen()
    check_tools()
    if pdf:
        find_browser()
    files.check_folder(design.output)
    command = design.command_line("package", {"--pdf": pdf})
    with printing.working(f"generating {design.config}"):
        paths = write_package(chosen, design.output, command=command, pdf=pdf)
    folders = [path.relative_to(design.output).parts[0] for path in paths]
    for folder in dict.fromkeys(folders):
        count = folders.count(folder)
        said = f" ({count} files)" if count > 1 else ""
        printing.say(f"wrote {design.output / folder}{said}")
