"""The command that says what is in a file."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Json
from sim.explore.compiling.reading import IMAGE
from sim.explore.inspecting import inspect_file

__all__ = ["inspect"]


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            help="A .onnx, .tflite, .safetensors, .pt or .refrain file; or what refrain compile "
            "wrote: an image or its manifest."
        ),
    ],
    json: Json = None,
) -> None:
    """Say what is in a file, what of it runs where, and what not.

    It works on files that run refuses as well, and ends with the next command to type.
    """
    printing.check_json(json)
    with printing.working("reading"):
        figures = inspect_file(file)
    if figures["kind"] == IMAGE:
        _print_image(figures)
    else:
        _print(figures)
    printing.write_json(json, figures)


def _print(figures: dict) -> None:
    printing.say(f"{figures['file']}: {figures['what']}")
    for part in ("inputs", "outputs"):
        if figures[part]:
            rows = [{**port, "shape": _shape(port["shape"])} for port in figures[part]]
            printing.print_rows(rows, part.capitalize())
    if figures["states"]:
        pairs = ", ".join(f"{name}={output}" for name, output in figures["states"].items())
        printing.say(f"states: {pairs}; a run with a sequence hands them on from call to call")
    refused = figures["refused"]
    if figures["layers"]:
        title = "Recurrent layers" if refused else "Layers, on the accelerator"
        printing.print_rows([_layer(layer, refused) for layer in figures["layers"]], title)
    formats = [
        {"name": layer["name"], "layer": layer["layer"], **layer["formats"]}
        | {"weight_bits": layer["weight_bits"]}
        for layer in figures["layers"]
        if layer["formats"]
    ]
    if formats:
        printing.print_rows(formats, "Formats")
    chains = [network for network in figures["networks"] if len(network) > 1]
    for chain in chains:
        printing.say(f"one network: {' -> '.join(chain)}")
    if figures["host"]:
        counted = ", ".join(f"{count} {kind}" for kind, count in figures["host"].items())
        printing.say(f"{'other operators' if refused else 'on the host'}: {counted}")
    for note in figures["notes"]:
        printing.say(f"note: {note}")
    for layer in figures["layers"]:
        if layer["refused"]:
            printing.say(f"refused: {layer['name'] or layer['kind']}: {layer['refused']}")
    if refused:
        printing.say(f"does not run: {refused}")
    if figures["configurations"]:
        printing.print_rows(
            [
                {
                    "configuration": row["name"],
                    "holds it": "yes" if row["holds"] else "no",
                    "weights resident": "-"
                    if row["weights_resident"] is None
                    else f"{row['weights_resident']:.0%}",
                    "why not": row["why_not"] or "",
                }
                for row in figures["configurations"]
            ],
            "Configurations",
        )
    if figures["next"]:
        printing.say(f"next: {figures['next']}")


def _print_image(figures: dict) -> None:
    printing.say(f"{figures['file']}: {figures['what']}")
    printing.print_rows(figures["layers"], "Layers, in the order of their descriptors")
    if figures["memory"]:
        printing.print_rows(figures["memory"], "Memory")
    if figures["configuration"]:
        printing.print_values(figures["configuration"], "Configuration")
    values = {"image bytes": figures["bytes"], "sha256": figures["sha256"]}
    if figures["expected_cycles"] is not None:
        values["expected cycles"] = figures["expected_cycles"]
    printing.print_values(values)
    for note in figures["notes"]:
        printing.say(f"note: {note}")


def _shape(shape) -> str:
    return "any" if shape is None else str([size if size is not None else "any" for size in shape])


def _layer(layer: dict, refused: str | None) -> dict:
    direction = (
        "both" if layer["directions"] == 2 else "backward" if layer["reverse"] else "forward"
    )
    return {
        "name": layer["name"] or '""',
        "layer": layer["layer"],
        "kind": layer["kind"],
        "inputs": layer["inputs"],
        "hidden": layer["hidden"],
        "direction": direction,
        "state begins as": layer["begins"],
        "runs": "no" if layer["refused"] or refused else "yes",
    }
