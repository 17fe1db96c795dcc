"""Whether a distance is small, without a divider."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.modes import DISTANCE_ONE

__all__ = ["NearTest"]


class NearTest(wiring.Component):
    """Finds whether ``distance * 65536 <= limit * norm``, by shifts and sums.

    Latency: ``ready`` falls in the cycle after ``start`` and rises ``LATENCY`` cycles after it; the
    inputs must stand until then.

    Parameters
    ----------
    width : int
        Bits of ``distance`` and of ``norm``.

    Members
    -------
    start : In
        Begin.
    limit : In
        The distance that is near enough, in parts of ``DISTANCE_ONE``.
    distance, norm : In
        Sums of absolute values.
    ready : Out
        The test is over; stands until the next start.
    near : Out
        The answer, while ready.
    """

    LATENCY = DISTANCE_ONE.bit_length() + 1
    """A cycle for each bit of the limit, and one to compare in."""

    def __init__(self, width: int):
        super().__init__(
            {
                "start": In(1),
                "limit": In(DISTANCE_ONE.bit_length() - 1),
                "distance": In(unsigned(width)),
                "norm": In(unsigned(width)),
                "ready": Out(1),
                "near": Out(1),
            }
        )

    def elaborate(self, platform):
        """A product from its lowest bit on; what is shifted out is less than one of 65536 parts."""
        m = Module()
        # Bits of the limit yet to be used; a bit behind the highest one counts them.
        bits = Signal(len(self.limit) + 1)
        product = Signal(len(self.norm) + 1)
        busy = Signal()
        # floor(limit * norm / 65536) >= distance
        m.d.comb += busy.eq(bits > 1)
        with m.If(busy):
            term = self.norm & bits[0].replicate(len(self.norm))
            m.d.sync += [bits.eq(bits >> 1), product.eq((product + term) >> 1)]
        with m.If(bits == 1):
            m.d.sync += [self.near.eq(product >= self.distance), self.ready.eq(1), bits.eq(0)]
        with m.If(self.start):
            m.d.sync += [bits.eq(self.limit | (1 << len(self.limit))), product.eq(0)]
            m.d.sync += self.ready.eq(0)
        return m
