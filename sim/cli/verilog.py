"""The command that writes a configuration as Verilog."""

from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.design import Design
from sim.cli.options import grouped
from sim.explore import files
from sim.explore.export import write_verilog

__all__ = ["verilog"]


@grouped
def verilog(
    design: Design,
    source: Annotated[
        bool,
        typer.Option("--source", help="Say which line of the generator declared each signal."),
    ] = False,
) -> None:
    """Write a configuration as plain Verilog with AXI ports."""
    chosen = design.chosen()
    files.check_folder(design.output)
    command = design.command_line("verilog", {"--source": source})
    with printing.working(f"generating {design.config}"):
        paths = write_verilog(chosen, design.output, command=command, source=source)
    for path in paths:
        printing.say(f"wrote {path}")
