"""LSTM layers of whole models, in integers on a backend."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sim.explore.reports import merge_reports, with_time
from sim.explore.traces import Tracer
from sim.image.image import State
from sim.image.modes import NORMAL, LayerModes, Modes
from sim.model.result import Result
from sim.networks.codes import from_codes, to_codes
from sim.networks.network import (
    FloatLayer,
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    NetworkError,
)
from sim.networks.quantizer import quantize
from sim.networks.whole import Seen, WholeModel

__all__ = ["LstmNodes", "initial_states", "named_inputs", "quantize_nodes"]


class LstmNodes:
    """LSTM layers of a whole model on a backend; an ``LstmFunction``.

    A call that begins with the state that the layer's last call left goes on from it: the machine's
    references and sums stay, as if both calls were one.

    Parameters
    ----------
    networks : dict of IntegerNetwork
        By layer name; one layer each.
    backend
        What they run on.
    modes : Modes
        How modes are chosen, for each layer or for all of them.

    Members
    -------
    results : dict of list of Result
        By layer name, in the order in which they ran first: a result for each call.
    """

    def __init__(self, networks: Mapping[str, IntegerNetwork], backend, modes: Modes = NORMAL):
        if not backend.config.states:
            raise NetworkError(
                f"the LSTM layers of a whole model give their last states, and configuration "
                f"{backend.config.name} was made without gates for states in memory: make the "
                f"machine with states = true, or run the network that 'refrain quantize' writes"
            )
        self.backend = backend
        settings = modes.for_layers(len(networks))
        # What a layer's last run left stays only where no other layer runs in between.
        alone = len(networks) == 1
        self._nodes = {
            name: _Node(network, backend if alone else backend.sibling(), each)
            for (name, network), each in zip(networks.items(), settings, strict=True)
        }
        self._ran = {}

    @property
    def networks(self) -> dict[str, IntegerNetwork]:
        """The networks by layer name."""
        return {name: node.network for name, node in self._nodes.items()}

    @property
    def modes(self) -> dict[str, LayerModes]:
        """How modes are chosen, by layer name."""
        return {name: node.modes for name, node in self._nodes.items()}

    @property
    def results(self) -> dict[str, list[Result]]:
        """By layer name, in the order in which they ran first: a result for each call."""
        return {name: node.results for name, node in self._ran.items()}

    def __call__(self, name: str, layer: FloatLayer | IntegerLayer, x, h0, c0):
        """``y, h_n, c_n`` through the integer network of layer ``name``."""
        if name not in self._nodes:
            raise NetworkError(
                f"LSTM node {name} runs for these inputs but not for the calibration samples, "
                f"which take another branch of the model; give samples that are like the inputs"
            )
        node = self._ran.setdefault(name, self._nodes[name])
        if isinstance(layer, IntegerLayer):
            return node.run_codes(x, h0, c0)
        return node.run(x, h0, c0)

    def report(self) -> dict:
        """The figures of all calls together.

        Raises
        ------
        NetworkError
            Nothing ran.
        """
        if not self._ran:
            raise NetworkError(
                "no LSTM layer ran for these inputs, which take a branch of the model without one; "
                "give inputs that reach an LSTM layer"
            )
        merged = merge_reports(
            [result.report() for results in self.results.values() for result in results]
        )
        return with_time(merged, self.backend.config)

    def sequences(self) -> dict[str, list[tuple[Seen, np.ndarray]]]:
        """What layers in floating point were given, and their real ``h``.

        Calls that went on from the one before are one.
        """
        return {name: node.sequences() for name, node in self._ran.items() if node.pieces[-1].real}

    def trace(self, tracer: Tracer) -> None:
        """Run all again for ``tracer``: it is told what each step did."""
        for name, node in self._ran.items():
            for piece in node.pieces:
                x = np.concatenate(piece.x, axis=1)
                options = {"initial": piece.initial, "modes": node.modes}
                tracer.run(self.backend, name, node.network, x, **options)

    def why_not_resumed(self) -> str | None:
        """Why a call that could have gone on from the one before did not; None where all did."""
        return next((node.refused for node in self._ran.values() if node.refused), None)


_HALF = float(np.finfo(np.float16).max)


class _Piece:
    """Calls of a layer that are one run: codes of the first state and of each ``x`` and ``h``.

    Of a layer in floating point also the real values of ``x`` and of the state to begin with.
    """

    def __init__(self, initial: list[State] | None):
        self.initial, self.x, self.h = initial, [], []
        self.real, self.begin = [], (None, None)


class _Node:
    """One layer on its backend."""

    def __init__(self, network: IntegerNetwork, backend, modes):
        self.network, self.backend, self.modes = network, backend, modes
        self.directions = network.layers[0].directions
        self.results, self.pieces, self.refused = [], [], None

    def run(self, x: np.ndarray, h0, c0) -> tuple:
        """A call in real values."""
        initial = initial_states(self.directions, len(x), h0, c0)
        form = self.directions[0].h
        halves = c0 is not None and np.array_equal(c0, np.float16(np.clip(c0, -_HALF, _HALF)))
        result = self._run(to_codes(x, self.directions[0].x), initial, halves=halves)
        piece = self.pieces[-1]
        piece.begin = piece.begin if piece.real else (h0, c0)
        piece.real.append(x)
        pairs = list(zip(result.states, self.directions, strict=True))
        h_n = np.stack([from_codes(state.h, form) for state, _ in pairs])
        c_n = np.stack([state.c * 2.0**direction.c_power for state, direction in pairs])
        return from_codes(result.h, form), h_n, c_n

    def run_codes(self, x: np.ndarray, h0, c0) -> tuple:
        """A call in codes."""
        initial = None
        if h0 is not None or c0 is not None:
            begin = [[None] * len(self.directions) if s is None else s for s in (h0, c0)]
            initial = [
                _state(each, len(x), h, c, real=False)
                for each, h, c in zip(self.directions, *begin, strict=True)
            ]
        result = self._run(x, initial)
        states = result.states
        return result.h, np.stack([s.h for s in states]), np.stack([s.c for s in states])

    def _run(self, x: np.ndarray, initial: list[State] | None, *, halves: bool = False) -> Result:
        goes_on = self._goes_on(len(x), initial, halves=halves)
        result = None
        if goes_on and self.refused is None:
            try:
                result = self.backend.run(self.network, x, modes=self.modes, resume=True)
            except NetworkError as error:
                # The layer or the backend cannot keep its state; values are right all the same.
                self.refused = str(error)
        if result is None:
            result = self.backend.run(self.network, x, modes=self.modes, initial=initial)
            self.pieces.append(_Piece(initial))
        self.results.append(result)
        self.pieces[-1].x.append(x)
        self.pieces[-1].h.append(result.h)
        return result

    def _goes_on(self, batch: int, initial: list[State] | None, *, halves: bool) -> bool:
        """Whether a call begins where the last one ended.

        With ``halves`` the state came in values of float16, which are shorter than its codes.
        """
        if initial is None or not self.results or len(self.directions) != 1 or batch != 1:
            return False
        last = self.results[-1].states[0]
        return (
            not self.directions[0].reverse
            and np.array_equal(initial[0].h, last.h)
            and (
                np.array_equal(initial[0].c, last.c)
                or (halves and np.array_equal(*(np.float16(s.c) for s in (initial[0], last))))
            )
        )

    def sequences(self) -> list[tuple[Seen, np.ndarray]]:
        """See ``LstmNodes.sequences``."""
        found = []
        for piece in self.pieces:
            h0, c0 = piece.begin
            seen = Seen(x=np.concatenate(piece.real, axis=1), h0=h0, c0=c0)
            found.append((seen, from_codes(np.concatenate(piece.h, axis=1), self.directions[0].h)))
        return found


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


def _state(
    direction: IntegerLstm,
    batch: int,
    h: np.ndarray | None,
    c: np.ndarray | None,
    *,
    real: bool = True,
) -> State:
    """Codes of a state ``[batch, H]``; what is not given is the network's own, else zero."""
    shape = (batch, direction.hidden_size)
    if h is not None:
        h_codes = to_codes(h, direction.h) if real else np.asarray(h, direction.h.dtype)
    else:
        own = direction.h0 if direction.h0 is not None else direction.h.zero_point
        h_codes = np.broadcast_to(np.asarray(own, direction.h.dtype), shape)
    if c is not None and not real:
        c_codes = np.asarray(c, np.int16)
    elif c is not None:
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
    by: Callable = quantize,
    **bits: int,
) -> dict[str, IntegerNetwork]:
    """Integer networks of a model's LSTM layers, by name, calibrated on the model's ``inputs``.

    ``bits`` are ``weight_bits``, ``activation_bits`` and ``row_scales`` of ``quantize``, and ``by``
    is that or what gives the same. Layers that are in integers, or ``given`` in integers, stay as
    they are.

    Raises
    ------
    NetworkError
        The inputs are unusable, or a layer has no integer form.
    """
    layers = model.lstm_layers
    networks = dict(given or {})
    for name, layer in layers.items():
        if isinstance(layer, IntegerLayer):
            networks[name] = IntegerNetwork(layers=(layer,))
    if networks.keys() >= layers.keys():
        return {name: networks[name] for name in layers}
    for name, seen in model.capture(inputs).items():
        if name not in networks:
            try:
                networks[name] = by(layers[name], seen, percentile, **bits)
            except NetworkError as error:
                raise NetworkError(f"{model.path}: LSTM node {name}: {error}") from None
    return {name: networks[name] for name in layers if name in networks}
