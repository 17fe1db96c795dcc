"""The commands that set machines beside others."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Json
from sim.explore.compare.comparing import checked_workloads, compare_chips
from sim.explore.compare.page import compare_page, table_row
from sim.explore.compare.tuned import TUNED
from sim.explore.energy.coefficients import read_coefficients
from sim.explore.files import check_writable, write_whole

__all__ = ["compare"]

compare = typer.Typer(no_args_is_help=True)


@compare.callback()
def _about() -> None:
    """Set machines beside what others have published."""


@compare.command()
def chip(
    energy: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="What refrain silicon --coefficients measured, a file for each machine.",
        ),
    ] = None,
    workloads: Annotated[
        str, typer.Option(help="Workloads that are estimated, with commas.")
    ] = ",".join(TUNED),
    node: Annotated[
        int, typer.Option(metavar="NM", help="Node of the cells that were measured: 130, 90 or 65.")
    ] = 130,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a page to FILE.")
    ] = None,
    json: Json = None,
) -> None:
    """Energy of measured machines beside published LSTM chips.

    Measured, estimated and quoted figures are told apart, as they are and by two rules at 65 nm.
    """
    printing.check_json(json)
    if output is not None:
        check_writable(output)
    names = checked_workloads(workloads.split(","), node)
    machines = {path: read_coefficients(path) for path in energy or ()}
    with printing.working("comparing") as (say, _):
        rows = compare_chips(machines, names, node, say)
    for kind in dict.fromkeys(row["kind"] for row in rows):
        printing.print_rows([table_row(row) for row in rows if row["kind"] == kind], kind)
    if not machines:
        printing.say("no machine is among these: refrain silicon --coefficients measures one")
    if output is not None:
        command = f"refrain {shlex.join(sys.argv[1:])}"
        write_whole(output, compare_page(rows, command).encode())
        printing.say(f"wrote {output}")
    printing.write_json(json, rows)
