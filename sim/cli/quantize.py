"""The command that quantises a network."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Json, NodeName, StatePairs
from sim.explore import files
from sim.explore.budgets import parse_budget, quantize_within
from sim.explore.quantising import (
    check_holds,
    load_subjects,
    quantize_measured,
    write_quantized,
)
from sim.networks.network import NetworkError

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
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The .tflite file to write, or .refrain, which holds any network.",
        ),
    ],
    node: NodeName = None,
    state: StatePairs = None,
    percentile: Annotated[
        float | None,
        typer.Option(
            help="Share of the samples' values that the formats cover; without, what loses least."
        ),
    ] = None,
    weight_bits: Annotated[
        int | None, typer.Option(help="Bits of a weight, 2 to 8; 8 without.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="BYTES|dB",
            help="Choose the bits of weights layer by layer, W and R apart, within so many bytes "
            "(120kB), or down to such a signal-to-noise ratio (40dB).",
        ),
    ] = None,
    activation_bits: Annotated[
        int, typer.Option(help="Bits of x and h: 4 to 8, or 16; a .tflite file holds 8 or 16.")
    ] = 8,
    row_scales: Annotated[
        bool,
        typer.Option(
            "--row-scales", help="A scale for each row of weights; a .tflite file holds none."
        ),
    ] = False,
    json: Json = None,
) -> None:
    """Quantise LSTM layers into one .tflite or .refrain file.

    A .refrain file holds what a .tflite cannot say. Layers that follow each other are one network.
    The file runs alone, or in the model that it was made from: run MODEL --quantized FILE.
    """
    printing.check_json(json)
    files.check_writable(output)
    if budget is not None and weight_bits is not None:
        raise NetworkError("--budget chooses the bits of weights; leave out --weight-bits")
    wanted = None if budget is None else parse_budget(budget)
    samples = files.read_arrays(calibration)
    rows = []
    with printing.working("quantising") as (say, tell):
        subjects = load_subjects(model, samples, node, tuple(state or ()))
        check_holds(output, model, subjects, row_scales)
        how = {"activation_bits": activation_bits, "row_scales": row_scales}
        if wanted is None:
            how["weight_bits"] = weight_bits or 8
            done = [quantize_measured(subject, percentile, **how) for subject in subjects]
        else:
            done, rows = quantize_within(
                subjects, wanted, percentile, **how, say=say, progress=tell
            )
    first = subjects[0].seen[0]
    steps = first.x.shape[1] // first.calls
    write_quantized(output, [part for part, _ in done], steps)
    _print(subjects, [figures for _, figures in done])
    if rows:
        _print_chosen(rows)
    printing.say(f"wrote {output}")
    several = {subject.name: figures for subject, (_, figures) in zip(subjects, done, strict=True)}
    report = done[0][1] if len(done) == 1 else {"networks": several}
    printing.write_json(json, {**report, "weights": rows} if rows else report)


def _print(subjects, figures) -> None:
    for subject, found in zip(subjects, figures, strict=True):
        title = " -> ".join(subject.nodes)
        printing.print_rows(found["layers"], title if len(subjects) > 1 else "")
        printing.say(_ratio(found))
        for sentence in found.get("warnings", ()):
            printing.say(f"warning: {sentence}")


def _print_chosen(rows: list[dict]) -> None:
    printing.print_rows(rows, "bits of weights")
    chosen, most = (sum(row[name] for row in rows) for name in ("bytes", "bytes_8_bits"))
    printing.say(f"weights: {chosen:,} bytes, of {most:,} with 8 bits each")


def _ratio(found: dict) -> str:
    """What the file that is written reaches on the samples, and from which states."""
    text = f"SQNR on the samples, against floating point: {found['sqnr_db']:.1f} dB"
    if "stream" not in found:
        return text
    how = "as the stream that they are" if found["stream"] else "each"
    return (
        f"{text} for the file, which runs them {how} from its own state; "
        f"{found['sqnr_from_states_db']:.1f} dB from the states in the samples, as in the model"
    )
