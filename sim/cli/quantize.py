"""The command that quantises a network."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Json, NodeName
from sim.explore import files
from sim.explore.quantising import load_layers, quantize_measured
from sim.networks.tflite.writer import write_tflite

__all__ = ["quantize"]


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
    node: NodeName = None,
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
        layers, seen = load_layers(model, samples, node)
        network, figures = quantize_measured(
            layers, seen, percentile, weight_bits=weight_bits, activation_bits=activation_bits
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    write_tflite(network, output, steps=seen[0].x.shape[1])
    printing.print_rows(figures["layers"])
    printing.say(f"SQNR on the samples, against floating point: {figures['sqnr_db']:.1f} dB")
    printing.say(f"wrote {output}")
    printing.write_json(json, figures)
