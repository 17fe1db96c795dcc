"""Networks on a backend: LSTM layers alone, or whole models around theirs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hw.config import Config, ConfigError
from sim.explore.files import as_numbers, codes
from sim.explore.given import given_networks
from sim.explore.judging import Judgement, judge_network, judge_nodes
from sim.explore.nodes import LstmNodes, named_inputs, quantize_nodes
from sim.explore.outputs import compare, real_values
from sim.explore.reports import with_time
from sim.explore.traces import Tracer
from sim.image.modes import NORMAL, Modes
from sim.model.backend import ModelBackend
from sim.networks.codes import from_codes
from sim.networks.float_lstm import run_float
from sim.networks.network import (
    FloatLayer,
    FloatNetwork,
    IntegerNetwork,
    NetworkError,
    Quantization,
)
from sim.networks.quantizer import quantize
from sim.networks.streams import as_stream
from sim.networks.whole import Form, Seen, WholeModel

__all__ = [
    "BACKENDS",
    "Run",
    "check_alone",
    "make_backend",
    "precision",
    "run_file",
    "run_integer",
    "run_whole",
]

BACKENDS = ("model", "rtl", "board")


def precision(config: Config, weight_bits: int | None = None) -> dict[str, int]:
    """What ``quantize`` takes beside samples to make a network for a configuration.

    Weights have as many bits as the configuration's, or fewer if told: its words are shorter then.
    Rows have scales of their own where it has gates for that.

    Raises
    ------
    NetworkError
        They cannot have more.
    """
    width = config.multiplier.weight_width
    if weight_bits is not None and weight_bits > width:
        raise NetworkError(
            f"the network's weights must have at most the {width} bits of configuration "
            f"{config.name}, not {weight_bits}"
        )
    return {
        "weight_bits": weight_bits or width,
        "activation_bits": config.act_width,
        "row_scales": config.row_scales,
    }


def check_alone(*inputs, quantized: Path | None = None, states: tuple[str, ...] = ()):
    """Refuse of a network of nothing but LSTM layers what is for whole models.

    Raises
    ------
    NetworkError
        ``inputs`` are by name, or there is a file of integers for some layers, or states are named.
    """
    if quantized is not None:
        raise NetworkError("--quantized is for whole models; this network runs alone")
    if states:
        raise NetworkError("--state is for whole models with states among their inputs")
    if not all(isinstance(each, np.ndarray) for each in inputs):
        raise NetworkError("inputs by name are for whole models; this network takes one .npy array")


def make_backend(
    name: str,
    config: Config | None,
    latency: int = 1,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    board: str | None = None,
    port: str | None = None,
):
    """The NumPy model or the RTL simulation of ``config``, or a board with it.

    Parameters
    ----------
    name : str
        One of ``BACKENDS``.
    config : Config or None
        The accelerator; None, for a board, is what it is built with unless told.
    latency : int
        Cycles from a read address to its first data beat, where memory is simulated.
    say, progress
        Told what the RTL simulation is doing, see ``Simulation``.
    board, port : str or None
        Which board, and what it is on, see ``make_board_backend``.

    Raises
    ------
    BoardError, DeviceError
        The board does not answer, or another machine does.
    ConfigError
        There is no backend of that name, no memory is that fast, the board and its port are
        missing or too much, or rows are to have scales on a board.
    """
    if latency < 1:
        raise ConfigError(f"the memory's latency must be at least 1 cycle, not {latency}")
    if name not in BACKENDS:
        raise ConfigError(f"there is no backend {name}; the backends are {', '.join(BACKENDS)}")
    if name == "board":
        if config is not None and config.row_scales:
            raise ConfigError(
                "boards are built without gates for scales of rows: leave --row-scales out, or run "
                "with --backend model or rtl"
            )
        if board is None:
            raise ConfigError("the backend board needs --board, one of those of refrain boards")
        if port is None:
            raise ConfigError("the backend board needs --port, the serial port of the board")
        # Here, as the generator of gates comes with it, which the model runs without.
        from sim.explore.boards.backend import make_board_backend

        return make_board_backend(port, board, config)
    if board is not None or port is not None:
        raise ConfigError(f"--board and --port are for the backend board, not {name}")
    if name == "model":
        return ModelBackend(config, latency)
    # Here, for the same reason.
    from sim.explore.hardware import Simulation

    return Simulation(config, latency, say, progress)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came out of a run.

    Members
    -------
    outputs : dict of array, list or dict
        By name; an integer network has one, ``h``.
    forms : dict of Quantization or Form
        Formats of those outputs that are codes.
    figures : dict
        The report, ready for JSON.
    warnings : tuple of str
        Sentences for the user: layers that are far from floating point.
    notes : tuple of str
        Sentences that say how the inputs were taken, and what a whole model's file holds in another
        form than it ran in.
    calibrated_on_input : bool
        Whether a floating-point network was quantised on the very input that it then ran.
    """

    outputs: dict[str, np.ndarray | list]
    forms: dict[str, Quantization | Form] = field(default_factory=dict)
    figures: dict
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    calibrated_on_input: bool = False


def run_integer(
    network: IntegerNetwork,
    x: np.ndarray,
    backend,
    modes: Modes = NORMAL,
    tracer: Tracer | None = None,
) -> Run:
    """Run ``x``, int8 or floating point ``[batch, time, I]``, through an integer network.

    ``tracer`` is told what each step did.

    Raises
    ------
    NetworkError
        The input is unusable, or the network does not fit the configuration.
    """
    first = network.layers[0].directions[0]
    x = codes(x, first.input_size, first.x)
    if tracer is None:
        result = backend.run(network, x, modes=modes)
    else:
        result = tracer.run(backend, "lstm", network, x, modes=modes)
    form = network.layers[-1].directions[0].h
    figures = with_time(result.report(), backend.config)
    figures["h"] = {"scale": form.scale, "zero_point": form.zero_point}
    return Run(outputs={"h": result.h}, forms={"h": form}, figures=figures)


def run_file(
    network,
    inputs,
    samples,
    backend,
    modes: Modes = NORMAL,
    tracer: Tracer | None = None,
    *,
    weight_bits: int | None = None,
    quantized: Path | None = None,
    percentile: float | None = None,
    states: tuple[str, ...] = (),
) -> Run:
    """Run a network of any kind that ``load_network`` gives.

    Parameters
    ----------
    network : IntegerNetwork, FloatNetwork or WholeModel
        One in floating point is quantised first.
    inputs : array or dict of array
        Inputs by name only for a whole model. Integers are numbers to a network in floating point,
        and int8 codes to one in integers.
    samples : array, dict of array or None
        What a floating-point network is quantised on; None takes ``inputs``.
    backend
        What runs its LSTM layers.
    modes : Modes
        How their modes are chosen; in a whole model, the settings of each LSTM layer.
    tracer : Tracer or None
        Told what each step did.
    weight_bits : int or None
        Bits of the weights of a network that is quantised; those of the configuration when None.
    quantized : Path or None
        A file of integers for LSTM layers of a whole model, see ``given_networks``; those that it
        does not hold are quantised.
    percentile : float or None
        Of ``quantize``.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs step by step, see ``as_stream``.

    Raises
    ------
    NetworkError
        The inputs or samples are unusable, or the network does not fit the configuration.
    """
    bits = precision(backend.config, weight_bits)
    chosen = inputs if samples is None else samples
    if not isinstance(network, IntegerNetwork | FloatNetwork):
        model, notes = as_stream(network, states, [inputs, chosen])
        named = (named_inputs(model, each) for each in (inputs, chosen))
        given = {} if quantized is None else given_networks(quantized, network)
        how = {"percentile": percentile, "given": given, **bits}
        done = run_whole(model, *named, backend, modes, tracer, how=how)
        calibrated = samples is None and bool(_float_layers(network) - given.keys())
        return replace(done, notes=(*notes, *done.notes), calibrated_on_input=calibrated)
    check_alone(inputs, chosen, quantized=quantized, states=states)
    if isinstance(network, IntegerNetwork):
        return run_integer(network, inputs, backend, modes, tracer)
    integer, x = quantize(network, as_numbers(chosen), percentile, **bits), as_numbers(inputs)
    done = _compared(network, integer, x, run_integer(integer, x, backend, modes, tracer))
    return replace(done, calibrated_on_input=samples is None)


def _float_layers(model: WholeModel) -> set[str]:
    """Names of a model's layers that are in floating point."""
    return {name for name, each in model.lstm_layers.items() if isinstance(each, FloatLayer)}


def _compared(network: FloatNetwork, integer: IntegerNetwork, x: np.ndarray, done: Run) -> Run:
    """The run of a network of LSTM layers, compared with floating point."""
    truth, _ = run_float(network, x)
    h = from_codes(done.outputs["h"], done.forms["h"])
    names = [f"layer {number}" for number in range(len(network.layers))]
    judged = judge_network(names, network, integer, [Seen(x=x)])
    figures = {**done.figures, **compare({"h": truth}, {"h": h})}
    return _judged(replace(done, figures=figures), judged)


def run_whole(
    model: WholeModel,
    inputs: Mapping,
    calibration: Mapping,
    backend,
    modes: Modes = NORMAL,
    tracer: Tracer | None = None,
    *,
    how: Mapping | None = None,
) -> Run:
    """Run a whole model, its LSTM layers on ``backend`` in integers.

    Parameters
    ----------
    model : WholeModel
        What to run.
    inputs, calibration : mapping
        What it runs on, and what its layers in floating point are quantised on.
    backend, modes, tracer
        As ``run_file``.
    how : mapping or None
        Options of ``quantize``; the configuration's precision when None.

    The figures hold how near the outputs are to the model's reference, see ``compare``, and in
    ``lstm_sqnr_db`` how near each of its LSTM layers is, see ``judge_layer``.

    Raises
    ------
    NetworkError
        The inputs are unusable, or a layer does not fit the configuration.
    """
    how = precision(backend.config) if how is None else how
    nodes = LstmNodes(quantize_nodes(model, calibration, **how), backend, modes)
    outputs = model.run(inputs, nodes)
    figures = nodes.report()
    judged = []
    reference = model.reference(inputs)
    if reference is not None:
        pair = ({k: real_values(model, k, v) for k, v in e.items()} for e in (reference, outputs))
        figures |= compare(*pair)
    if _float_layers(model):
        judged = judge_nodes(model, nodes)
    forms = {name: model.forms[name] for name in model.outputs if name in model.forms}
    for name, form in forms.items():
        figures[name] = {"scale": form.scale, "zero_point": form.zero_point}
    if tracer is not None:
        nodes.trace(tracer)
    refused = nodes.why_not_resumed()
    notes = model.notes
    if refused is not None:
        notes = (*notes, f"each call begins with a normal step: {refused}")
    return _judged(Run(outputs=outputs, forms=forms, figures=figures, notes=notes), judged)


def _judged(done: Run, judged: list[Judgement]) -> Run:
    """The run with what is said about its layers."""
    ratios = {each.name: each.sqnr_db for each in judged}
    warnings = tuple(each.sentence for each in judged if each.sentence is not None)
    figures = {**done.figures, "lstm_sqnr_db": ratios} if ratios else done.figures
    if warnings:
        figures = {**figures, "warnings": list(warnings)}
    return replace(done, figures=figures, warnings=warnings)
