"""The command that maps a configuration to the cells and memories of a chip's process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import CONFIG_HELP, Changes, Json, MultiplierName, NetworkBits, grouped
from sim.explore.energy.coefficients import write_coefficients
from sim.explore.files import check_writable
from sim.explore.machine_values import values_of
from sim.explore.machines import make_config
from sim.explore.silicon.calibrating import calibrate
from sim.explore.silicon.measuring import GateBench, measure_energy, open_task, run_modes
from sim.explore.silicon.memories import AREA
from sim.explore.silicon.report import (
    WIRE_FEMTOFARADS,
    make_silicon,
    open_process,
    silicon_figures,
)
from sim.networks.network import NetworkError

__all__ = ["silicon"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a machine is made of."""

    liberty: Annotated[
        Path, typer.Option(metavar="FILE", help="Liberty file of the standard cells.")
    ]
    slow: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The same cells at the corner that delays are of."),
    ] = None
    memories: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Liberty files of SRAM macros, at both corners."),
    ] = None
    clock: Annotated[
        float | None,
        typer.Option(metavar="MHZ", help="Clock to work towards; the configuration's without."),
    ] = None
    memory_area: Annotated[
        float,
        typer.Option(
            metavar="FACTOR",
            help="How many times the least area a memory may take where that saves energy.",
        ),
    ] = AREA
    gating: Annotated[
        bool, typer.Option(help="Gate the clocks of flip-flops that share an enable.")
    ] = True
    fast: Annotated[
        bool, typer.Option(help="Keep adders fast: shorter paths on some hundredths more area.")
    ] = False
    wire: Annotated[
        float, typer.Option(metavar="FF", help="Femtofarads of wiring for each pin on a net.")
    ] = WIRE_FEMTOFARADS


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What it runs."""

    workload: Annotated[
        str | None,
        typer.Option(
            help="Measure energy, too: the gates run this workload's network. Needs --memories."
        ),
    ] = None
    steps: Annotated[
        int, typer.Option(help="Steps of each mode that are measured, with --workload.")
    ] = 4
    network_bits: NetworkBits = None
    coefficients: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what each piece of work costs to FILE, for run --energy and sweep "
            "--energy; the workload takes no part in it and tests it.",
        ),
    ] = None

    def check(self, memories: Path | None) -> None:
        """Refuse what does not go together, before any work."""
        if self.workload is not None and memories is None:
            raise NetworkError("--workload needs --memories: without memories nothing runs")
        if self.network_bits is not None and self.workload is None:
            raise NetworkError("--network-bits needs --workload, whose network has them")
        if self.coefficients is not None:
            if self.workload is None:
                raise NetworkError(
                    "--coefficients needs --workload, the network that they are tested on"
                )
            check_writable(self.coefficients)


@grouped
def silicon(
    config: Annotated[str, typer.Argument(help=CONFIG_HELP)],
    made: Made,
    measured: Measured = Measured(),
    multiplier: MultiplierName = None,
    changes: Changes = None,
    json: Json = None,
) -> None:
    """Map a machine to a chip's cells and memories, and measure it."""
    printing.check_json(json)
    chosen = make_config(config, multiplier, changes=changes or ())
    measured.check(made.memories)
    with printing.working(f"mapping {chosen.name}") as (say, tell):
        process = open_process(
            *(made.liberty, made.slow, made.memories),
            clock_mhz=chosen.clock_mhz if made.clock is None else made.clock,
            area=made.memory_area,
            gated=made.gating,
            fast=made.fast,
            wire=made.wire,
        )
        task = None
        if measured.workload is not None:
            wanted = measured.workload, measured.steps, measured.network_bits
            task = open_task(chosen, *wanted, say)
        mapped = make_silicon(chosen, process, say)
        figures = {"config": values_of(chosen), **silicon_figures(mapped)}
        if task is not None:
            bench = GateBench(mapped, chosen, tell)
            runs = run_modes(bench, task, say=say)
            figures["energy"] = measure_energy(bench, task, runs, say)
            if measured.coefficients is not None:
                found = calibrate(bench, process, [(task, runs)], say)
                write_coefficients(measured.coefficients, found)
                figures["errors"] = found.errors["tested"]
    _print(chosen.name, figures)
    printing.write_json(json, figures)


def _print(name: str, figures: dict) -> None:
    printing.print_rows(figures["parts"], f"{name} in cells of {figures['library']}")
    printing.print_rows(figures["memories"], "Memories")
    printing.print_values(figures["total"], "All of it")
    printing.print_values(figures["path"], f"Longest path, {figures['slow_library']}")
    energy = figures.get("energy")
    if energy is None:
        return
    for mode, rows in energy["parts"].items():
        printing.print_rows(rows, f"Energy of a step of {energy['workload']}, {mode}")
    printing.print_rows(energy["modes"], "Energy of a step by mode; h equals the model's")
    printing.print_values(energy["glitch_energy_share"], "Share of it in glitches")
    printing.print_values({"in the same cycle": energy["clashes"]}, "Words read while written")
    if "errors" in figures:
        rows = [{k: v for k, v in row.items() if k != "parts"} for row in figures["errors"]]
        printing.print_rows(rows, "Estimated from counts, beside the gates, without leakage")
