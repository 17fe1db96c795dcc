"""The command that writes a configuration as Verilog."""

from pathlib import Path
from typing import Annotated

import typer

from hw.config import CONFIGS
from sim.cli import printing
from sim.cli.options import ActivationBits, MultiplierName, RowScales, WeightBits
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
    row_scales: RowScales = False,
    source: Annotated[
        bool,
        typer.Option("--source", help="Say which line of the generator declared each signal."),
    ] = False,
) -> None:
    """Write a configuration as plain Verilog with AXI ports."""
    chosen = make_config(config, multiplier, weight_bits, activation_bits, row_scales)
    files.check_folder(output)
    flags = {"--row-scales": row_scales, "--source": source}
    command = _command(config, multiplier, weight_bits, activation_bits, flags)
    with printing.working(f"generating {config}"):
        paths = write_verilog(chosen, output, command=command, source=source)
    for path in paths:
        printing.say(f"wrote {path}")


def _command(
    config: str,
    multiplier: str | None,
    weight_bits: int | None,
    activation_bits: int | None,
    flags: dict[str, bool],
) -> str:
    """The command line, without what depends on the machine: folders."""
    words = ["refrain verilog", config]
    words += [f"--multiplier {Path(multiplier).name}"] if multiplier is not None else []
    words += [f"--weight-bits {weight_bits}"] if weight_bits is not None else []
    words += [f"--activation-bits {activation_bits}"] if activation_bits is not None else []
    words += [flag for flag, given in flags.items() if given]
    return " ".join(words)
