"""Walks the table of layer descriptors."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.cell.store import PARTS, unit_shape
from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES, KEPT_DIRECTIONS
from hw.job import job_layout, part_beats
from hw.maps.layout import map_address
from hw.sequencer.decoder import WORD_BYTES, WORDS, flags_layout
from hw.sequencer.unpacker import BeatsToWords
from hw.streams.width import Downsizer
from hw.weights.address import beats_of
from hw.weights.residency import ResidencyWalk

__all__ = ["Sequencer"]

_DECODE_CYCLES = 3
"""Until the decoder's ``valid``, and longer than the residency walk's sums behind its ``job``."""

_DESCRIPTOR, _PARAMS, _STATE, _WEIGHTS = range(4)
_MAP, _STORED = 4, 5
"""What control data are wanted."""

_ALIGNED_BITS = 6
"""A table of descriptors is aligned to 64 bytes."""


class Sequencer(wiring.Component):
    """Loads what each layer needs and runs its sequences one after the other.

    Parameters
    ----------
    config : Config
        Gives the widths.
    request : data.StructLayout
        The reader's request: ``addr`` and ``beats``.

    Members
    -------
    start, descriptor : In
        Begin with the descriptor at this address. Ignored while ``busy``.
    busy, done : Out
        Running; pulse at the end.
    refused : Out
        The descriptor is none that this machine can run; only a reset ends this state.
    request, beats : Out, In
        Control reads.
    descriptor_en, descriptor_word, descriptor_data : Out
        To the decoder.
    job, flags, valid : In
        From the decoder.
    bias_en, bias_unit, bias_data : Out
        To the unit store.
    bias_part : Out
        Which word of a unit it is. With scales of rows only.
    weights, load : Out
        Beats of resident blocks, and that they are coming.
    word_loaded : In
        Pulse: a column word has gone to the resident part of the weight memory.
    map_en, map_addr : Out
        A map word is on ``bias_data``, and where it goes. With gates for maps only.
    begin : Out
        Pulse: a sequence starts; the offsets are its own.
    x_offset, h_offset, state_offset : Out
        Byte offsets of the sequence.
    state_valid, state_h, state_c : Out
        Initial state, unit by unit.
    engine_active : In
        The sequence is under way.
    writes_drained : In
        All writes are answered.
    finishing : Out
        Nothing but the sequence's last work and writes is left.
    """

    def __init__(self, config: Config, request: data.StructLayout):
        self._config = config
        unit = unit_shape(config)
        addr = unsigned(config.addr_width)
        super().__init__(
            {
                "start": In(1),
                "descriptor": In(addr),
                "busy": Out(1),
                "done": Out(1),
                "refused": Out(1),
                "request": Out(stream.Signature(request)),
                "beats": In(stream.Signature(config.bus_width)),
                "descriptor_en": Out(1),
                "descriptor_word": Out(range(WORDS)),
                "descriptor_data": Out(8 * WORD_BYTES),
                "job": In(job_layout(config)),
                "flags": In(flags_layout()),
                "valid": In(1),
                "bias_en": Out(1),
                "bias_unit": Out(unit),
                "bias_data": Out(8 * WORD_BYTES),
                **({"bias_part": Out(range(len(PARTS)))} if config.row_scales else {}),
                **(
                    {"map_en": Out(1), "map_addr": Out(map_address(config))}
                    if config.mapped
                    else {}
                ),
                "weights": Out(stream.Signature(config.bus_width)),
                "load": Out(1),
                "word_loaded": In(1),
                "begin": Out(1),
                "x_offset": Out(addr),
                "h_offset": Out(addr),
                "state_offset": Out(addr),
                "state_valid": Out(1),
                "state_h": Out(signed(config.act_width)),
                "state_c": Out(signed(config.cell_width)),
                "engine_active": In(1),
                "writes_drained": In(1),
                "finishing": Out(1),
            }
        )

    def elaborate(self, platform):
        """The states in the order in which a layer passes through them."""
        m = Module()
        self._bus = self._config.bus_bytes
        self._addr = Signal(unsigned(self._config.addr_width))
        self._count = Signal(unsigned(16))
        # What the count goes to, and whether it is there; what is asked for. Known before a state
        # that wants them.
        self._end, self._at_end = Signal.like(self._count), Signal(name="at_end")
        self._wanted = Signal(range(6 if self._config.mapped else 4), name="wanted")
        self._running = Signal(name="running")  # in "Run"
        self._sequences_left = Signal.like(self.job.sequences)
        self._kept = Signal(KEPT_DIRECTIONS, name="kept")  # there is something to resume
        self._unit_base = self.job.block_base << (self._config.units_per_block - 1).bit_length()
        self._unpack(m)
        self._walk_blocks(m)
        # Registers, as they begin long paths: a pulse beside its state, and units a cycle behind.
        m.d.sync += self.begin.eq(0)
        m.d.comb += self._at_end.eq(self._count == self._end)
        self._unit = unit = [Signal.like(p) for p in (self.state_valid, self.state_h, self.state_c)]
        m.d.sync += Cat(self.state_valid, self.state_h, self.state_c).eq(Cat(unit))
        with m.FSM() as fsm:
            self._idle(m)
            self._read_descriptor(m)
            self._read_params(m)
            if self._config.mapped:
                self._read_map(m)
                self._place_stored(m)
            self._place_weights(m)
            self._start_sequence(m)
            self._run(m)
        self._move_offsets(m)
        self._choose_request(m)
        m.d.comb += [
            self.busy.eq(~fsm.ongoing("Idle")),
            self.finishing.eq(fsm.ongoing("Run") | fsm.ongoing("Drain")),
        ]
        return m

    def _unpack(self, m):
        """Control beats become words, or pass on as weights."""
        m.submodules.words = words = BeatsToWords(self._config)
        self._word = words.o
        m.d.comb += [
            self.weights.payload.eq(self.beats.payload),
            self.weights.valid.eq(self.beats.valid & self.load),
            words.i.payload.eq(self.beats.payload),
            words.i.valid.eq(self.beats.valid & ~self.load),
            self.beats.ready.eq(Mux(self.load, self.weights.ready, words.i.ready)),
            self.descriptor_data.eq(words.o.payload),
            self.bias_data.eq(words.o.payload),
        ]
        if not self._config.states:
            m.d.comb += words.o.ready.eq(1)
            return
        m.submodules.units = self._units = units = Downsizer(32, 4)
        # Words come only while they are awaited, so all but those of states are taken at once.
        self._of_state = of_state = Signal()
        m.d.comb += [
            units.i.payload.data.eq(words.o.payload),
            units.i.payload.keep.eq(4),
            units.i.valid.eq(words.o.valid & of_state),
            units.o.ready.eq(1),
            words.o.ready.eq(~of_state | units.i.ready),
        ]

    def _ask(self, m, state):
        """Request what is wanted and go on to ``state``."""
        m.d.comb += self.request.valid.eq(1)
        with m.If(self.request.ready):
            m.d.sync += self._count.eq(0)
            m.next = state

    def _choose_request(self, m):
        """The request's payload by what is wanted, in order: without the state, which is slower."""
        job, asked = self.job, self.request.payload
        params = self._steady(m, job.params_addr, "params_addr")
        requests = {
            _DESCRIPTOR: (self._addr, DESCRIPTOR_BYTES // self._bus),
            _PARAMS: (params, self._params_beats),
            _WEIGHTS: (self._block_addr, job.block_bytes // self._bus),
        }
        if self._config.states:
            state = self._steady(m, job.state_in_addr + self.state_offset, "state_addr")
            requests[_STATE] = state, self._state_beats
        if self._config.mapped:
            requests[_MAP] = job.map_addr, self._map_beats
            requests[_STORED] = job.weights_addr, self._stored_beats
        with m.Switch(self._wanted):
            for wanted, (addr, beats) in requests.items():
                with m.Case(wanted):
                    m.d.comb += [asked.addr.eq(addr), asked.beats.eq(beats)]

    def _refuse(self, m):
        """Only a reset ends this."""
        m.d.sync += self.refused.eq(1)
        m.next = "Refuse"

    def _steady(self, m, value, name):
        """What follows from the job alone, in a register; the job stands for cycles before."""
        steady = Signal(value.shape(), name=name)
        m.d.sync += steady.eq(value)
        return steady

    def _idle(self, m):
        with m.State("Idle"):
            m.d.sync += [self._addr.eq(self.descriptor), self._wanted.eq(_DESCRIPTOR)]
            with m.If(self.start):
                m.next = "Read descriptor"

    def _read_descriptor(self, m):
        with m.State("Read descriptor"):
            m.d.sync += [self.x_offset.eq(0), self.h_offset.eq(0), self.state_offset.eq(0)]
            m.d.sync += self._end.eq(WORDS - 1)
            self._ask(m, "Take descriptor")
        with m.State("Take descriptor"):
            m.d.comb += [
                self.descriptor_en.eq(self._word.valid),
                self.descriptor_word.eq(self._count),
            ]
            with m.If(self._word.valid):
                m.d.sync += self._count.eq(self._count + 1)
                with m.If(self._at_end):
                    m.d.sync += self._count.eq(0)
                    m.next = "Decode"
        # The job stands for cycles before it is asked for this.
        lost = self.job.resume & ~self._kept.bit_select(self.job.keeper, 1)
        bad = self._steady(m, self._addr[:_ALIGNED_BITS].any() | lost, "bad")
        with m.State("Decode"):
            m.d.sync += [self._count.eq(self._count + 1), self._wanted.eq(_PARAMS)]
            with m.If(self._count == _DECODE_CYCLES):
                with m.If(~self.valid | bad):
                    self._refuse(m)
                with m.Elif(self.job.resume):
                    # All of it is in the machine.
                    m.d.sync += [self.begin.eq(1), self._sequences_left.eq(self.job.sequences)]
                    m.next = "Begin"
                with m.Elif(self.flags.load_params):
                    m.next = "Read params"
                with m.Else():
                    self._begin_placing(m)
        with m.State("Refuse"):
            pass

    def _read_params(self, m):
        """A word of biases per unit, and of scales; the last beat may bring words too many."""
        words, per_beat = self.job.hidden_size, max(self._bus // WORD_BYTES, 1)
        if self._config.row_scales:
            words = self._steady(m, Mux(self.job.row_scales, len(PARTS) * words, words), "params")
        beats = (WORD_BYTES * words + self._bus - 1) // self._bus
        self._params_beats = self._steady(m, beats, "params_beats")
        end = self._steady(m, _round_up(words, per_beat), "params_end")
        with m.State("Read params"):
            m.d.sync += self._end.eq(end)
            self._ask(m, "Take params")
        with m.State("Take params"):
            m.d.comb += [
                self.bias_unit.eq(self._unit_base + self._param_unit(m, self._at_end)),
                self.bias_en.eq(self._word.valid & (self._count < words)),
            ]
            with m.If(self._word.valid):
                m.d.sync += self._count.eq(self._count + 1)
            with m.If(self._at_end):
                self._end_params(m)

    def _end_params(self, m):
        """Go on behind the parameters."""
        if not self._config.mapped:
            self._begin_placing(m)
            return
        with m.If(self.job.mapped):
            m.d.sync += self._wanted.eq(_MAP)
            m.next = "Read map"
        with m.Else():
            self._begin_placing(m)

    def _read_map(self, m):
        """Map words follow each other; the last beat may bring words too many."""
        words, per_beat = self.job.map_words, max(self._bus // WORD_BYTES, 1)
        beats = (WORD_BYTES * words + self._bus - 1) // self._bus
        self._map_beats = self._steady(m, beats, "map_beats")
        end = self._steady(m, _round_up(words, per_beat), "map_end")
        taken = Signal.like(end, name="map_taken")
        with m.State("Read map"):
            m.d.sync += taken.eq(0)
            self._ask(m, "Take map")
        with m.State("Take map"):
            m.d.comb += [
                self.map_addr.eq(self.job.map_base + taken),
                self.map_en.eq(self._word.valid & (taken < words)),
            ]
            with m.If(self._word.valid):
                m.d.sync += taken.eq(taken + 1)
            with m.If(taken == end):
                self._begin_placing(m)

    def _param_unit(self, m, all_taken):
        """Unit whose parameters a word is of; each unit's words follow each other."""
        if not self._config.row_scales:
            return self._count
        unit = Signal.like(self.bias_unit, name="param_unit")
        part = Signal.like(self.bias_part, name="param_part")
        m.d.comb += self.bias_part.eq(part)
        end = ~self.job.row_scales | (part == len(PARTS) - 1)
        with m.If(self._word.valid):
            m.d.sync += [part.eq(Mux(end, 0, part + 1)), unit.eq(unit + end)]
        with m.If(all_taken):
            m.d.sync += [part.eq(0), unit.eq(0)]
        return unit

    def _walk_blocks(self, m):
        """Goes from block to block while ``placing``; counts the words that are to come."""
        m.submodules.walk = self._walk = walk = ResidencyWalk(self._config)
        job = self.job
        self._block_addr = addr = Signal(unsigned(self._config.addr_width))
        self._expected = expected = Signal(range(self._config.weight_words + 1))
        self._placing, self._asks, self._advance = placing, asks, advance = [
            Signal(name=name) for name in ("placing", "asks", "advance")
        ]
        m.d.comb += [
            walk.job.eq(job),
            walk.move.eq(advance | ~self.load),
            walk.restart.eq(~self.load),
            asks.eq(walk.resident & self.flags.load_weights),
            advance.eq(placing & (~asks | self.request.ready)),
        ]
        # A cycle late; nothing runs before it has been seen.
        self._overflow = Signal(name="overflow")
        end = walk.h_base + job.hidden_size
        m.d.sync += self._overflow.eq(placing & walk.resident & (end > self._config.weight_words))
        with m.If(~self.load):
            m.d.sync += [addr.eq(job.weights_addr), expected.eq(0)]
        with m.Else():
            asked = Mux(advance & asks, job.input_size + job.hidden_size, 0)
            m.d.sync += expected.eq(expected + asked - self.word_loaded)
        with m.If(advance):
            m.d.sync += addr.eq(addr + job.block_bytes)
        if self._config.mapped:
            self._count_stored(m, expected)

    def _count_stored(self, m, expected):
        """The resident words of a job with a map come all at once; how many, in how many beats."""
        job, parts = self.job, (self.job.resident_x_words, self.job.resident_h_words)
        each = part_beats(job, self._config)
        beats = sum(beats_of(words, of_one) for words, of_one in zip(parts, each, strict=True))
        self._stored_beats = self._steady(m, beats, "stored_beats")
        stored = self._steady(m, Mux(self.flags.load_weights, sum(parts), 0), "stored_words")
        with m.If(job.mapped & ~self.load):
            m.d.sync += expected.eq(stored)

    def _begin_placing(self, m):
        """Go on to placing weights; registers beside the state, as they decide about much."""
        m.d.sync += [self.load.eq(1), self._placing.eq(1), self._wanted.eq(_WEIGHTS)]
        m.next = "Place weights"
        if self._config.mapped:
            with m.If(self.job.mapped):
                m.d.sync += [self._placing.eq(0), self._wanted.eq(_STORED)]
                m.next = "Place stored words"

    def _place_stored(self, m):
        """Ask for the resident words of a job with a map, if it has any to load."""
        with m.State("Place stored words"):
            m.d.sync += self._sequences_left.eq(self.job.sequences)
            with m.If(self._expected == 0):
                m.next = "Take weights"
            with m.Else():
                self._ask(m, "Take weights")

    def _place_weights(self, m):
        """Ask for every resident block that is to be loaded, then wait for the last word."""
        job, walk = self.job, self._walk
        with m.State("Place weights"):
            m.d.comb += self.request.valid.eq(self._asks)
            with m.If(self._overflow):
                m.d.sync += [self._placing.eq(0), self.load.eq(0)]
                self._refuse(m)
            with m.Elif(self._advance & walk.last):
                m.d.sync += [self._placing.eq(0), self._sequences_left.eq(job.sequences)]
                m.next = "Take weights"
        with m.State("Take weights"):
            with m.If(self._overflow):
                m.d.sync += self.load.eq(0)
                self._refuse(m)
            with m.Elif(self._expected == 0):
                m.d.sync += [self.begin.eq(1), self.load.eq(0)]
                m.next = "Begin"

    def _start_sequence(self, m):
        """Start the engine, and give it its initial state meanwhile."""
        job = self.job
        valid, h, _ = self._unit
        last = self._steady(m, job.hidden_size - 1, "last_unit")
        if self._config.states:
            items = max(self._bus, WORD_BYTES) // 4
            end = self._steady(m, _round_up(job.hidden_size, items), "state_end")
        with m.State("Begin"):
            m.d.sync += [self._count.eq(0), self._end.eq(last), self._wanted.eq(_STATE)]
            m.next = "Clear state"
            if self._config.states:
                with m.If(job.load_state):
                    m.d.sync += self._end.eq(end)
                    m.next = "Read state"
            # The engine takes the state from where it keeps it.
            with m.If(job.resume):
                m.d.sync += self._running.eq(1)
                m.next = "Run"
        with m.State("Clear state"):
            m.d.comb += [valid.eq(1), h.eq(job.h_zero)]
            m.d.sync += self._count.eq(self._count + 1)
            with m.If(self._at_end):
                m.d.sync += self._running.eq(1)
                m.next = "Run"
        if self._config.states:
            self._read_state(m)

    def _read_state(self, m):
        """Units of the initial state come from memory."""
        job, unit = self.job, self._units.o
        valid, h, c = self._unit
        state_bytes = _round_up(4 * job.hidden_size, max(self._bus, WORD_BYTES))
        self._state_beats = self._steady(m, state_bytes // self._bus, "state_beats")
        with m.State("Read state"):
            m.d.sync += self._of_state.eq(1)
            self._ask(m, "Take state")
        with m.State("Take state"):
            m.d.comb += [
                valid.eq(unit.valid & (self._count < job.hidden_size)),
                c.eq(unit.payload.data[:16].as_signed()),
                h.eq(unit.payload.data[16 : 16 + self._config.code_width].as_signed()),
            ]
            with m.If(unit.valid):
                m.d.sync += self._count.eq(self._count + 1)
            with m.If(self._at_end):
                m.d.sync += [self._of_state.eq(0), self._running.eq(1)]
                m.next = "Run"

    def _move_offsets(self, m):
        """To the next sequence, behind one; without the state, which would be slow to tell here."""
        job = self.job
        with m.If(self._running & ~self.engine_active):
            m.d.sync += [
                self._running.eq(0),
                self.x_offset.eq(self.x_offset + job.x_sequence_stride),
                self.h_offset.eq(self.h_offset + job.h_sequence_stride),
                self.state_offset.eq(self.state_offset + job.state_sequence_stride),
            ]

    def _run(self, m):
        """Sequence after sequence, layer after layer; a layer may read what the last one wrote."""
        final = self._steady(m, self._sequences_left == 1, "final_sequence")
        with m.State("Run"), m.If(~self.engine_active):
            m.d.sync += self._kept.bit_select(self.job.keeper, 1).eq(1)
            m.d.sync += self._sequences_left.eq(self._sequences_left - 1)
            m.next = "Begin"
            m.d.sync += self.begin.eq(1)
            with m.If(final):
                m.d.sync += self.begin.eq(0)
                m.next = "Drain"
        with m.State("Drain"):
            m.d.sync += self._wanted.eq(_DESCRIPTOR)
            with m.If(self.writes_drained):
                m.d.sync += self._addr.eq(self._addr + DESCRIPTOR_BYTES)
                m.next = "Read descriptor"
                with m.If(self.flags.last):
                    m.d.comb += self.done.eq(1)
                    m.next = "Idle"


def _round_up(value, multiple: int):
    """``value`` rounded up to a multiple of a power of two."""
    return (value + multiple - 1) & ~(multiple - 1)
