"""What the commands that write a design share: the machine, the folder, and heads of files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hw.config import Config
from sim.cli.options import (
    CONFIG_HELP,
    ActivationBits,
    Changes,
    MultiplierName,
    RowScales,
    WeightBits,
)
from sim.explore.machines import make_config

__all__ = ["Design"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """The machine, and where its files go."""

    config: Annotated[str, typer.Argument(help=CONFIG_HELP)]
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")]
    multiplier: MultiplierName = None
    weight_bits: WeightBits = None
    activation_bits: ActivationBits = None
    row_scales: RowScales = False
    changes: Changes = None

    def chosen(self) -> Config:
        """The configuration."""
        arithmetic = (self.multiplier, self.weight_bits, self.activation_bits, self.row_scales)
        return make_config(self.config, *arithmetic, self.changes or ())

    def command_line(self, command: str, flags: dict[str, bool]) -> str:
        """The command that was typed, without what depends on the computer: folders.

        Parameters
        ----------
        command : str
            Its name.
        flags : dict of bool
            Options of that command alone, such as ``--pdf``, and whether each was given.
        """
        words = [f"refrain {command}", Path(self.config).name]
        if self.multiplier is not None:
            words.append(f"--multiplier {Path(self.multiplier).name}")
        if self.weight_bits is not None:
            words.append(f"--weight-bits {self.weight_bits}")
        if self.activation_bits is not None:
            words.append(f"--activation-bits {self.activation_bits}")
        words += [f"--set {_without_folder(each)}" for each in self.changes or ()]
        flags = {"--row-scales": self.row_scales, **flags}
        return " ".join([*words, *(flag for flag, given in flags.items() if given)])


def _without_folder(change: str) -> str:
    """``FIELD=VALUE``, of which a file is named without its folder."""
    field, _, value = change.partition("=")
    return f"{field}={Path(value).name}"
