"""The command that writes a network as an image, with all that a host needs to run it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hw.config import Config
from sim.cli import printing
from sim.cli.options import (
    CONFIG_HELP,
    ActivationBits,
    Changes,
    Json,
    MultiplierName,
    NetworkBits,
    NodeName,
    Percentile,
    RowScales,
    StatePairs,
    WeightBits,
    grouped,
)
from sim.cli.sentences import printable
from sim.explore import files
from sim.explore.compiling.made import STEPS, Made, Wanted, compile_file
from sim.explore.compiling.manifest import manifest_of
from sim.explore.compiling.writing import check_name, file_names, write_compiled
from sim.explore.machines import make_config, make_fitted
from sim.explore.settings import choose_modes
from sim.networks.network import NetworkError

__all__ = ["compile_network"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the image is for."""

    config: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help=f"{CONFIG_HELP} If none, edge, or the board's own."),
    ] = None
    changes: Changes = None
    board: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The board that it is built for, of refrain boards: sets its bus."
        ),
    ] = None
    multiplier: MultiplierName = None
    weight_bits: WeightBits = None
    activation_bits: ActivationBits = None
    row_scales: RowScales = False
    network_bits: NetworkBits = None
    percentile: Percentile = None

    def chosen(self) -> Config:
        """The configuration."""
        arithmetic = (self.multiplier, self.weight_bits, self.activation_bits, self.row_scales)
        changes = (*arithmetic, self.changes or ())
        if self.board is not None:
            return make_fitted(self.board, self.config, *changes)
        return make_config(self.config or "edge", *changes)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How long a run is, and where it lies in memory."""

    steps: Annotated[
        int | None,
        typer.Option(help=f"Steps of a sequence; without, those of --input, or {STEPS}."),
    ] = None
    sequences: Annotated[
        int | None,
        typer.Option(help="Sequences of a run; without, those of --input, or 1."),
    ] = None
    base: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where the image will lie, such as 0x10000000; without, 0, and it can be moved.",
        ),
    ] = None
    latency: Annotated[
        int,
        typer.Option(
            help="Cycles from a memory read's address to its first data, for expected cycles."
        ),
    ] = 30

    def address(self) -> int:
        """The base as a number."""
        try:
            return int(self.base or "0", 0)
        except ValueError:
            raise NetworkError(
                f"--base must be an address such as 0x10000000, not {self.base}"
            ) from None


@grouped
def compile_network(
    network: Annotated[
        Path, typer.Argument(help="A .tflite, .onnx, .safetensors, .pt or .refrain file.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")],
    machine: Machine = Machine(),
    shape: Shape = Shape(),
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings of modes, as tune writes them."),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="X",
            help="Input of the test vector: .npy, [sequences, steps, I]; without, one is made up.",
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="SAMPLES", help="Samples to quantise a network in floating point on."),
    ] = None,
    node: NodeName = None,
    state: StatePairs = None,
    name: Annotated[
        str, typer.Option(help="What names of files and names in the C header begin with.")
    ] = "image",
    json: Json = None,
) -> None:
    """Write all that a host needs to run a network without Python.

    An image of the memory in four formats, a manifest, and a test vector of the bit-exact model.
    """
    printing.check_json(json)
    files.check_folder(output)
    check_name(name)
    wanted = Wanted(
        config=machine.chosen(),
        steps=shape.steps,
        sequences=shape.sequences,
        modes=choose_modes(settings, {}),
        x=None if given is None else files.read_array(given),
        base=shape.address(),
        latency=shape.latency,
        name=printable(network.name),
    )
    samples = None if calibration is None else files.read_arrays(calibration)
    choice = {"weight_bits": machine.network_bits, "percentile": machine.percentile}
    with printing.working("compiling"):
        made = compile_file(
            network, wanted, samples, node=node, states=tuple(state or ()), **choice
        )
        paths = write_compiled(made, output, name)
    _print(made)
    for path in paths:
        printing.say(f"wrote {path}")
    printing.write_json(json, manifest_of(made, file_names(name)))


def _print(made: Made) -> None:
    """What a host must know, in a few figures."""
    image, base = made.image, made.wanted.base
    figures = {
        "configuration": made.wanted.config.name,
        "image bytes": len(made.data),
        "memory bytes": image.size,
        "base": f"0x{base:08x}",
        "descriptors": f"0x{base + image.descriptor:08x}",
        "input": f"0x{base + image.x.addr:08x}",
        "output window": f"0x{base + image.output_base:08x} to 0x{base + image.output_limit:08x}",
        "expected cycles": made.cycles,
        **({"words not stored": image.left_out_words} if image.config.mapped else {}),
    }
    printing.print_values(figures)
