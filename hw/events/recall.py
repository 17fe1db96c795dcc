"""Which hidden units may be events of a step that goes on from a state that the machine kept."""

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.descriptor import KEPT_DIRECTIONS
from hw.events.references import keeps_references
from hw.events.view import MODE
from hw.job import job_layout
from hw.modes import Mode
from hw.select import any_of

__all__ = ["UnitRecall"]


class UnitRecall(wiring.Component):
    """Notes what may be an event when a sequence ends, and names it when the next one goes on.

    The list of ``h`` that a resumed step begins with must look at the units that the machine has
    kept. One after the other, they would be most of such a step. So two bits are noted of each
    unit behind a sequence's last step: it has moved from its reference by more than the threshold,
    and it is not zero. The bits of a block are a word. Going on, a block whose word is empty takes
    a cycle, and any other one a cycle for each of its units that may be an event. The last unit of
    all is always named, for it ends the list.

    More units may be named than are events: all of them where fresh sums take every column, where
    they become references, and where the threshold has become lower since they were noted.

    Throughput: one unit noted, and one named per cycle; words without a unit take a cycle each.
    Latency: the first unit is named two cycles after ``take``.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        A sequence starts.
    take, mode : In
        Pulse: units are to be named, for a step of this mode. Two cycles after ``start`` at the
        earliest.
    note, place, moved, nonzero, note_end : In
        Pulse: what is noted of the unit that the machine keeps at this place; it is the last one.
    o_valid, o_place : Out
        A unit is named: where the machine keeps it.
    """

    def __init__(self, config: Config):
        self._units, self._blocks = config.units_per_block, config.max_blocks
        self._low = (self._units - 1).bit_length()
        place = unsigned((config.max_hidden - 1).bit_length() or 1)
        self._block = unsigned(max(place.width - self._low, 1))
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "take": In(1),
                "mode": In(MODE),
                "note": In(1),
                "place": In(place),
                "moved": In(1),
                "nonzero": In(1),
                "note_end": In(1),
                "o_valid": Out(1),
                "o_place": Out(place),
            }
        )

    def elaborate(self, platform):
        """Words are noted; words are gone through."""
        m = Module()
        shape = data.StructLayout({"moved": self._units, "nonzero": self._units})
        m.submodules.marks = marks = memory.Memory(
            shape=shape, depth=1 << self._block.width, init=[]
        )
        self._note(m, marks.write_port())
        read = marks.read_port()
        word, naming, load = Signal(self._units), Signal(), Signal()
        found = self._choose(m, read.data, naming)
        block, ahead, last_block, second_last = (Signal(self._block) for _ in range(4))
        # The block, and the one ahead, is the last: registers, as they decide about much.
        is_last, nears_last = Signal(), Signal()
        tail, last_unit = self._ends(m)
        # Stable long before a sequence starts.
        m.d.sync += [
            last_block.eq(self.job.block_base + self.job.blocks - 1),
            second_last.eq(self.job.block_base + self.job.blocks - 2),
        ]
        rest = word & (word - 1)
        m.d.comb += [
            load.eq(self.take | (naming & _at_most_one(word))),
            read.en.eq(self.start | load),
            read.addr.eq(Mux(self.start, self.job.block_base, ahead + 1)),
        ]
        with m.If(naming):
            m.d.sync += word.eq(rest)
        with m.If(load):
            # The memory puts out the word of the block ``ahead``.
            m.d.sync += [
                naming.eq(self.take | ~is_last),
                word.eq(Mux(nears_last, (found & tail) | last_unit, found)),
                block.eq(ahead),
                ahead.eq(ahead + 1),
                is_last.eq(nears_last),
                nears_last.eq(ahead == second_last),
            ]
        with m.If(self.take & (self.mode == Mode.SKIP)):
            m.d.sync += [word.eq(last_unit), block.eq(last_block), is_last.eq(1)]
        with m.If(self.start):
            m.d.sync += [
                naming.eq(0),
                ahead.eq(self.job.block_base),
                nears_last.eq(self.job.blocks == 1),
            ]
        m.d.sync += [
            self.o_valid.eq(naming & (word != 0)),
            self.o_place.eq(Cat(self._number(word & ~(word - 1)), block)),
        ]
        return m

    def _choose(self, m, word, naming):
        """Units of a block that may be events in the step's mode: until units are named that of
        ``mode``, as ``take`` comes late.
        """
        everyone, fresh = Signal(), Signal()
        now = data.StructLayout({"everyone": 1, "fresh": 1})
        kept, chosen = Signal(now), Signal(now)
        lower = self._compare_thresholds(m)
        # Fresh sums account for units that are zero as well: what they are is their reference.
        all_fresh = ~self.job.zero_skip | keeps_references(self.job)
        m.d.comb += [
            fresh.eq(~self.mode[0]),
            everyone.eq(Mux(fresh, all_fresh, lower)),
            chosen.eq(Mux(naming, kept, Cat(everyone, fresh))),
        ]
        m.d.sync += kept.eq(chosen)
        marks = Mux(chosen.fresh, word.nonzero, word.moved)
        return marks | chosen.everyone.replicate(self._units)

    def _ends(self, m):
        """Units of the last block, and the last of them."""
        tail, last = Signal(self._units), Signal(self._units)
        m.d.comb += tail.eq(Cat(self.job.tail_units > k for k in range(self._units)))
        m.d.sync += last.eq(tail ^ (tail >> 1))
        return tail, last

    def _number(self, one_hot):
        """Number of the bit that is set."""
        return Cat(
            any_of([one_hot[k] for k in range(self._units) if k >> bit & 1])
            for bit in range(self._low)
        )

    def _note(self, m, write):
        """A block's bits are joined, and written behind its last unit."""
        noted = Signal(data.StructLayout({"moved": 1, "nonzero": 1}))
        valid, ends, first = Signal(), Signal(), Signal()
        joined, word = Signal.like(write.data), Signal.like(write.data)
        low, block = self.place[: self._low], self.place[self._low :]
        unit, one = Signal(unsigned(self._low)), Const(1, self._units)
        m.d.sync += valid.eq(self.note)
        with m.If(self.note):
            m.d.sync += [
                noted.moved.eq(self.moved),
                noted.nonzero.eq(self.nonzero),
                unit.eq(low),
                write.addr.eq(block),
                first.eq(low == 0),
                ends.eq(self.note_end | low.all()),
            ]
        for name in ("moved", "nonzero"):
            bit = (one << unit)[: self._units] & noted[name].replicate(self._units)
            m.d.comb += word[name].eq(Mux(first, 0, joined[name]) | bit)
        with m.If(valid):
            m.d.sync += joined.eq(word)
        m.d.comb += [write.en.eq(valid & ends), write.data.eq(word)]

    def _compare_thresholds(self, m):
        """Whether the threshold of ``h`` is lower than where the direction's units were noted."""
        threshold, lower = self.job.h_threshold, Signal()
        m.submodules.thresholds = thresholds = memory.Memory(
            shape=threshold.shape(), depth=KEPT_DIRECTIONS, init=[]
        )
        write, read = thresholds.write_port(), thresholds.read_port()
        m.d.comb += [
            write.addr.eq(self.job.keeper),
            write.data.eq(threshold),
            write.en.eq(self.note & self.note_end),
            read.addr.eq(self.job.keeper),
            read.en.eq(self.start),
        ]
        m.d.sync += lower.eq(threshold < read.data)
        return lower


def _at_most_one(word):
    """Whether at most one bit is set, by a tree: a subtraction would be several levels slower."""
    found = [(bit, Const(0, 1)) for bit in word]
    while len(found) > 1:
        groups = [found[k : k + 3] for k in range(0, len(found), 3)]
        found = [_join(group) for group in groups]
    return ~found[0][1]


def _join(group):
    """Of some sets of bits, together: any is set, more than one is."""
    ones = [one for one, _ in group]
    pairs = [a & b for k, a in enumerate(ones) for b in ones[:k]]
    return any_of(ones), any_of([*(more for _, more in group), *pairs])
