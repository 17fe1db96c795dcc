"""The commands: each parses, calls what does the work, and prints."""

from pathlib import Path
from typing import Annotated

import typer

from hw.config import CONFIGS
from sim.cli import printing
from sim.explore import files
from sim.explore.bench.delta import bench_delta
from sim.explore.bench.events import bench_events
from sim.explore.bench.model import bench_model
from sim.explore.bench.synthesis import bench_synthesis, bench_timing
from sim.explore.bench.utilisation import bench_hardware
from sim.explore.demo import run_demo
from sim.explore.export import write_verilog
from sim.explore.machines import make_config
from sim.explore.quantising import float_layers, quantize_measured
from sim.explore.running import find_config
from sim.networks.loader import load_network
from sim.networks.tflite.writer import write_tflite

__all__ = ["bench", "configs", "demo", "quantize", "verilog"]

Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the printed figures to FILE."),
]
MultiplierName = Annotated[
    str | None,
    typer.Option(
        "--multiplier",
        metavar="NAME[:NUMBERS]",
        rich_help_panel="Arithmetic",
        help="Another multiplier than the configuration's, as 'refrain multipliers' lists them.",
    ),
]
WeightBits = Annotated[
    int | None, typer.Option(rich_help_panel="Arithmetic", help="Bits of a weight, 4 to 8.")
]
NetworkBits = Annotated[
    int | None,
    typer.Option(
        rich_help_panel="Arithmetic",
        help="Bits of a weight that a network is quantised to; as the accelerator without.",
    ),
]
ActivationBits = Annotated[
    int | None,
    typer.Option(rich_help_panel="Arithmetic", help="Bits of a code of x and h, 4 to 8."),
]
ConfigName = Annotated[
    str, typer.Option("--config", help=f"The accelerator: {', '.join(CONFIGS)}.")
]


def configs(json: Json = None) -> None:
    """List the configurations that have a name."""
    printing.check_json(json)
    rows = [
        {
            "name": config.name,
            "lanes": config.lanes,
            "bus_bits": config.bus_width,
            "max_input": config.max_input,
            "max_hidden": config.max_hidden,
            "weight_kib": config.weight_words * config.column_bytes / 1024,
            "cell_lanes": config.cell_lanes,
            "clock_mhz": config.clock_mhz,
            "gops": 2 * config.lanes * config.clock_mhz / 1000,
        }
        for config in CONFIGS.values()
    ]
    printing.print_rows(rows)
    printing.write_json(json, rows)


def quantize(
    model: Annotated[Path, typer.Argument(help="A .onnx, .safetensors or .pt file.")],
    calibration: Annotated[
        Path,
        typer.Option(
            metavar="SAMPLES",
            help="Sample inputs: .npy for a model with one input, .npz with inputs by name.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .tflite file to write.")],
    node: Annotated[
        str | None, typer.Option(help="Which LSTM node, where an ONNX model has several.")
    ] = None,
    percentile: Annotated[
        float, typer.Option(help="Share of the samples' values that the formats cover.")
    ] = 100.0,
    weight_bits: Annotated[int, typer.Option(help="Bits of a weight, 4 to 8.")] = 8,
    activation_bits: Annotated[
        int, typer.Option(help="Bits of x and h, 4 to 8; a .tflite file holds 8.")
    ] = 8,
    json: Json = None,
) -> None:
    """Quantise LSTM layers into a standard .tflite file."""
    printing.check_json(json)
    files.check_writable(output)
    samples = files.read_arrays(calibration)
    with printing.working("quantising"):
        layers, seen = float_layers(load_network(model), samples, node)
        network, figures = quantize_measured(
            layers, seen, percentile, weight_bits=weight_bits, activation_bits=activation_bits
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    write_tflite(network, output, steps=seen[0].x.shape[1])
    printing.print_rows(figures["layers"])
    printing.say(f"SQNR on the samples, against floating point: {figures['sqnr_db']:.1f} dB")
    printing.say(f"wrote {output}")
    printing.write_json(json, figures)


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


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write into.")
    ] = Path("build/demo"),
    config: ConfigName = "edge",
    json: Json = None,
) -> None:
    """Run a speech detector on a labelled conversation.

    In floating point, in integers and in RTL simulation, whose bits are compared.
    """
    chosen = find_config(config)
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

    How busy lanes and bus are, and cycles of a step by its events; steps per second.
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
            say("measuring the model's speed")
            figures["model"] = bench_model()
            figures["delta"] = bench_delta()
    for name, rows in figures.items():
        printing.print_rows(rows, _TITLES[name])
    printing.write_json(json, figures)


_TITLES = {
    "hardware": "Hardware in simulation, every column multiplied",
    "events": "Cycles of a step by its events, beside the least that lanes, bus and cell unit take",
    "model": "Steps per second on one thread of this machine",
    "delta": "The model in delta mode, on one thread of this machine",
    "cells": "Cells of a Xilinx 7-series part",
    "timing": "Placed and routed in a Lattice ECP5-85F, speed grade 6",
    "critical_path": "Its slowest path: nets, and ns from the clock to their ends",
}
