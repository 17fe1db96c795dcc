"""The command that writes a configuration as Verilog."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
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
    command = _command(config, multiplier, weight_bits, activation_bits, changes or (), flags)
    with printing.working(f"generating {config}"):
        paths = write_verilog(chosen, output, command=command, source=source)
    for path in paths:
        printing.say(f"wrote {path}")


def _command(
    config: str,
    multiplier: str | None,
    weight_bits: int | None,
    activation_bits: int | None,
    changes: Sequence[str],
    flags: dict[str, bool],
) -> str:
    """The command line, without what depends on the machine: folders."""
    words = ["refrain verilog", Path(config).name]
    words += [f"--multiplier {Path(multiplier).name}"] if multiplier is not None else []
    words += [f"--weight-bits {weight_bits}"] if weight_bits is not None else []
    words += [f"--activation-bits {activation_bits}"] if activation_bits is not None else []
    words += [f"--set {_without_folder(each)}" for each in changes]
    words += [flag for flag, given in flags.items() if given]
    return " ".join(words)


def _without_folder(change: str) -> str:
    """``FIELD=VALUE``, of which a file is named without its folder."""
    field, _, value = change.partition("=")
    return f"{field}={Path(value).name}"
