"""Performance counters."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.registers import COUNTERS
from hw.select import any_of

__all__ = ["READ_CYCLES", "Counters"]

_HALF = 32
"""Bits of half a counter: what the host reads at once."""

_MOST = 16
"""Bits of the widest increment."""

_GATHERED = 7
"""Increments that a counter gathers before a round adds them: two to the power of this."""

_SLOTS = 2 * len(COUNTERS)
_STAGES = 2
"""Cycles from a slot to its sum."""

READ_CYCLES = 2 * (_SLOTS + _STAGES) + 2
"""Cycles that a read takes at most."""


class Counters(wiring.Component):
    """Sums of what happens in each cycle of a run.

    In every cycle in which ``enable`` is up, each counter grows by its increment. ``clear`` makes
    all of them zero, what was given before included.

    The sums are in one memory, half a counter a word, so that one adder serves all. Beside it each
    counter gathers its last increments. A round goes through all words and adds what was gathered
    to the low ones, and a carry to the high ones: when a counter has gathered much, or when the
    host reads.

    Throughput: an increment of every counter per cycle.
    Latency: a read has every increment of the cycles before ``r_en``, and maybe some behind, and
    takes at most ``READ_CYCLES`` cycles.

    Parameters
    ----------
    widths : dict of str to int
        Bits of the increment of every counter of ``hw.registers.COUNTERS``, by name.
    scales : dict of str to int or None
        By name, to which power of two an increment counts; once where nothing is said.

    Members
    -------
    clear, enable : 1 bit
        Zero; count.
    increments : struct
        What each counter grows by, by name.
    r_en, r_word : In
        Pulse: read half a counter: high half, then its place in ``hw.registers.COUNTERS``.
    r_done : Out
        Pulse: the read is done.
    r_data : Out
        What the last read asked for, from that cycle on.
    """

    def __init__(self, widths: Mapping[str, int], scales: Mapping[str, int] | None = None):
        if set(widths) != set(COUNTERS):
            wrong = sorted(set(widths) ^ set(COUNTERS))
            raise ValueError(f"widths must name every counter once; check {', '.join(wrong)}")
        for name, width in widths.items():
            if not 1 <= width <= _MOST:
                raise ValueError(f"the width of {name} must be 1 to {_MOST}, not {width!r}")
        self.widths = {name: widths[name] for name in COUNTERS}
        self.scales = {name: (scales or {}).get(name, 0) for name in COUNTERS}
        super().__init__(
            {
                "clear": In(1),
                "enable": In(1),
                "increments": In(data.StructLayout(self.widths)),
                "r_en": In(1),
                "r_word": In(range(_SLOTS)),
                "r_done": Out(1),
                "r_data": Out(_HALF),
            }
        )

    def elaborate(self, platform):
        """What is gathered; rounds; sums; the read."""
        m = Module()
        slot, active = Signal(range(_SLOTS + _STAGES)), Signal()
        # What the memory holds is nothing in the first round behind a clear.
        fresh = Signal(init=1)
        asked, serving, much = Signal(), Signal(), Signal()
        addend = self._gather(m, slot, active, much)
        with m.If(active):
            m.d.sync += slot.eq(slot + 1)
            with m.If(slot == _SLOTS + _STAGES - 1):
                m.d.sync += [slot.eq(0), active.eq(0), fresh.eq(0)]
        with m.Elif(asked | much):
            m.d.sync += [active.eq(1), serving.eq(asked)]
        place, total = self._add(m, slot, active & (slot < _SLOTS), addend, fresh)
        wanted, found = Signal.like(self.r_word), Signal()
        m.d.comb += found.eq(serving & place.valid & (place.slot == wanted))
        m.d.sync += self.r_done.eq(found)
        with m.If(found):
            m.d.sync += [self.r_data.eq(total), asked.eq(0), serving.eq(0)]
        with m.If(self.clear):
            m.d.sync += [slot.eq(0), active.eq(0), serving.eq(0), fresh.eq(1)]
        with m.If(self.r_en):
            m.d.sync += [wanted.eq(self.r_word), asked.eq(1), serving.eq(0)]
        return m

    def _gather(self, m, slot, active, much):
        """Increments since the round before, of each counter; those of the slot's, in a register.

        A round takes few cycles, and meanwhile what is gathered grows by less than as much again.
        """
        chosen, full = [], []
        for k, (name, width) in enumerate(self.widths.items()):
            gathered = Signal(width + _GATHERED + 1, name=f"gathered_{name}")
            mine, more = Signal(name=f"mine_{name}"), Signal(width, name=f"more_{name}")
            m.d.comb += [
                mine.eq(active & (slot == 2 * k)),
                more.eq(Mux(self.enable, self.increments[name], 0)),
            ]
            with m.If(more.any()):
                m.d.sync += gathered.eq(gathered + more)
            # What comes in the cycle in which it is added goes with it.
            with m.If(mine | self.clear):
                m.d.sync += gathered.eq(0)
            both = Cat(gathered, more) & mine.replicate(len(gathered) + width)
            scaled = [part << self.scales[name] for part in (both[:-width], both[-width:])]
            chosen.append(scaled)
            full.append(gathered[-1])
        sums = [_join(parts) for parts in zip(*chosen, strict=True)]
        addend = Signal(min(max(len(each) for each in sums) + 1, _HALF))
        m.d.comb += much.eq(Cat(full).any())
        m.d.sync += addend.eq(sums[0] + sums[1])
        return addend

    def _add(self, m, slot, taken, addend, fresh):
        """A word is read, then summed, then written back; the high half takes the low one's carry.

        Returns the word that is written, and its place.
        """
        layout = data.StructLayout({"valid": 1, "slot": range(_SLOTS)})
        listed, summed = Signal(layout), Signal(layout)
        total, carry = Signal(_HALF), Signal()
        m.submodules.sums = sums = memory.Memory(shape=unsigned(_HALF), depth=_SLOTS, init=[])
        write, read = sums.write_port(), sums.read_port()
        m.d.comb += [
            read.en.eq(taken),
            read.addr.eq(slot),
            write.en.eq(summed.valid),
            write.addr.eq(summed.slot),
            write.data.eq(total),
        ]
        m.d.sync += [listed.valid.eq(taken), summed.valid.eq(listed.valid)]
        with m.If(taken):
            m.d.sync += listed.slot.eq(slot)
        with m.If(listed.valid):
            kept = read.data & (~fresh).replicate(_HALF)
            more = carry & listed.slot[0]
            m.d.sync += [summed.slot.eq(listed.slot), Cat(total, carry).eq(kept + addend + more)]
        with m.If(self.clear):
            m.d.sync += [listed.valid.eq(0), summed.valid.eq(0)]
        return summed, total


def _join(words):
    """OR of words of any lengths, of which at most one is not zero."""
    longest = max(len(word) for word in words)
    return Cat(any_of([word[k] for word in words if k < len(word)]) for k in range(longest))
