"""The command that runs the demo."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Changes, ConfigName, Json
from sim.explore import files
from sim.explore.demo import run_demo
from sim.explore.machines import find_config

__all__ = ["demo"]


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write into.")
    ] = Path("build/demo"),
    config: ConfigName = "edge",
    changes: Changes = None,
    json: Json = None,
) -> None:
    """Run a speech detector on a labelled conversation.

    In floating point, in integers and in RTL simulation, whose bits are compared.
    """
    chosen = find_config(config, changes or ())
    printing.check_json(json)
    files.check_folder(output)
    with printing.working("simulating the RTL") as (say, tell):
        done = run_demo(chosen, output, say, tell)
    figures = done.figures
    printing.print_rows(figures["scores"], "Speech detection against the labels")
    printing.print_report(figures["rtl"], "The LSTM in RTL simulation")
    printing.print_rows(figures["modes"], "What the modes save, in RTL")
    printing.say(
        f"Bits of h that differ between RTL and integer model: {figures['bits_that_differ']:,} "
        f"of {figures['bits_compared']:,}; that exact delta changes: "
        f"{figures['bits_that_exact_delta_changes']:,}"
    )
    for path in done.files:
        printing.say(f"wrote {path}")
    printing.write_json(json, figures)
    if not done.bits_agree:
        raise typer.Exit(1)
