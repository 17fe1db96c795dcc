"""Networks on a backend: integer networks as they are, ONNX models around their LSTM nodes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hw.config import CONFIGS, Config, ConfigError
from sim.explore.files import codes
from sim.explore.given import given_networks
from sim.explore.traces import Tracer
from sim.image.image import State
from sim.image.modes import NORMAL, Modes
from sim.model.backend import ModelBackend
from sim.model.result import Result, share
from sim.networks.network import (
    FloatLayer,
    FloatNetwork,
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    NetworkError,
)
from sim.networks.quantizer import from_codes, quantize, sqnr, to_codes
from sim.networks.whole import WholeModel

__all__ = [
    "BACKENDS",
    "LstmNodes",
    "Run",
    "find_config",
    "initial_states",
    "make_backend",
    "merge_reports",
    "named_inputs",
    "precision",
    "quantize_nodes",
    "real_values",
    "run_file",
    "run_integer",
    "run_onnx",
]

BACKENDS = ("model", "rtl", "board")


def find_config(name: str) -> Config:
    """The named configuration.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in CONFIGS:
        known = ", ".join(CONFIGS)
        raise ConfigError(f"there is no configuration {name}; the configurations are {known}")
    return CONFIGS[name]


def precision(config: Config, weight_bits: int | None = None) -> dict[str, int]:
    """``weight_bits`` and ``activation_bits`` that a network is quantised to for a configuration.

    Weights have as many bits as the configuration's, or fewer if told: its words are shorter then.

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
    return {"weight_bits": weight_bits or width, "activation_bits": config.act_width}


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
        There is no backend of that name, no memory is that fast, or the board and its port
        are missing or too much.
    """
    if latency < 1:
        raise ConfigError(f"the memory's latency must be at least 1 cycle, not {latency}")
    if name not in BACKENDS:
        raise ConfigError(f"there is no backend {name}; the backends are {', '.join(BACKENDS)}")
    if name == "board":
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
    outputs : dict of array
        By name; an integer network has one, ``h``.
    figures : dict
        The report, ready for JSON.
    calibrated_on_input : bool
        Whether a floating-point network was quantised on the very input that it then ran.
    notes : tuple of str
        What a whole model's file holds in another form than it ran in, a sentence each.
    """

    outputs: dict[str, np.ndarray]
    figures: dict
    calibrated_on_input: bool = False
    notes: tuple[str, ...] = ()


def _with_time(report: dict, config: Config) -> dict:
    """The report and what follows from it at the configuration's clock."""
    step_us = None
    if report["cycles"] is not None:
        step_us = report["cycles"] / report["steps"] / config.clock_mhz
    return {**report, "clock_mhz": config.clock_mhz, "step_us": step_us}


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
    result = _run_traced(backend, tracer, "lstm", network, x, modes=modes)
    return Run(outputs={"h": result.h}, figures=_with_time(result.report(), backend.config))


def _run_traced(backend, tracer: Tracer | None, name: str, network, x, **options) -> Result:
    if tracer is None:
        return backend.run(network, x, **options)
    return tracer.run(backend, name, network, x, **options)


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
) -> Run:
    """Run a network of any kind that ``load_network`` gives.

    Parameters
    ----------
    network : IntegerNetwork, FloatNetwork or WholeModel
        One in floating point is quantised first.
    inputs : array or dict of array
        Inputs by name only for an ONNX model.
    samples : array, dict of array or None
        What a floating-point network is quantised on; None takes ``inputs``.
    backend
        What runs its LSTM layers.
    modes : Modes
        How their modes are chosen; in an ONNX model, the settings of each LSTM node.
    tracer : Tracer or None
        Told what each step did.
    weight_bits : int or None
        Bits of the weights of a network that is quantised; those of the configuration when None.
    quantized : Path or None
        A file of integers for LSTM layers of a whole model, see ``given_networks``; those that it
        does not hold are quantised.

    Raises
    ------
    NetworkError
        The inputs or samples are unusable, or the network does not fit the configuration.
    """
    bits = precision(backend.config, weight_bits)
    chosen = inputs if samples is None else samples
    if not isinstance(network, IntegerNetwork | FloatNetwork):
        named = (named_inputs(network, each) for each in (inputs, chosen))
        given = {} if quantized is None else given_networks(quantized, network)
        how = {**bits, "given": given}
        done = run_onnx(network, *named, backend, modes, tracer, bits=how)
        missing = any(
            isinstance(layer, FloatLayer) and name not in given
            for name, layer in network.lstm_layers.items()
        )
        return replace(done, calibrated_on_input=samples is None and missing)
    if quantized is not None:
        raise NetworkError("--quantized is for whole models; this network runs alone")
    if not isinstance(inputs, np.ndarray) or not isinstance(chosen, np.ndarray):
        raise NetworkError("inputs by name are for ONNX models; this network takes one .npy array")
    if isinstance(network, IntegerNetwork):
        return run_integer(network, inputs, backend, modes, tracer)
    done = run_integer(quantize(network, chosen, **bits), inputs, backend, modes, tracer)
    return replace(done, calibrated_on_input=samples is None)


def merge_reports(reports: Sequence[Mapping]) -> dict:
    """One report for runs that follow each other: counts added, names kept, lists united.

    A count that one of them does not know is unknown in the sum.
    """
    merged = dict(reports[0])
    for report in reports[1:]:
        for name, value in report.items():
            merged[name] = _add(name, merged[name], value)
    if merged["cycles"] is not None:
        merged["utilisation"] = merged["macs_done"] / (merged["lanes"] * merged["cycles"])
    for avoided, done in (("macs_avoided", "macs_done"), ("weight_bytes_avoided", "weight_bytes")):
        if f"{avoided}_share" in merged:
            merged[f"{avoided}_share"] = share(merged[avoided], merged[done])
    return merged


_NOT_ADDED = ("lanes", "utilisation", "macs_avoided_share", "weight_bytes_avoided_share")


def _add(name: str, one, other):
    if one is None or other is None:
        return None
    if isinstance(one, list):
        return sorted({*one, *other})
    if isinstance(one, Mapping):
        both = {key: _add(key, one[key], other[key]) for key in one if key in other}
        return {**one, **other, **both}
    return one if isinstance(one, str) or name in _NOT_ADDED else one + other


class LstmNodes:
    """LSTM nodes of an ONNX model on a backend; an ``LstmFunction``.

    Parameters
    ----------
    networks : dict of IntegerNetwork
        By node name; one layer each.
    backend
        What they run on.
    modes : Modes
        How modes are chosen, for each node or for all of them.
    tracer : Tracer or None
        Told what each step did.

    Members
    -------
    results : dict of list of Result
        By node name, in the order in which they ran first: a result for each call.
    """

    def __init__(
        self,
        networks: Mapping[str, IntegerNetwork],
        backend,
        modes: Modes = NORMAL,
        tracer: Tracer | None = None,
    ):
        self.networks = networks
        self.backend = backend
        self.modes = dict(zip(networks, modes.for_layers(len(networks)), strict=True))
        self.tracer = tracer
        self.results = {}

    def __call__(self, name: str, layer: FloatLayer | IntegerLayer, x, h0, c0):
        """``y, h_n, c_n`` through the integer network of node ``name``.

        Codes for a layer that is in integers already, else real values.
        """
        if name not in self.networks:
            raise NetworkError(
                f"LSTM node {name} runs for these inputs but not for the calibration samples, "
                f"which take another branch of the model; give samples that are like the inputs"
            )
        network = self.networks[name]
        if isinstance(layer, IntegerLayer):
            return self._run_codes(name, network, x, h0, c0)
        directions = network.layers[0].directions
        initial = initial_states(directions, len(x), h0, c0)
        form = directions[0].h
        options = {"initial": initial, "modes": self.modes[name]}
        codes_x = to_codes(x, directions[0].x)
        result = _run_traced(self.backend, self.tracer, name, network, codes_x, **options)
        self.results.setdefault(name, []).append(result)
        pairs = list(zip(result.states, directions, strict=True))
        h_n = np.stack([from_codes(state.h, form) for state, _ in pairs])
        c_n = np.stack([state.c * 2.0**direction.c_power for state, direction in pairs])
        return from_codes(result.h, form), h_n, c_n

    def _run_codes(self, name: str, network: IntegerNetwork, x, h0, c0):
        initial = None
        if h0 is not None:
            initial = [State(h=h, c=c) for h, c in zip(h0, c0, strict=True)]
        options = {"initial": initial, "modes": self.modes[name]}
        result = _run_traced(self.backend, self.tracer, name, network, x, **options)
        self.results.setdefault(name, []).append(result)
        h_n, c_n = (np.stack([getattr(each, s) for each in result.states]) for s in "hc")
        return result.h, h_n, c_n

    def report(self) -> dict:
        """The figures of all nodes together."""
        merged = merge_reports(
            [result.report() for results in self.results.values() for result in results]
        )
        return _with_time(merged, self.backend.config)


def initial_states(
    directions: Sequence[IntegerLstm],
    batch: int,
    h0: np.ndarray | None,
    c0: np.ndarray | None,
) -> list[State] | None:
    """Codes of a layer's states, real ``[directions, batch, H]``; None where none is given."""
    if h0 is None and c0 is None:
        return None
    return [
        _state(
            direction,
            batch,
            None if h0 is None else h0[number],
            None if c0 is None else c0[number],
        )
        for number, direction in enumerate(directions)
    ]


def _state(direction: IntegerLstm, batch: int, h: np.ndarray | None, c: np.ndarray | None) -> State:
    """Codes of a state ``[batch, H]``; what is not given is the network's own, else zero."""
    shape = (batch, direction.hidden_size)
    if h is not None:
        h_codes = to_codes(h, direction.h)
    else:
        own = direction.h0 if direction.h0 is not None else direction.h.zero_point
        h_codes = np.broadcast_to(np.asarray(own, np.int8), shape)
    if c is not None:
        scaled = np.rint(np.asarray(c, np.float64) / 2.0**direction.c_power)
        c_codes = np.clip(scaled, -32768, 32767).astype(np.int16)
    else:
        own = direction.c0 if direction.c0 is not None else 0
        c_codes = np.broadcast_to(np.asarray(own, np.int16), shape)
    return State(h=h_codes, c=c_codes)


def named_inputs(model: WholeModel, given: np.ndarray | Mapping) -> dict[str, np.ndarray]:
    """Inputs by name; one array is the input of a model that has one.

    Raises
    ------
    NetworkError
        One array is given to a model with several inputs.
    """
    if not isinstance(given, np.ndarray):
        return dict(given)
    if len(model.inputs) != 1:
        raise NetworkError(
            f"{model.path} has the inputs {', '.join(model.inputs)}; give them by name in an "
            f".npz file"
        )
    return {model.inputs[0]: given}


def quantize_nodes(
    model: WholeModel,
    inputs: Mapping,
    percentile: float | None = None,
    *,
    given: Mapping[str, IntegerNetwork] | None = None,
    **bits: int,
) -> dict:
    """Integer networks of a model's LSTM nodes, by name, calibrated on the model's ``inputs``.

    ``bits`` are ``weight_bits`` and ``activation_bits`` of ``quantize``. Nodes that are ``given``
    in integers, or are in the model itself, stay as they are.
    """
    integers = {
        name: IntegerNetwork(layers=(layer,))
        for name, layer in model.lstm_layers.items()
        if isinstance(layer, IntegerLayer)
    }
    given = {**integers, **(given or {})}
    if given.keys() >= model.lstm_layers.keys():
        return dict(given)
    seen = model.capture(inputs)
    return {
        name: given[name]
        if name in given
        else quantize(model.lstm_layers[name], calls, percentile, **bits)
        for name, calls in seen.items()
    }


def real_values(model: WholeModel, name: str, values: np.ndarray) -> np.ndarray:
    """An output's values; what codes mean, where it is one of codes."""
    return from_codes(values, model.forms[name]) if name in model.forms else values


def run_onnx(
    model: WholeModel,
    inputs: Mapping,
    calibration: Mapping,
    backend,
    modes: Modes = NORMAL,
    tracer: Tracer | None = None,
    *,
    bits: Mapping[str, int] | None = None,
) -> Run:
    """Run a whole model, its LSTM nodes on ``backend`` in integers of ``precision``.

    The figures hold ``sqnr_db``, the outputs' signal-to-noise ratio against the model's reference.

    Raises
    ------
    NetworkError
        The inputs are unusable, or a node does not fit the configuration.
    """
    bits = precision(backend.config) if bits is None else bits
    nodes = LstmNodes(quantize_nodes(model, calibration, **bits), backend, modes, tracer)
    outputs = model.run(inputs, nodes)
    figures = nodes.report()
    reference = model.reference(inputs)
    if reference is not None:
        figures["sqnr_db"] = {
            name: sqnr(*(real_values(model, name, each[name]) for each in (reference, outputs)))
            for name in model.outputs
        }
    return Run(outputs=outputs, figures=figures, notes=model.notes)
