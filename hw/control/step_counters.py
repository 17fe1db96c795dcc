"""Counters per mode, brought up to date behind each step."""

from dataclasses import dataclass

from amaranth import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.view import MODE
from hw.modes import Mode
from hw.registers import MODE_COUNTERS

__all__ = ["CLEAR_CYCLES", "MODE_COUNTER_WORDS", "STEP_CYCLES", "StepCounters"]

_HALF = 32
"""Bits of half a counter: what the host reads at once, and more than any step adds."""

_NEAR = 8
"""Bits of a sum that most of what is added reaches alone."""

_SLOTS = 8
"""Counters of a mode, those included that are not there."""

CLEAR_CYCLES = len(Mode) * _SLOTS
"""Cycles that a clear takes."""

MODE_COUNTER_WORDS = 2 * len(Mode) * _SLOTS
"""Half counters, those included that are not there."""

STEP_CYCLES = len(MODE_COUNTERS)
"""Steps may end so many cycles apart."""


class StepCounters(wiring.Component):
    """The counters of ``hw.registers.MODE_COUNTERS`` for every mode, in one memory for each half.

    Products and streamed words are summed while a step runs. When it ends, the counters of its mode
    grow one after the other, so that one adder serves all.

    After ``clear`` all counters are made zero, in 32 cycles in which no step may end; nothing that
    came before is counted.

    Throughput: a step per 7 cycles.
    Latency: the counters show a step that ends in cycle t to a read in t + 12; ``r_data`` follows
    ``r_en`` by a cycle and holds.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    clear : In
        Pulse: all counters are zero from here on.
    rows : In
        Gate rows that an event is multiplied with in this cycle.
    beats : In
        Beats of streamed column words that are used in this cycle.
    slot : In
        Place in its group of the step that ``rows`` are for, and that ends.
    step : In
        Pulse: a step ends; ``rows`` and ``beats`` of this cycle belong to it.
    mode, events_x, events_h, dense_macs, dense_bytes : In
        Of the step that ends: its ``Mode``, the lengths of its lists, and the products and bytes
        of streamed weights that it would have taken with every column an event.
    r_en, r_word : In
        Read half a counter: high half, then three bits of its index, then the mode.
    r_data : Out
        What the last read asked for.
    """

    def __init__(self, config: Config):
        self._config = config
        self._step = {
            "mode": MODE,
            "events_x": unsigned(config.max_input.bit_length()),
            "events_h": unsigned(config.max_hidden.bit_length()),
            "dense_macs": unsigned(_HALF),
            "dense_bytes": unsigned(_HALF),
        }
        super().__init__(
            {
                "clear": In(1),
                "rows": In(unsigned(config.lanes.bit_length())),
                "beats": In(range(config.max_input * config.word_beats + 1)),
                "slot": In(unsigned(config.slot_width or 1)),
                "step": In(1),
                **{name: In(shape) for name, shape in self._step.items()},
                "r_en": In(1),
                "r_word": In(range(MODE_COUNTER_WORDS)),
                "r_data": Out(_HALF),
            }
        )

    def elaborate(self, platform):
        """The step that ended; its increments one by one; the memories."""
        m = Module()
        ended = self._sum(m)
        slot, busy, fresh = Signal(range(_SLOTS)), Signal(), Signal()
        index, increment = Signal(range(CLEAR_CYCLES)), Signal(_HALF)
        with m.If(busy):
            m.d.sync += [
                slot.eq(slot + 1),
                busy.eq(slot != STEP_CYCLES - 1),
                index.eq(Cat(slot, ended.mode)),
                increment.eq(self._increment(ended, slot)),
            ]
        with m.If(self.step):
            m.d.sync += [slot.eq(0), busy.eq(1)]
        m.d.sync += fresh.eq(busy)
        self._add(m, fresh, index, increment)
        return m

    def _sum(self, m):
        """Products and streamed bytes of the step that runs, handed over when it ends."""
        config = self._config
        sums = {"macs": unsigned(_HALF), "beats": unsigned(_HALF)}
        ended = Signal(data.StructLayout(self._step | sums))
        # The products of all steps of a group are made in turn.
        for name, more, slots in (
            ("macs", self.rows, config.lookahead),
            ("beats", self.beats, 1),
        ):
            total, place = Signal(_HALF, name=f"{name}_total"), max(len(more), _NEAR)
            running = Array(Signal(_HALF, name=f"{name}_{slot}") for slot in range(slots))
            mine = running[self.slot] if slots > 1 else running[0]
            m.d.comb += total.eq(mine + more)
            with m.If(more.any()):
                m.d.sync += mine[:place].eq(total)
                # Bits that no carry reaches are not clocked.
                with m.If(total[place] != mine[place]):
                    m.d.sync += mine[place:].eq(total[place:])
            with m.If(self.step):
                m.d.sync += [ended[name].eq(total), mine.eq(0)]
            with m.If(self.clear):
                m.d.sync += [each.eq(0) for each in running]
        with m.If(self.step):
            m.d.sync += [ended[name].eq(getattr(self, name)) for name in self._step]
        return ended

    def _increment(self, ended, slot):
        """What the counter in this slot grows by."""
        weight_bytes = (ended.beats << (self._config.bus_bytes - 1).bit_length())[:_HALF]
        # One subtractor for both.
        of_bytes = slot == MODE_COUNTERS.index("weight_bytes_avoided")
        dense = Mux(of_bytes, ended.dense_bytes, ended.dense_macs)
        avoided = (dense - Mux(of_bytes, weight_bytes, ended.macs))[:_HALF]
        values = {
            "steps": 1,
            "events_x": ended.events_x,
            "events_h": ended.events_h,
            "macs_done": ended.macs,
            "macs_avoided": avoided,
            "weight_bytes": weight_bytes,
            "weight_bytes_avoided": avoided,
        }
        return Array([values[name] for name in MODE_COUNTERS] + [0])[slot]

    def _add(self, m, fresh, index, increment):
        """Low halves are read, summed, written; high halves behind them where there is a carry."""
        clearing, clear_index = Signal(), Signal.like(index)
        # A stage each: the low half is read out; it is summed; the high half is read out.
        listed, summed, carried = Signal(), Signal(), Signal()
        indices = [Signal.like(index, name=f"index_{stage}") for stage in range(3)]
        addend, total, carry = Signal(_HALF), Signal(_HALF), Signal()

        low = self._half(m, "low", fresh, index)
        high = self._half(m, "high", summed & carry, indices[1])
        m.d.sync += [listed.eq(fresh), summed.eq(listed), carried.eq(summed & carry)]
        with m.If(fresh):
            m.d.sync += [indices[0].eq(index), addend.eq(increment)]
        with m.If(listed):
            m.d.sync += [indices[1].eq(indices[0]), Cat(total, carry).eq(low.value + addend)]
        with m.If(summed):
            m.d.sync += indices[2].eq(indices[1])
        for half, done, at, value in (
            (low, summed, indices[1], total),
            (high, carried, indices[2], high.value + 1),
        ):
            m.d.comb += [
                half.write.en.eq(done | clearing),
                half.write.addr.eq(Mux(clearing, clear_index, at)),
                half.write.data.eq(Mux(clearing, 0, value)),
            ]

        with m.If(clearing):
            m.d.sync += [clear_index.eq(clear_index + 1), clearing.eq(~clear_index.all())]
        # A step that is still being counted ends meanwhile; nothing of it is written.
        with m.If(self.clear):
            m.d.sync += [clearing.eq(1), clear_index.eq(0)]

        read_high = Signal()
        with m.If(self.r_en):
            m.d.sync += read_high.eq(self.r_word[0])
        m.d.comb += self.r_data.eq(Mux(read_high, high.shown, low.shown))

    def _half(self, m, name, en, index):
        """Memory of one half of every counter: for the sum, for the host."""
        m.submodules[name] = storage = memory.Memory(shape=_HALF, depth=CLEAR_CYCLES, init=[])
        write, read, host = storage.write_port(), storage.read_port(), storage.read_port()
        m.d.comb += [
            read.en.eq(en),
            read.addr.eq(index),
            host.en.eq(self.r_en),
            host.addr.eq(self.r_word[1:]),
        ]
        return _HalfPorts(write, read.data, host.data)


@dataclass(frozen=True)
class _HalfPorts:
    """Ports of the memory of one half."""

    write: memory.WritePort
    value: Signal
    shown: Signal
