"""The command that runs a network on the model or on simulated hardware."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from hw.config import Config, ConfigError
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
    Quantized,
    RowScales,
    StatePairs,
    WeightBits,
    grouped,
)
from sim.explore import files
from sim.explore.energy.coefficients import read_coefficients
from sim.explore.energy.counting import Counting
from sim.explore.energy.dram import DRAMS, find_dram
from sim.explore.energy.figures import energy_figures
from sim.explore.machines import make_config
from sim.explore.outputs import check_format, output_bytes
from sim.explore.running import Run, make_backend, run_file
from sim.explore.settings import choose_modes
from sim.explore.traces import Tracer, trace_bytes
from sim.networks.loader import load_network
from sim.networks.network import NetworkError

__all__ = ["run"]

_MODES = "Modes of the steps"
_TRACE = "Trace"
_BOARD = "Board"
_ENERGY = "Energy"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What runs the network."""

    backend: Annotated[
        str,
        typer.Option(
            help="model: the NumPy model; rtl: simulated hardware; board: one that is plugged in."
        ),
    ] = "model"
    config: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help=f"{CONFIG_HELP} If none, edge, or the board's own."),
    ] = None
    changes: Changes = None
    board: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_BOARD,
            help="Backend board: which one, of refrain boards.",
        ),
    ] = None
    port: Annotated[
        str | None,
        typer.Option(
            metavar="PORT",
            rich_help_panel=_BOARD,
            help="Its serial port; on a Zynq-7000 itself, the name of its u-dma-buf.",
        ),
    ] = None
    latency: Annotated[
        int, typer.Option(help="Cycles from a memory read's address to its first data.")
    ] = 30
    multiplier: MultiplierName = None
    weight_bits: WeightBits = None
    activation_bits: ActivationBits = None
    network_bits: NetworkBits = None
    row_scales: RowScales = False
    percentile: Percentile = None

    def chosen(self) -> Config | None:
        """The configuration; None for the board's own."""
        arithmetic = (self.multiplier, self.weight_bits, self.activation_bits)
        # No board has scales of rows, which is said where a backend is made.
        if self.config is None and self.backend == "board" and not self.row_scales:
            if any(each is not None for each in arithmetic):
                raise ConfigError(
                    "another multiplier or width than the board's own needs a --config"
                )
            if self.changes:
                raise ConfigError("--set changes a configuration: name the board's with --config")
            return None
        return make_config(self.config or "edge", *arithmetic, self.row_scales, self.changes or ())


@dataclass(frozen=True, kw_only=True)
class ModeOptions:
    """How the mode of each step is chosen: names are those of ``choose_modes``."""

    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            metavar="normal|delta|reduced|skip|auto",
            rich_help_panel=_MODES,
            help="What steps do; normal unless told.",
        ),
    ] = None
    x_threshold: Annotated[
        int | None,
        typer.Option(
            "--threshold-x",
            rich_help_panel=_MODES,
            help="Delta: codes by which a column of x must have moved to be more than noise.",
        ),
    ] = None
    h_threshold: Annotated[
        int | None,
        typer.Option("--threshold-h", rich_help_panel=_MODES, help="Likewise for h."),
    ] = None
    skip_threshold: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_MODES, help="Score, 0 to 1, from which on a step is skipped."
        ),
    ] = None
    delta_threshold: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_MODES,
            help="Auto: score from which on a step takes the middle mode; 0 for every step.",
        ),
    ] = None
    middle: Annotated[
        str | None,
        typer.Option(
            metavar="delta|reduced", rich_help_panel=_MODES, help="Auto: the middle mode."
        ),
    ] = None
    skip_action: Annotated[
        str | None,
        typer.Option(
            metavar="freeze|hold",
            rich_help_panel=_MODES,
            help="Skipped steps: keep h and c, or run the cell on the last sums (the default).",
        ),
    ] = None
    max_skips: Annotated[
        int | None,
        typer.Option(rich_help_panel=_MODES, help="Longest run of skipped steps; 0 for any."),
    ] = None
    normal_every: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_MODES, help="Every so many steps is normal; 0 for the first."
        ),
    ] = None
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="computed|previous",
            rich_help_panel=_MODES,
            help="What the score compares x with: the last row not skipped, or the row before.",
        ),
    ] = None
    zero_skip: Annotated[
        bool | None,
        typer.Option(
            "--zero-skip/--no-zero-skip",
            rich_help_panel=_MODES,
            help="Leave out columns that are zero in normal and reduced steps.",
        ),
    ] = None
    level: Annotated[
        str | None,
        typer.Option(
            metavar="N|NAME",
            rich_help_panel=_MODES,
            help="Level of the multiplier in the middle mode.",
        ),
    ] = None
    unsafe_level: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_MODES,
            help="Delta: allow this level although its errors gather.",
        ),
    ] = None
    lookahead: Annotated[
        int | None,
        typer.Option(
            metavar="T",
            rich_help_panel=_MODES,
            help="Fetch streamed weights of x once for T steps, whose inputs must be there.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Joules:
    """What energy is estimated with."""

    energy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_ENERGY,
            help="Estimate energy by part and mode, with what refrain silicon --coefficients "
            "measured of this machine.",
        ),
    ] = None
    dram: Annotated[
        str,
        typer.Option(
            metavar="|".join(DRAMS),
            rich_help_panel=_ENERGY,
            help="The interface whose energy a byte is told beside it.",
        ),
    ] = "lpddr4"

    def opened(self, backend):
        """The backend that runs, and the coefficients, which are of its machine."""
        find_dram(self.dram)
        if self.energy is None:
            return backend, None
        coefficients = read_coefficients(self.energy)
        coefficients.check(backend.config, self.energy)
        return Counting(backend), coefficients


@dataclass(frozen=True, kw_only=True)
class Written:
    """Files to write."""

    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the outputs to FILE: .npy for one, .npz, or .json."
        ),
    ] = None
    real: Annotated[
        bool, typer.Option("--float", help="Write real values where outputs are int8 values.")
    ] = False
    report: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None
    json: Json = None
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            rich_help_panel=_TRACE,
            help="Write what each step did to FILE: .csv or .json.",
        ),
    ] = None
    trace_picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", rich_help_panel=_TRACE, help="Draw what the first sequence did."
        ),
    ] = None

    def check(self) -> None:
        """Refuse what could not be written, before any work."""
        for path in (self.output, self.report, self.json, self.trace, self.trace_picture):
            printing.check_json(path)
        if self.real and self.output is None:
            raise NetworkError("--float is about what is written: name a file with --output")


@grouped
def run(
    network: Annotated[
        Path, typer.Argument(help="A .tflite, .onnx, .safetensors, .pt or .refrain file.")
    ],
    given: Annotated[
        Path, typer.Option("--input", metavar="X", help="Input: .npy, or .npz with inputs by name.")
    ],
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="SAMPLES",
            help="Samples to quantise a floating-point network on; without, the input itself.",
        ),
    ] = None,
    node: NodeName = None,
    quantized: Quantized = None,
    state: StatePairs = None,
    machine: Machine = Machine(),
    written: Written = Written(),
    joules: Joules = Joules(),
    settings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_MODES,
            help="Settings of modes, as tune writes them; the options below go before it.",
        ),
    ] = None,
    options: ModeOptions = ModeOptions(),
) -> None:
    """Run a network: on the model, in RTL, or on a board.

    A .tflite runs as it is, an ONNX model whole with its LSTM nodes in integers.
    """
    written.check()
    modes, config = choose_modes(settings, asdict(options)), machine.chosen()
    with printing.working(f"running on {machine.backend}") as (say, tell):
        place = {"board": machine.board, "port": machine.port}
        backend = make_backend(machine.backend, config, machine.latency, say, tell, **place)
        backend, coefficients = joules.opened(backend)
        tracer = Tracer(backend) if written.trace or written.trace_picture else None
        inputs = files.read_arrays(given)
        samples = None if calibration is None else files.read_arrays(calibration)
        loaded = load_network(network, node)
        check_format(written.output, getattr(loaded, "outputs", ("h",)))
        done = run_file(
            loaded,
            inputs,
            samples,
            backend,
            modes,
            tracer,
            weight_bits=machine.network_bits,
            quantized=quantized,
            percentile=machine.percentile,
            states=tuple(state or ()),
        )
    if coefficients is not None:
        energy = energy_figures(done.figures, coefficients, joules.dram)
        done = replace(done, figures={**done.figures, "energy": energy})
    _write(done, tracer, written)
    _print(done)


def _write(done: Run, tracer: Tracer | None, written: Written) -> None:
    """Write the files that are named."""
    if written.output is not None:
        content = output_bytes(written.output, done.outputs, done.forms, real=written.real)
        files.write_whole(written.output, content)
    if written.trace is not None:
        files.write_whole(written.trace, trace_bytes(tracer.traces, written.trace))
    if written.trace_picture is not None:
        # Here, as Matplotlib comes with it.
        from sim.explore.trace_picture import trace_picture as draw_trace

        files.write_whole(written.trace_picture, draw_trace(tracer.traces))
    for path in (written.json, written.report):
        printing.write_json(path, done.figures)


def _print(done: Run) -> None:
    """Print the figures, and what is to be said about them."""
    untold = ("warnings", "work", "energy")
    printing.print_report({k: v for k, v in done.figures.items() if k not in untold})
    if "energy" in done.figures:
        _print_energy(done.figures["energy"])
    for sentence in done.notes:
        printing.say(sentence)
    if done.calibrated_on_input:
        printing.say("quantised on the input itself; --calibration takes other samples")
    for sentence in done.warnings:
        printing.say(f"warning: {sentence}")


def _print_energy(energy: dict) -> None:
    """By part and mode, and DRAM apart."""
    modes = energy["modes"]
    rows = [
        {"part": part, **{f"{mode}_nj": modes[mode]["parts"][part] / 1e3 for mode in modes}}
        for part in energy["parts"]
    ]
    rows.append({"part": "all", **{f"{mode}_nj": modes[mode]["pj"] / 1e3 for mode in modes}})
    printing.print_rows(rows, "Energy, estimated from counts")
    origin, dram = energy["origin"], energy["dram"]
    printing.print_values(
        {
            "pJ a step": energy["core_pj_per_step"],
            "pJ a product": energy["core_pj_per_product"],
            "worst error of a total in its tests, %": energy["worst_error_percent"],
            "of": f"{origin['library']}, {origin['volts']:g} V, {energy['clock_mhz']:g} MHz",
            f"DRAM, {dram['interface']}, nJ": dram["pj"] / 1e3,
        },
        "The whole core, without DRAM",
    )
    printing.say(f"DRAM: {dram['source']}")
