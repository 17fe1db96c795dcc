"""The command that measures hardware and model."""

from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Json
from sim.explore.bench.delta import bench_delta
from sim.explore.bench.events import bench_events
from sim.explore.bench.latency import bench_latency
from sim.explore.bench.model import bench_model
from sim.explore.bench.synthesis import bench_synthesis, bench_timing
from sim.explore.bench.utilisation import bench_hardware

__all__ = ["bench"]


def bench(
    synth: Annotated[
        bool, typer.Option("--synth", help="Count cells of Xilinx parts, by Yosys, instead.")
    ] = False,
    timing: Annotated[
        bool, typer.Option("--timing", help="Place and route for an ECP5, by nextpnr, instead.")
    ] = False,
    json: Json = None,
) -> None:
    """Measure the simulated hardware, and the model's speed.

    How busy lanes and bus are, cycles of a step by its events, latency of a step; steps per second.
    """
    printing.check_json(json)
    figures = {}
    with printing.working("simulating the RTL") as (say, tell):
        if synth:
            figures["cells"] = bench_synthesis(say)
        if timing:
            figures["timing"], figures["critical_path"] = bench_timing(say)
        if not synth and not timing:
            figures["hardware"] = bench_hardware(say, tell)
            figures["events"] = bench_events(say, tell)
            figures["latency"] = bench_latency(say, tell)
            say("measuring the model's speed")
            figures["model"] = bench_model()
            figures["delta"] = bench_delta()
    for name, rows in figures.items():
        printing.print_rows(rows, _TITLES[name])
    printing.write_json(json, figures)


_TITLES = {
    "hardware": "Hardware in simulation, every column multiplied",
    "events": "Cycles of a step by its events, beside the least that lanes, bus and cell unit take",
    "latency": "Cycles of a step that is run alone and goes on from the one before",
    "model": "Steps per second on one thread of this machine",
    "delta": "The model in delta mode, on one thread of this machine",
    "cells": "Cells of a Xilinx 7-series part",
    "timing": "Placed and routed in a Lattice ECP5-85F, speed grade 6",
    "critical_path": "Its slowest path: nets, and ns from the clock to their ends",
}
