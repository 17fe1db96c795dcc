"""From a network and a configuration to an image: addresses, residency and descriptors."""

from dataclasses import dataclass, replace

import numpy as np

from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES
from hw.maps.layout import MAP_WORD_BYTES
from sim.image.check import (
    check_fit,
    check_held,
    check_input,
    check_lookahead,
    check_scores,
    check_states,
    check_thresholds,
)
from sim.image.image import Image, Placement, State
from sim.image.keeping import place_states, resume_refusal
from sim.image.levels import level_fields
from sim.image.maps import (
    StoredColumns,
    StoredWords,
    map_words,
    multiplies_to_zero,
)
from sim.image.memory import Rows, States, align, state_bytes
from sim.image.modes import LayerModes, Modes
from sim.image.options import RunOptions
from sim.image.parameters import cell_fields, cell_parameters, unit_bytes
from sim.image.residency import most_resident, residency
from sim.image.weights import fewest_beats, part_beats
from sim.networks.check import check_codes, check_integer
from sim.networks.network import IntegerLayer, IntegerLstm, IntegerNetwork, NetworkError

__all__ = ["compile_network", "compile_run", "initial_state"]

_ALIGN = 64
"""Every region starts at a multiple of this, whatever the bus width; weights at a column word."""


def compile_run(
    network: IntegerNetwork, x: np.ndarray, config: Config, options: RunOptions
) -> Image:
    """Lay out ``network`` for a run on codes ``x`` ``[sequences, steps, I]``.

    Raises
    ------
    NetworkError
        The input is none of the network's, or the network does not fit ``config``.
    """
    check_integer(network)
    check_input(network, x)
    return _compile(network, config, x.shape[1], x.shape[0], options)


def compile_network(
    network: IntegerNetwork, config: Config, *, steps: int, sequences: int, **options
) -> Image:
    """Lay out ``network`` for runs of ``sequences`` sequences of ``steps`` steps.

    Parameters
    ----------
    network : IntegerNetwork
        What is laid out.
    config : Config
        The machine that runs it.
    steps, sequences : int
        Time steps of a sequence, and sequences of a run.
    options
        See ``RunOptions``.

    Raises
    ------
    NetworkError
        The network does not fit ``config``.
    """
    check_integer(network)
    if steps < 1 or sequences < 1:
        raise NetworkError(
            f"a run must have at least one sequence and one step, not {sequences} of {steps}"
        )
    return _compile(network, config, steps, sequences, RunOptions(**options))


def _compile(network, config: Config, steps: int, sequences: int, options: RunOptions) -> Image:
    packer = _Packer(config, steps, sequences, options)
    constants = packer.place_network(network)
    x = packer.place_rows(network.layers[0].input_size)
    base = packer.end
    placements = _place_layers(packer, network, x, constants)
    if packer.end > 1 << config.addr_width:
        raise NetworkError(
            f"the run needs {packer.end} bytes of memory, and addresses reach "
            f"{1 << config.addr_width}"
        )
    return Image(
        config=config,
        steps=steps,
        sequences=sequences,
        descriptor=0,
        placements=tuple(placements),
        x=x,
        output_base=base,
        output_limit=packer.end,
        size=packer.end,
    )


def _initial_states(directions, initial, sequences: int) -> list[State | None]:
    """State that each direction begins with: the given one, else its own, else none."""
    if initial is None:
        initial = [None] * len(directions)
    if len(initial) != len(directions):
        raise NetworkError(
            f"initial must hold a state for each of {len(directions)} directions, not "
            f"{len(initial)}"
        )
    return [
        initial_state(direction, given, sequences)
        for direction, given in zip(directions, initial, strict=True)
    ]


def initial_state(direction: IntegerLstm, given: State | None, sequences: int) -> State | None:
    """State that a run begins with: the given one, else the network's; None where it is zero."""
    if given is None and direction.h0 is None and direction.c0 is None:
        return None
    h = direction.h0 if given is None else given.h
    c = direction.c0 if given is None else given.c
    shape = (sequences, direction.hidden_size)
    h = direction.h.dtype(direction.h.zero_point) if h is None else h
    c = np.int16(0) if c is None else c
    for name, value, dtype in (("h0", h, direction.h.dtype), ("c0", c, np.int16)):
        if value.dtype != dtype or value.shape not in ((), shape[1:], shape):
            raise NetworkError(
                f"{name} must be {dtype.__name__} {list(shape)}, not {value.dtype} "
                f"{list(value.shape)}"
            )
    check_codes("h0", h, direction.h)
    return State(h=np.broadcast_to(h, shape), c=np.broadcast_to(c, shape))


@dataclass(frozen=True, kw_only=True)
class _Constants:
    """Of a direction: descriptor fields that do not change in a run, and its initial states."""

    fields: dict[str, int]
    stored: StoredColumns | None
    initial: State | None = None
    state_in: States | None = None


class _Packer:
    """Hands out memory from address 0 up, and words of the memories of weights and of maps."""

    def __init__(self, config: Config, steps: int, sequences: int, options: RunOptions):
        self.config, self.steps, self.sequences = config, steps, sequences
        self.options = options
        self.descriptors = 0
        self.keeps = False
        self.end = 0
        self.words = 0
        self.map_words = 0

    def take(self, size: int, multiple: int = _ALIGN) -> int:
        """Address of ``size`` new bytes, at such a multiple."""
        addr = align(self.end, multiple)
        self.end = align(addr + size, _ALIGN)
        return addr

    def place_rows(self, codes: int, widest: int = 0) -> Rows:
        """Rows of ``codes`` values, as far apart as rows of ``widest`` values would be."""
        size = self.config.code_bytes
        stride = align(size * max(codes, widest), self.config.bus_bytes)
        return Rows(
            addr=self.take(self.sequences * self.steps * stride),
            codes=codes,
            stride=stride,
            steps=self.steps,
            sequences=self.sequences,
            code_bytes=size,
        )

    def place_states(self, units: int) -> States:
        """A state for each sequence."""
        stride = align(4 * units, state_bytes(self.config))
        addr = self.take(self.sequences * stride)
        return States(
            addr=addr,
            units=units,
            stride=stride,
            sequences=self.sequences,
            code_bytes=self.config.code_bytes,
        )

    def place_network(self, network: IntegerNetwork) -> list["_Constants"]:
        """Room for the descriptors and for what does not change in a run, for each direction."""
        modes = Modes.of(self.options.modes).for_layers(len(network.layers))
        places = place_states(network, self.config)
        resume, initial = self.options.resume, self.options.initial
        refusal = resume_refusal(places, self.sequences, modes, initial) if resume else None
        if refusal is not None:
            raise NetworkError(refusal)
        self.keeps = places.refusal is None
        directions = [
            (k, each) for k, layer in enumerate(network.layers) for each in layer.directions
        ]
        states = _initial_states(
            [direction for _, direction in directions], initial, self.sequences
        )
        if resume:
            states = [None] * len(directions)
        self.descriptors = len(directions)
        self.end = DESCRIPTOR_BYTES * self.descriptors
        constants = [
            self._place_constants(k, direction, modes[k], place)
            for (k, direction), place in zip(directions, places.fields, strict=True)
        ]
        # Behind all constants, which so have their places whether there are states or not.
        return [
            self._place_initial(direction, state, each)
            for (_, direction), state, each in zip(directions, states, constants, strict=True)
        ]

    def _place_initial(
        self, direction: IntegerLstm, state: State | None, constants: "_Constants"
    ) -> "_Constants":
        if state is not None and not self.config.states:
            _check_zero(direction, state, self.config)
            state = None
        state_in = None if state is None else self.place_states(direction.hidden_size)
        fields = constants.fields | {"load_state": int(state is not None)}
        return replace(constants, fields=fields, initial=state, state_in=state_in)

    def _place_constants(
        self, layer: int, direction: IntegerLstm, modes: LayerModes, place: dict[str, int]
    ) -> "_Constants":
        config, resume = self.config, self.options.resume
        load = self.options.load and not resume
        shared = self.descriptors > 1 and not self.keeps
        cell = cell_parameters(direction)
        check_fit(layer, direction, cell, config)
        check_lookahead(layer, modes.lookahead, config)
        check_thresholds(layer, modes.fields(), config)
        check_scores(layer, modes.fields(), config)
        params_addr = self.take(unit_bytes(cell.by_row) * direction.hidden_size)
        stored = self._stored(direction)
        weights = self._place_weights(direction, stored)
        columns, blocks = (
            direction.input_size + direction.hidden_size,
            config.blocks(direction.hidden_size),
        )
        streamed = blocks - weights["resident_blocks"]
        if streamed:
            check_held(layer, direction, modes.lookahead, config)
        fields = {
            "resume": int(resume),
            "load_params": int(load or shared),
            "load_weights": int(load and streamed < blocks),
            "store_state": int(self.options.stores(config)),
            "input_size": direction.input_size,
            "hidden_size": direction.hidden_size,
            "steps": self.steps,
            "sequences": self.sequences,
            "params_addr": params_addr,
            **weights,
            "x_zero": direction.x.zero_point,
            **cell_fields(cell),
            **modes.fields(),
            **level_fields(modes, config),
            "dense_macs": columns * 4 * direction.hidden_size,
            "dense_bytes": streamed * columns * config.column_bytes,
            **place,
        }
        return _Constants(fields=fields, stored=stored)

    def _stored(self, direction: IntegerLstm) -> StoredColumns | None:
        """Which columns have words in memory, of a layer with a map; else None: every column."""
        config = self.config
        if not config.mapped or not multiplies_to_zero(config.multiplier):
            return None
        words = _map_words(direction, config)
        stored = StoredColumns.of(direction, config)
        if not stored.left_out or self.map_words + words > config.map_words:
            return None
        return stored

    def _place_weights(
        self, direction: IntegerLstm, stored: StoredColumns | None
    ) -> dict[str, int]:
        """Descriptor fields of the weights, which are given their places."""
        config, base = self.config, self.words
        columns = direction.input_size + direction.hidden_size
        blocks = config.blocks(direction.hidden_size)
        words = np.full(blocks, columns) if stored is None else stored.block_words
        kept = self._keep(words)
        resident = residency(kept, blocks)
        self.words += int(words[resident].sum())
        x_beats, beats = fewest_beats(direction.W, direction.R, config)
        fields = {
            "word_beats": beats,
            "x_word_beats": x_beats if x_beats != beats else 0,
            "resident_blocks": kept,
            "resident_base": base if kept else 0,
        }
        if stored is not None:
            return fields | self._place_map(direction, stored, resident, part_beats(fields))
        block_beats = direction.input_size * x_beats + direction.hidden_size * beats
        block_bytes = block_beats * config.bus_bytes
        return fields | {
            "block_bytes": block_bytes,
            "weights_addr": self._take_words(blocks * block_bytes),
            "mapped": 0,
        }

    def _place_map(
        self,
        direction: IntegerLstm,
        stored: StoredColumns,
        resident: np.ndarray,
        beats: tuple[int, int],
    ) -> dict[str, int]:
        """Descriptor fields of a map and of the words that it says are stored."""
        base, words = self.map_words, _map_words(direction, self.config)
        self.map_words += words
        sizes = StoredWords.sizes(stored, resident, self.config, beats)
        return {
            "mapped": 1,
            "block_bytes": 0,
            "map_addr": self.take(MAP_WORD_BYTES * words),
            "map_base": base,
            "map_words": words,
            "resident_x_words": int(stored.x[resident].sum()),
            "resident_h_words": int(stored.h[resident].sum()),
            "weights_addr": self._take_words(sizes["resident"]),
            "x_stream_addr": self._take_words(sizes["x_stream"]),
            "h_stream_addr": self._take_words(sizes["h_stream"]),
        }

    def _take_words(self, size: int) -> int:
        return self.take(size, max(_ALIGN, self.config.column_bytes))

    def _keep(self, words: np.ndarray) -> int:
        """Blocks of a direction that live in the weight memory, of such column words each."""
        resident, blocks = self.options.resident, len(words)
        fit = most_resident(words, self.config.weight_words - self.words)
        if resident is None:
            return fit
        if resident and fit < blocks:
            raise NetworkError(
                f"resident weights need {self.words + int(words.sum())} column words or more, and "
                f"configuration {self.config.name} holds {self.config.weight_words}"
            )
        return blocks if resident else 0


def _check_zero(direction: IntegerLstm, state: State, config: Config) -> None:
    """Refuse a state that is not zero; every machine begins with zero by itself."""
    if np.any(state.h != direction.h.zero_point) or np.any(state.c):
        check_states("a layer begins with a state that is not zero", config)


def _map_words(direction: IntegerLstm, config: Config) -> int:
    hidden = direction.hidden_size
    return map_words(direction.input_size, hidden, config.blocks(hidden))


def _place_layers(packer: _Packer, network: IntegerNetwork, x: Rows, constants) -> list[Placement]:
    """Placements of all directions, each layer reading what the one below wrote."""
    placements = []
    inputs = [x]
    for k, layer in enumerate(network.layers):
        outputs = _place_outputs(packer, layer)
        for direction, h in zip(layer.directions, outputs, strict=True):
            fixed = constants[len(placements)]
            stored = packer.options.stores(packer.config)
            state_out = packer.place_states(direction.hidden_size) if stored else None
            placements.append(
                Placement(
                    layer=k,
                    direction=direction,
                    fields=fixed.fields
                    | _addresses(direction, inputs, h, fixed.state_in, state_out),
                    initial=fixed.initial,
                    stored=fixed.stored,
                    h=h,
                    state_in=fixed.state_in,
                    state_out=state_out,
                )
            )
        inputs = outputs
    placements[-1].fields["last"] = 1
    return placements


def _place_outputs(packer: _Packer, layer: IntegerLayer) -> list[Rows]:
    """Output rows of each direction; their strides are equal, as the next layer wants them."""
    widest = max(direction.hidden_size for direction in layer.directions)
    return [packer.place_rows(direction.hidden_size, widest) for direction in layer.directions]


def _addresses(direction, inputs, h, state_in, state_out) -> dict[str, int]:
    """Descriptor fields of what a run reads and writes."""
    x_addr, x_step, x_sequence = inputs[0].walk(direction.reverse)
    h_addr, h_step, h_sequence = h.walk(direction.reverse)
    states = state_in or state_out
    return {
        "x_addr": x_addr,
        "x_tail_addr": inputs[-1].walk(direction.reverse)[0],
        "x_head_size": inputs[0].codes,
        "x_step_stride": x_step,
        "x_sequence_stride": x_sequence,
        "h_addr": h_addr,
        "h_step_stride": h_step,
        "h_sequence_stride": h_sequence,
        "state_in_addr": state_in.addr if state_in else 0,
        "state_out_addr": state_out.addr if state_out else 0,
        "state_sequence_stride": states.stride if states else 0,
    }
