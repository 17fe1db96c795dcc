"""The command that runs a network on the model or on simulated hardware."""

from pathlib import Path
from typing import Annotated

import typer

from hw.config import CONFIGS, ConfigError
from sim.cli import printing
from sim.cli.commands import ActivationBits, Json, MultiplierName, WeightBits
from sim.explore import files
from sim.explore.machines import make_config
from sim.explore.running import Run, make_backend, run_file
from sim.explore.settings import choose_modes
from sim.explore.trace_picture import trace_picture as draw_trace
from sim.explore.traces import Tracer, trace_bytes
from sim.networks.loader import load_network

__all__ = ["run"]

_MODES = "Modes of the steps"
_TRACE = "Trace"
_BOARD = "Board"

Board = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_BOARD,
        help="Backend board: which one, of refrain boards.",
    ),
]
Port = Annotated[
    str | None,
    typer.Option(
        metavar="PORT",
        rich_help_panel=_BOARD,
        help="Its serial port; on a Zynq-7000 itself, the name of its u-dma-buf.",
    ),
]

Settings = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=_MODES,
        help="Settings of modes, as tune writes them; the options below go before it.",
    ),
]
ModeName = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="normal|delta|reduced|skip|auto",
        rich_help_panel=_MODES,
        help="What steps do; normal unless told.",
    ),
]
ThresholdX = Annotated[
    int | None,
    typer.Option(
        "--threshold-x",
        rich_help_panel=_MODES,
        help="Delta: codes by which a column of x must have moved to be more than noise.",
    ),
]
ThresholdH = Annotated[
    int | None,
    typer.Option("--threshold-h", rich_help_panel=_MODES, help="Likewise for h."),
]
SkipThreshold = Annotated[
    float | None,
    typer.Option(rich_help_panel=_MODES, help="Score, 0 to 1, from which on a step is skipped."),
]
DeltaThreshold = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=_MODES,
        help="Auto: score from which on a step takes the middle mode; 0 for every step.",
    ),
]
Middle = Annotated[
    str | None,
    typer.Option(metavar="delta|reduced", rich_help_panel=_MODES, help="Auto: the middle mode."),
]
SkipAction = Annotated[
    str | None,
    typer.Option(
        metavar="freeze|hold",
        rich_help_panel=_MODES,
        help="Skipped steps: keep h and c, or run the cell on the last sums (the default).",
    ),
]
MaxSkips = Annotated[
    int | None,
    typer.Option(rich_help_panel=_MODES, help="Longest run of skipped steps; 0 for any."),
]
NormalEvery = Annotated[
    int | None,
    typer.Option(rich_help_panel=_MODES, help="Every so many steps is normal; 0 for the first."),
]
Reference = Annotated[
    str | None,
    typer.Option(
        metavar="computed|previous",
        rich_help_panel=_MODES,
        help="What the score compares x with: the last row not skipped, or the row before.",
    ),
]
ZeroSkip = Annotated[
    bool | None,
    typer.Option(
        "--zero-skip/--no-zero-skip",
        rich_help_panel=_MODES,
        help="Leave out columns that are zero in normal and reduced steps.",
    ),
]
Level = Annotated[
    str | None,
    typer.Option(
        metavar="N|NAME",
        rich_help_panel=_MODES,
        help="Level of the multiplier in the middle mode.",
    ),
]
UnsafeLevel = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_MODES,
        help="Delta: allow this level although its errors gather.",
    ),
]
Lookahead = Annotated[
    int | None,
    typer.Option(
        metavar="T",
        rich_help_panel=_MODES,
        help="Fetch streamed weights of x once for T steps, whose inputs must be there.",
    ),
]
TraceFile = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        rich_help_panel=_TRACE,
        help="Write what each step did to FILE: .csv or .json.",
    ),
]
TracePicture = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png", rich_help_panel=_TRACE, help="Draw what the first sequence did."
    ),
]


def run(
    network: Annotated[Path, typer.Argument(help="A .tflite, .onnx, .safetensors or .pt file.")],
    given: Annotated[
        Path, typer.Option("--input", metavar="X", help="Input: .npy, or .npz with inputs by name.")
    ],
    backend: Annotated[
        str,
        typer.Option(
            help="model: the NumPy model; rtl: simulated hardware; board: one that is plugged in."
        ),
    ] = "model",
    config: Annotated[
        str | None,
        typer.Option(
            help=f"The accelerator: {', '.join(CONFIGS)}; if none, edge, or the board's own."
        ),
    ] = None,
    board: Board = None,
    port: Port = None,
    latency: Annotated[
        int, typer.Option(help="Cycles from a memory read's address to its first data.")
    ] = 30,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="SAMPLES",
            help="Samples to quantise a floating-point network on; without, the input itself.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the outputs to this file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    json: Json = None,
    settings: Settings = None,
    mode: ModeName = None,
    x_threshold: ThresholdX = None,
    h_threshold: ThresholdH = None,
    skip_threshold: SkipThreshold = None,
    delta_threshold: DeltaThreshold = None,
    middle: Middle = None,
    skip_action: SkipAction = None,
    max_skips: MaxSkips = None,
    normal_every: NormalEvery = None,
    reference: Reference = None,
    zero_skip: ZeroSkip = None,
    multiplier: MultiplierName = None,
    weight_bits: WeightBits = None,
    activation_bits: ActivationBits = None,
    level: Level = None,
    unsafe_level: UnsafeLevel = None,
    lookahead: Lookahead = None,
    trace: TraceFile = None,
    trace_picture: TracePicture = None,
) -> None:
    """Run a .tflite network, or a whole ONNX model with its LSTM nodes in integers."""
    for path in (output, report, json, trace, trace_picture):
        printing.check_json(path)
    options = {
        "mode": mode,
        "x_threshold": x_threshold,
        "h_threshold": h_threshold,
        "skip_threshold": skip_threshold,
        "delta_threshold": delta_threshold,
        "middle": middle,
        "skip_action": skip_action,
        "max_skips": max_skips,
        "normal_every": normal_every,
        "reference": reference,
        "zero_skip": zero_skip,
        "level": level,
        "unsafe_level": unsafe_level,
        "lookahead": lookahead,
    }
    modes = choose_modes(settings, options)
    arithmetic = (multiplier, weight_bits, activation_bits)
    own = config is None and backend == "board"
    if own and any(each is not None for each in arithmetic):
        raise ConfigError("another multiplier or width than the board's own needs a --config")
    chosen = None if own else make_config(config or "edge", *arithmetic)
    with printing.working(f"running on {backend}") as (say, tell):
        machine = make_backend(backend, chosen, latency, say, tell, board=board, port=port)
        tracer = Tracer(machine) if trace or trace_picture else None
        inputs = files.read_arrays(given)
        samples = None if calibration is None else files.read_arrays(calibration)
        done = run_file(load_network(network), inputs, samples, machine, modes, tracer)
    if output is not None:
        files.write_whole(output, files.arrays_bytes(done.outputs))
    if trace is not None:
        files.write_whole(trace, trace_bytes(tracer.traces, trace))
    if trace_picture is not None:
        files.write_whole(trace_picture, draw_trace(tracer.traces))
    _print(done, json, report)


def _print(done: Run, *paths: Path | None) -> None:
    """Print the figures, and write them to the files that are named."""
    printing.print_report(done.figures)
    if done.calibrated_on_input:
        printing.say("quantised on the input itself; --calibration takes other samples")
    for path in paths:
        printing.write_json(path, done.figures)
