"""The command that measures hardware and model."""

from pathlib import Path
from typing import Annotated

import typer

from hw.config import Config, ConfigError
from sim.cli import printing
from sim.cli.options import Changes, Json
from sim.explore.bench.clock import FAMILIES, bench_timing
from sim.explore.bench.delta import bench_delta
from sim.explore.bench.events import bench_events
from sim.explore.bench.latency import bench_latency
from sim.explore.bench.model import bench_model
from sim.explore.bench.synthesis import bench_synthesis
from sim.explore.bench.utilisation import bench_hardware
from sim.explore.machines import find_config
from sim.explore.resources.collecting import collect

__all__ = ["bench"]


def bench(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="CONFIG", help="The accelerator of --timing or --synth, by name or file."
        ),
    ] = None,
    synth: Annotated[
        bool, typer.Option("--synth", help="Count cells of Xilinx parts, by Yosys, instead.")
    ] = False,
    timing: Annotated[
        bool,
        typer.Option(
            "--timing",
            help="Say what limits the clock, instead: levels of LUTs and fan-out in Xilinx parts, "
            "by Yosys, and the clock in an ECP5, by nextpnr.",
        ),
    ] = False,
    family: Annotated[
        list[str] | None,
        typer.Option(
            "--family",
            metavar="|".join(FAMILIES),
            help="With --timing: one of them alone; repeat it for both.",
        ),
    ] = None,
    resources: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Count the machines that estimates of resources are fitted to, by Yosys, instead; "
            "FILE keeps them. It takes an hour.",
        ),
    ] = None,
    changes: Changes = None,
    json: Json = None,
) -> None:
    """Measure the simulated hardware, and the model's speed.

    How busy lanes and bus are, cycles of a step by its events, latency of a step; steps per second.
    """
    printing.check_json(json)
    if resources is not None:
        if synth or timing or config is not None:
            raise ConfigError("--resources counts machines of its own; leave the others out")
        figures = {"resources": _count(resources)}
    else:
        chosen = _chosen(config, changes, family, synth=synth, timing=timing)
        with printing.working("simulating the RTL") as (say, tell):
            figures = _cells(chosen, family or (), say, synth=synth, timing=timing)
            figures = figures or _measured(say, tell)
    for name, rows in figures.items():
        printing.print_rows(rows, _TITLES[name])
    printing.write_json(json, figures)


def _count(path: Path) -> list[dict]:
    with printing.working("counting cells") as (say, _):
        return collect(path, say)


def _chosen(config, changes, family, *, synth: bool, timing: bool) -> Config | None:
    """The accelerator that is named; all of them where it may be any."""
    if not synth and not timing and (config is not None or changes):
        raise ConfigError("a configuration is for --timing and --synth; give one of them")
    if family and not timing:
        raise ConfigError("--family is for --timing; give that too")
    if timing or config is not None or changes:
        return find_config(config or _USUAL, changes or ())
    return None


def _cells(chosen: Config | None, families, say, *, synth: bool, timing: bool) -> dict:
    """Tables of synthesis; none where none is asked for."""
    figures = {"cells": bench_synthesis(say, [chosen] if chosen else None)} if synth else {}
    return figures | (bench_timing(chosen, families, say) if timing else {})


def _measured(say, tell) -> dict:
    """Tables of simulation and of the model."""
    figures = {"hardware": bench_hardware(say, tell), "events": bench_events(say, tell)}
    figures["latency"] = bench_latency(say, tell)
    say("measuring the model's speed")
    return {**figures, "model": bench_model(), "delta": bench_delta()}


_USUAL = "small"
"""The configuration of --timing where none is named."""

_TITLES = {
    "resources": "Cells estimated, and counted by Yosys",
    "hardware": "Hardware in simulation, every column multiplied",
    "events": "Cycles of a step by its events, beside the least that lanes, bus and cell unit take",
    "latency": "Cycles of a step that is run alone and goes on from the one before",
    "model": "Steps per second on one thread of this machine",
    "delta": "The model in delta mode, on one thread of this machine",
    "cells": "Cells of a Xilinx 7-series part",
    "xc7": "A Xilinx 7-series part, by Yosys: most levels of LUTs, most pins on a net of logic",
    "xc7_parts": "The same by part of the machine",
    "xc7_ends": "Where its longest paths end",
    "xc7_nets": "Its widest nets that no register drives",
    "ecp5": "A Lattice ECP5-85F, speed grade 6, by nextpnr; no clock where it does not fit",
    "ecp5_ends": "Where its slowest paths end, and ns from the clock",
    "ecp5_path": "Its slowest path: nets, and ns from the clock to their ends",
}
