"""The commands on boards: list, build, flash."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Changes, Json, MultiplierName
from sim.explore.boards import frames as explore

__all__ = ["boards", "build", "flash"]

Name = Annotated[str, typer.Argument(metavar="BOARD", help="One of refrain boards.")]


def boards(
    frames: Annotated[
        bool,
        typer.Option(
            "--frames",
            help="How long each takes for a frame of speech, by RTL simulation, instead.",
        ),
    ] = False,
    json: Json = None,
) -> None:
    """List the boards."""
    printing.check_json(json)
    if frames:
        with printing.working("simulating") as (say, _):
            rows = explore.frame_rows(say)
        printing.print_rows(rows, "A frame of 32 ms through the speech demo's LSTM")
    else:
        rows = explore.board_rows()
        printing.print_rows(rows)
    printing.write_json(json, rows)


def build(
    board: Name,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="The accelerator, by name or file; the board's usual one."
        ),
    ] = None,
    changes: Changes = None,
    multiplier: MultiplierName = None,
    toolchain: Annotated[
        str | None, typer.Option(help="Where a board has several: vivado, himbaechel or xray.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="Where a board has several: block, ddr3 or sdram; block if none."),
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Write the design and the scripts; run no tool.")
    ] = False,
    bare: Annotated[
        bool, typer.Option("--bare", help="Without a machine: the board's line and memory alone.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder; build/BOARD if none.")
    ] = None,
    json: Json = None,
) -> None:
    """Build a board's bitstream, or all that its tools need."""
    printing.check_json(json)
    options = {"toolchain": toolchain, "plan_only": plan_only, "bare": bare}
    options |= {"multiplier": multiplier, "memory": memory, "changes": changes or ()}
    with printing.working(f"building {board}") as (say, _):
        figures = explore.build(board, config, output, say=say, **options)
    printing.print_values(figures)
    if figures.get("clock_mhz", 0) < figures.get("wanted_mhz", 0):
        printing.say(
            "the clock is missed: on the board this bitstream may make mistakes; build a smaller "
            "configuration, with --config"
        )
    if (toolchain or "").lower() == "xray" and not plan_only:
        printing.say(
            "nextpnr-xilinx counts no delays of memories and multipliers: the clock is lower than "
            "it says"
        )
    printing.write_json(json, figures)
    if figures.get("clock_mhz", 0) < figures.get("wanted_mhz", 0):
        raise typer.Exit(1)


def flash(
    board: Name,
    bitstream: Annotated[
        Path | None, typer.Option(help="The file; what refrain build left if none.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Into the flash memory, where it survives power-off.")
    ] = False,
) -> None:
    """Load a board's bitstream into it, over its cable."""
    with printing.working(f"flashing {board}"):
        loaded = explore.flash(board, bitstream, keep)
    printing.say(f"loaded {loaded}")
