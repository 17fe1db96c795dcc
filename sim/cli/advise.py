"""The command that recommends a machine."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Json, Lower, MetricName, NodeName, StatePairs
from sim.explore import files
from sim.explore.machine_files import config_text
from sim.explore.resources.parts import PARTS
from sim.explore.sweep.advising import OBJECTIVES, Advice
from sim.explore.sweep.advising import advise as recommend
from sim.explore.sweep.subjects import Subject

__all__ = ["advise"]

_SHOWN = (
    *("lanes", "weight_words", "weight_bits", "mode", "x_threshold", "h_threshold", "score"),
    *("step_us", "energy_estimate_pj", "lut", "dsp", "bram"),
)


def advise(
    *,
    network: Annotated[
        Path, typer.Argument(help="A .onnx, .safetensors, .pt, .tflite or .refrain file.")
    ],
    data: Annotated[Path, typer.Option(metavar="X", help="Samples: .npy, or .npz.")],
    part: Annotated[str, typer.Option(help=f"The FPGA: {', '.join(PARTS)}.")],
    objective: Annotated[
        str, typer.Option(help=f"What to make small or many: {', '.join(OBJECTIVES)}.")
    ] = "energy",
    budget: Annotated[
        float, typer.Option(help="How much of the metric may be lost; 0 for nothing.")
    ] = 0.0,
    labels: Annotated[Path | None, typer.Option(metavar="Y", help="Labels of the samples.")] = None,
    metric: MetricName = None,
    lower: Lower = False,
    node: NodeName = None,
    state: StatePairs = None,
    jobs: Annotated[int | None, typer.Option(help="Processes; all cores without.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write into.")
    ] = Path("build/advice"),
    json: Json = None,
) -> None:
    """Recommend a machine for a network and a part.

    It sweeps lanes, memory, bits of weights and thresholds on your data, leaves out what does not
    fit or loses more than the budget, and writes the best as a configuration and settings.
    """
    printing.check_json(json)
    files.check_folder(output)
    how = {"metric": metric, "lower": lower, "node": node, "states": tuple(state or ())}
    subject = Subject.of_files(network, data, labels, **how)
    wanted = {"part": part, "objective": objective, "budget": budget}
    with printing.counting("sweeping") as (say, tell):
        jobs = jobs or os.cpu_count() or 1
        found = recommend(subject, output, jobs=jobs, say=say, progress=tell, **wanted)
    _write(found, output, network, data)
    printing.write_json(json, {"recommended": found.row, "others": found.others})


def _write(found: Advice, folder: Path, network: Path, data: Path):
    """The two files, why, the runners-up, and what to do next."""
    config, settings = folder / "config.toml", folder / "settings.json"
    why = "".join(f"# {line}\n" for line in found.reasons)
    files.write_whole(config, f"{why}\n{config_text(found.config)}".encode())
    files.write_whole(settings, found.modes.to_json().encode())
    shown = [{"": "recommended", **_figures(found.row)}]
    shown += [{"": row["why"], **_figures(row)} for row in found.others]
    printing.print_rows(shown, "Recommended, and runners-up")
    for line in found.reasons:
        printing.say(line)
    printing.say("Energy is products and bytes times coefficients of a 45 nm chip: good to compare")
    printing.say(f"machines with, and no forecast. {folder}/results.db has every point.")
    use = f"--config {shlex.quote(str(config))} --settings {shlex.quote(str(settings))}"
    run = f"refrain run {shlex.quote(str(network))} --input {shlex.quote(str(data))} {use}"
    printing.say(f"refrain verilog {shlex.quote(str(config))}")
    printing.say(run)


def _figures(row: dict) -> dict:
    return {name: row[name] for name in _SHOWN}
