"""The command that writes a configuration as Verilog."""

from pathlib import Path
from typing import Annotated

import typer

from hw.config import CONFIGS
from sim.cli import printing
from sim.cli.options import ActivationBits, MultiplierName, WeightBits
from sim.explore import files
from sim.explore.export import write_verilog
from sim.explore.machines import make_config

__all__ = ["verilog"]


def verilog(
    config: Annotated[str, typer.Argument(help=f"The accelerator: {', '.join(CONFIGS)}.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")],
    multiplier: MultiplierName = None,
    weight_bits: WeightBits = None,
    activation_bits: ActivationBits = None,
) -> None:
    """Write a configuration as plain Verilog with AXI ports."""
    chosen = make_config(config, multiplier, weight_bits, activation_bits)
    files.check_folder(output)
    with printing.working(f"generating {config}"):
        paths = write_verilog(chosen, output)
    for path in paths:
        printing.say(f"wrote {path}")
