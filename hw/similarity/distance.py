"""How far a row of ``x`` is from its reference row."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.rows import RowWalk
from hw.job import job_layout, zero_bits

__all__ = ["RowDistance", "distance_latency", "distance_width", "reference_layout"]


def distance_width(config: Config) -> int:
    """Bits of a sum of absolute values over a row."""
    largest = (1 << config.code_width) - 1
    return (largest * config.max_input).bit_length()


def _tree_stages(count: int) -> int:
    """Register stages of the sum of ``count`` values: one for every two levels of adders."""
    return ((count - 1).bit_length() + 1) // 2


def distance_latency(config: Config) -> int:
    """Cycles from a row's last beat to its sums."""
    return 5 + _tree_stages(config.beat_codes)


def reference_layout(config: Config) -> data.StructLayout:
    """What is kept of a reference row beside its codes.

    Members
    -------
    bank : in which of two places its codes are.
    size : its part of the norm.
    """
    return data.StructLayout({"bank": 1, "size": unsigned(distance_width(config))})


class RowDistance(wiring.Component):
    """Sums ``|x - reference|`` and ``|x - x_zero| + |reference - x_zero|`` while a row goes by.

    The row is kept beside the reference, and becomes the reference when ``next`` says so. The sums
    of a sequence's first row mean nothing, unless the job goes on from another.

    Throughput: one beat per cycle.
    Latency: ``ready`` rises ``distance_latency(config)`` cycles after the row's last beat; ``open``
    falls one cycle after that beat, and rises one cycle after ``next``.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence.
    open : Out
        Beats may go by.
    valid, codes : In
        A beat of ``x`` goes by. Allowed while ``open``.
    ready : Out
        The row is complete; ``distance`` and ``norm`` stand until ``next``.
    distance, norm : Out
        The sums.
    next, keep : In
        Pulse: go on to the next row; this one becomes the reference. Allowed while ``ready``.
    reference : Out
        The reference row, from the cycle after ``next`` on.
    begin : In
        With ``start``: the reference row of the first step; none if it has none.
    """

    def __init__(self, config: Config):
        self._config = config
        width = distance_width(config)
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "open": Out(1),
                "valid": In(1),
                "codes": In(config.bus_width),
                "ready": Out(1),
                "distance": Out(unsigned(width)),
                "norm": Out(unsigned(width + 1)),
                "next": In(1),
                "keep": In(1),
                "reference": Out(reference_layout(config)),
                "begin": In(reference_layout(config)),
            }
        )

    def elaborate(self, platform):
        """Stages: reference, registers, absolute values, two sums, accumulators."""
        m = Module()
        m.submodules.walk = walk = RowWalk(self._config)
        final = self.valid & walk.place.final
        m.d.comb += [walk.job.eq(self.job), walk.start.eq(self.start), walk.next.eq(self.valid)]
        # Bit k: the stage holds a beat, and it is its row's last.
        latency = distance_latency(self._config)
        valid, last = Signal(latency - 1), Signal(latency - 1)
        m.d.sync += [valid.eq(Cat(self.valid, valid)), last.eq(Cat(final, last))]
        with m.If(final):
            m.d.sync += self.open.eq(0)
        with m.If(self.start | self.next):
            m.d.sync += self.open.eq(1)
        with m.If(self.start):
            m.d.sync += valid.eq(0)
        codes, origins, columns = self._fetch(m, walk.place, valid)
        zero = zero_bits(self.job.x_zero, self._config.code_width)
        zeros = zero.replicate(self._config.beat_codes)
        terms = [
            self._absolute(m, valid, codes, other, columns, name)
            for name, other in (("moved", origins), ("size", zeros))
        ]
        moved, size = (self._sum(m, valid[2:], parts) for parts in terms)
        self._total(m, moved, size, valid[-2], valid[-1] & last[-1])
        return m

    def _fetch(self, m, place, valid):
        """A beat and the same beat of the reference; the beat goes to the other bank."""
        bank, address = self.reference.bank, Signal.like(place.beat)
        m.submodules.rows = rows = memory.Memory(
            shape=self._config.bus_width, depth=2 << len(place.beat), init=[]
        )
        write, read = rows.write_port(), rows.read_port()
        first, second = Signal(self._config.bus_width), Signal(self._config.bus_width)
        origins = Signal(self._config.bus_width)
        columns = Signal.like(place.columns), Signal.like(place.columns)
        m.d.comb += [
            read.en.eq(self.valid),
            read.addr.eq(Cat(place.beat, bank)),
            write.en.eq(valid[0]),
            write.addr.eq(Cat(address, ~bank)),
            write.data.eq(first),
        ]
        with m.If(self.valid):
            m.d.sync += [first.eq(self.codes), columns[0].eq(place.columns), address.eq(place.beat)]
        with m.If(valid[0]):
            m.d.sync += [second.eq(first), columns[1].eq(columns[0]), origins.eq(read.data)]
        with m.If(self.next & self.keep):
            m.d.sync += bank.eq(~bank)
        with m.If(self.start):
            m.d.sync += bank.eq(self.begin.bank)
        return second, origins, columns[1]

    def _absolute(self, m, valid, codes, others, columns, name):
        """Registered distances of the values of two beats; 0 where there is no column."""
        out, width = [], self._config.code_width
        for k in range(len(columns)):
            a, b = (word.word_select(k, width).as_signed() for word in (codes, others))
            term = Signal(width, name=f"{name}_{k}")
            with m.If(valid[1]):
                m.d.sync += term.eq(Mux(a > b, a - b, b - a) & columns[k].replicate(width))
            out.append(term)
        return out

    def _sum(self, m, valid, terms):
        """Sum of all terms, registered after every two levels of adders."""
        stage = 0
        while len(terms) > 1:
            groups = [terms[k : k + 4] for k in range(0, len(terms), 4)]
            terms = []
            for group in groups:
                pairs = [sum(group[k : k + 2]) for k in range(0, len(group), 2)]
                total = sum(pairs[1:], pairs[0])
                partial = Signal(total.shape())
                with m.If(valid[stage]):
                    m.d.sync += partial.eq(total)
                terms.append(partial)
            stage += 1
        return terms[0]

    def _total(self, m, moved, size, valid, complete):
        """Totals of the row, and of the reference for its part of the norm."""
        begun = Signal()
        own, reference = Signal.like(self.distance), self.reference.size
        with m.If(valid):
            m.d.sync += [
                begun.eq(1),
                self.distance.eq(Mux(begun, self.distance, 0) + moved),
                own.eq(Mux(begun, own, 0) + size),
            ]
        with m.If(complete):
            m.d.sync += [self.ready.eq(1), self.norm.eq(own + reference)]
        with m.If(self.next):
            m.d.sync += [self.ready.eq(0), begun.eq(0)]
            with m.If(self.keep):
                m.d.sync += reference.eq(own)
        with m.If(self.start):
            m.d.sync += [self.ready.eq(0), begun.eq(0), reference.eq(self.begin.size)]
