"""The command that writes a configuration as Verilog."""

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
from sim.explore.export import write_verilog
from sim.explore.machines import make_config

__all__ = ["verilog"]


def verilog(
    config: Annotated[str, typer.Argument(help=CONFIG_HELP)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")],
    multiplier: MultiplierName = None,
    weight_bits: WeightBits = None,
    activation_bits: ActivationBits = None,
    row_scales: RowScales = False,
    changes: Changes = None,
    source: Annotated[
        bool,
        typer.Option("--source", help="Say which line of the generator declared each signal."),
    ] = False,
) -> None:
    """Write a configuration as plain Verilog with AXI ports."""
    chosen = make_config(
        config, multiplier, weight_bits, activation_bits, row_scales, changes or ()
    )
    files.check_folder(output)
    flags = {"--row-scales": row_scales, "--source": source}
    command = command_line(
        "verilog", config, multiplier, weight_bits, activation_bits, changes or (), flags
    )
    with printing.working(f"generating {config}"):
        paths = write_verilog(chosen, output, command=command, source=source)
    for path in paths:
        printing.say(f"wrote {path}")
