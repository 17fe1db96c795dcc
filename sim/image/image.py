"""A network laid out in the machine's memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hw import descriptor
from hw.config import Config
from sim.image.maps import StoredColumns, pack_map, pack_stored
from sim.image.memory import Rows, States
from sim.image.parameters import cell_parameters, pack_params
from sim.image.residency import residency
from sim.image.weights import pack_weights, part_beats
from sim.networks.network import IntegerLstm, NetworkError

__all__ = ["Image", "Placement", "State"]


@dataclass(frozen=True, kw_only=True)
class State:
    """Hidden and cell state of one direction: codes ``h`` and int16 ``c``, ``[sequences, H]``."""

    h: np.ndarray
    c: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One direction of one layer in memory.

    Members
    -------
    layer : int
        Index of its layer.
    direction : IntegerLstm
        What is computed.
    fields : dict
        Values of its descriptor (``hw.descriptor.FIELDS``).
    initial : State or None
        State that its sequences begin with, where one is loaded.
    h : Rows
        Its outputs, in time order whatever its direction.
    state_in, state_out : States or None
        Initial and final states, where they are loaded and stored.
    stored : StoredColumns or None
        Columns of which words are stored, in a layer with a map; None where all are.
    """

    layer: int
    direction: IntegerLstm
    fields: dict[str, int]
    initial: State | None
    h: Rows
    state_in: States | None
    state_out: States | None
    stored: StoredColumns | None = None

    @property
    def plain(self) -> bool:
        """Whether every column is an event of every step."""
        return not any(self.fields[name] for name in ("plan", "skip", "zero_skip"))

    @property
    def group(self) -> int:
        """Steps whose ``x`` parts one fetch of the streamed weights serves."""
        fields = self.fields
        return max(fields["lookahead"], 1) if fields["dense_bytes"] else 1


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a run needs in memory, and where it leaves its results.

    Members
    -------
    config : Config
        The machine it is made for.
    steps, sequences : int
        Time steps of a sequence, and sequences.
    descriptor : int
        Address of the first descriptor; the table is contiguous.
    placements : tuple of Placement
        One for each descriptor, in order.
    x : Rows
        Where the input goes.
    output_base, output_limit : int
        First byte that is written, and first byte behind what is written.
    size : int
        Bytes of memory in use, from address 0.
    """

    config: Config
    steps: int
    sequences: int
    descriptor: int
    placements: tuple[Placement, ...]
    x: Rows
    output_base: int
    output_limit: int
    size: int

    @cached_property
    def table(self) -> bytes:
        """The descriptors.

        In images of resumed runs of one network nothing else differs before ``x``.
        """
        return b"".join(descriptor.pack(**placement.fields) for placement in self.placements)

    @cached_property
    def data(self) -> bytes:
        """Memory from address 0 to ``x``: descriptors, parameters, weights, maps and states."""
        memory = bytearray(self.x.addr)
        _write(memory, self.descriptor, self.table)
        for placement in self.placements:
            fields, direction = placement.fields, placement.direction
            _write(memory, fields["params_addr"], _pack_params(direction))
            for addr, data in self._weights(placement):
                _write(memory, addr, data)
            if placement.state_in:
                initial = placement.state_in.pack(placement.initial.h, placement.initial.c)
                _write(memory, placement.state_in.addr, initial)
        return bytes(memory)

    def _weights(self, placement: Placement) -> Iterator[tuple[int, bytes]]:
        """Addresses and bytes of a direction's weights and map."""
        config, fields, direction = self.config, placement.fields, placement.direction
        beats, stored = part_beats(fields), placement.stored
        if stored is None:
            packed = pack_weights(direction.W, direction.R, config, beats)
            yield fields["weights_addr"], packed
            return
        resident = residency(fields["resident_blocks"], len(stored.x))
        words = pack_stored(direction, stored, resident, config, beats)
        yield fields["map_addr"], pack_map(stored, resident)
        yield fields["weights_addr"], words.resident
        yield fields["x_stream_addr"], words.x_stream
        yield fields["h_stream_addr"], words.h_stream

    @property
    def weight_bits(self) -> tuple[int, ...]:
        """Bits that weights take in memory, each number that occurs."""
        config = self.config
        beats = {each for placement in self.placements for each in part_beats(placement.fields)}
        return tuple(sorted(each * config.bus_width // config.lanes for each in beats))

    @property
    def left_out_words(self) -> int:
        """Column words that are all zero and not stored."""
        return sum(each.stored.left_out for each in self.placements if each.stored)

    @property
    def outputs(self) -> tuple[Placement, ...]:
        """The directions of the last layer."""
        last = self.placements[-1].layer
        return tuple(placement for placement in self.placements if placement.layer == last)

    def pack_x(self, x: np.ndarray) -> bytes:
        """Bytes at ``x.addr`` that hold codes ``x`` ``[sequences, steps, I]``."""
        shape = (self.sequences, self.steps, self.x.codes)
        dtype = np.dtype(self.placements[0].direction.x.dtype)
        if x.shape != shape or x.dtype != dtype:
            raise NetworkError(f"x must be {dtype} {list(shape)}, not {x.dtype} {list(x.shape)}")
        return self.x.pack(x)

    def unpack_h(self, memory: bytes | np.ndarray, base: int = 0) -> np.ndarray:
        """Outputs of the last layer, codes ``[sequences, steps, sum of H]``.

        ``memory`` is what the machine left from address ``base`` on.
        """
        return np.concatenate([each.h.unpack(memory, base) for each in self.outputs], axis=2)

    def unpack_states(self, memory: bytes | np.ndarray, base: int = 0) -> tuple[State, ...]:
        """Final state of each direction; none where states are not stored."""
        states = (each.state_out.unpack(memory, base) for each in self.placements if each.state_out)
        return tuple(State(h=h, c=c) for h, c in states)


def _pack_params(direction: IntegerLstm) -> bytes:
    return pack_params(direction.bias, cell_parameters(direction))


def _write(memory: bytearray, addr: int, data: bytes) -> None:
    memory[addr : addr + len(data)] = data
