"""From a network and a configuration to an image: addresses, residency and descriptors."""

from collections.abc import Sequence

import numpy as np

from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES
from sim.image.check import check_fit
from sim.image.image import Image, Placement, State
from sim.image.memory import Rows, States, align, state_bytes
from sim.image.parameters import cell_fields, cell_parameters
from sim.networks.check import check_integer
from sim.networks.network import IntegerLayer, IntegerLstm, IntegerNetwork, NetworkError

__all__ = ["compile_network", "initial_state"]

_ALIGN = 64
"""Every region starts at a multiple of this, whatever the bus width."""


def compile_network(
    network: IntegerNetwork,
    config: Config,
    *,
    steps: int,
    sequences: int,
    initial: Sequence[State | None] | None = None,
    resident: bool | None = None,
    load: bool = True,
    store_state: bool = True,
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
    initial : a State or None for each direction, layer by layer, or None
        States to begin with; None takes those of the network, else zero.
    resident : bool or None
        True keeps all weights in the weight memory, False streams all of them, None keeps as many
        blocks as fit, first layer first.
    load : bool
        Read resident weights and parameters from memory; False where the machine still holds them
        from the run before (parameters only if the network is a single direction: the machine
        keeps one set).
    store_state : bool
        Write the final states.

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
    directions = [(k, each) for k, layer in enumerate(network.layers) for each in layer.directions]
    states = _initial_states([direction for _, direction in directions], initial, sequences)
    packer = _Packer(config, steps, sequences, len(directions))
    constants = []
    for (k, direction), state in zip(directions, states, strict=True):
        constants.append(packer.place_constants(k, direction, state, resident, load, store_state))
    x = packer.place_rows(network.layers[0].input_size)
    base = packer.end
    placements = _place_layers(packer, network, x, constants, states, store_state)
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
    h = np.int8(direction.h.zero_point) if h is None else h
    c = np.int16(0) if c is None else c
    for name, value, dtype in (("h0", h, np.int8), ("c0", c, np.int16)):
        if value.dtype != dtype or value.shape not in ((), shape[1:], shape):
            raise NetworkError(
                f"{name} must be {dtype.__name__} {list(shape)}, not {value.dtype} "
                f"{list(value.shape)}"
            )
    return State(h=np.broadcast_to(h, shape), c=np.broadcast_to(c, shape))


class _Packer:
    """Hands out memory from address 0 up, and words of the weight memory."""

    def __init__(self, config: Config, steps: int, sequences: int, descriptors: int):
        self.config, self.steps, self.sequences = config, steps, sequences
        self.descriptors = descriptors
        self.end = DESCRIPTOR_BYTES * descriptors
        self.words = 0

    def take(self, size: int) -> int:
        """Address of ``size`` new bytes."""
        addr = self.end
        self.end = align(addr + size, _ALIGN)
        return addr

    def place_rows(self, codes: int, widest: int = 0) -> Rows:
        """Rows of ``codes`` values, as far apart as rows of ``widest`` values would be."""
        stride = align(max(codes, widest), self.config.bus_bytes)
        addr = self.take(self.sequences * self.steps * stride)
        return Rows(
            addr=addr, codes=codes, stride=stride, steps=self.steps, sequences=self.sequences
        )

    def place_states(self, units: int) -> States:
        """A state for each sequence."""
        stride = align(4 * units, state_bytes(self.config))
        addr = self.take(self.sequences * stride)
        return States(addr=addr, units=units, stride=stride, sequences=self.sequences)

    def place_constants(self, layer, direction, state, resident, load, store_state):
        """Descriptor fields of what does not change in a run, and the initial states."""
        config = self.config
        cell = cell_parameters(direction)
        check_fit(layer, direction, cell, config)
        columns = direction.input_size + direction.hidden_size
        blocks = config.blocks(direction.hidden_size)
        kept, base = self._keep(blocks, columns, resident), self.words
        self.words += kept * columns
        fields = {
            "load_params": int(load or self.descriptors > 1),
            "load_weights": int(load and kept > 0),
            "load_state": int(state is not None),
            "store_state": int(store_state),
            "input_size": direction.input_size,
            "hidden_size": direction.hidden_size,
            "steps": self.steps,
            "sequences": self.sequences,
            "params_addr": self.take(16 * direction.hidden_size),
            "weights_addr": self.take(blocks * columns * config.column_bytes),
            "block_bytes": columns * config.column_bytes,
            "resident_blocks": kept,
            "resident_base": base if kept else 0,
            "x_zero": direction.x.zero_point,
            **cell_fields(cell),
        }
        return fields, None if state is None else self.place_states(direction.hidden_size)

    def _keep(self, blocks: int, columns: int, resident: bool | None) -> int:
        """Blocks of a direction that live in the weight memory."""
        fit = min(blocks, (self.config.weight_words - self.words) // columns)
        if resident is None:
            return fit
        if resident and fit < blocks:
            raise NetworkError(
                f"resident weights need {self.words + blocks * columns} column words or more, and "
                f"configuration {self.config.name} holds {self.config.weight_words}"
            )
        return blocks if resident else 0


def _place_layers(packer, network: IntegerNetwork, x: Rows, constants, states, store_state):
    """Placements of all directions, each layer reading what the one below wrote."""
    placements = []
    inputs = [x]
    for k, layer in enumerate(network.layers):
        outputs = _place_outputs(packer, layer)
        for direction, h in zip(layer.directions, outputs, strict=True):
            fields, state_in = constants[len(placements)]
            state_out = packer.place_states(direction.hidden_size) if store_state else None
            fields |= _addresses(direction, inputs, h, state_in, state_out)
            placements.append(
                Placement(
                    layer=k,
                    direction=direction,
                    fields=fields,
                    initial=states[len(placements)],
                    h=h,
                    state_in=state_in,
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
