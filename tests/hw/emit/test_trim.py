import re

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Part(wiring.Component):
    """Much of which is not needed."""

    def __init__(self):
        super().__init__(
            {"i": In(8), "spare": In(4), "sum": Out(9), "count": Out(6), "idle": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)
        m.d.comb += [self.sum.eq(self.i + 3), self.idle.eq(self.spare == 0)]
        return m


class Island(wiring.Component):
    """Counts for nobody."""

    i: In(8)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.i + 1)
        return m


class Whole(wiring.Component):
    """Uses the middle of a sum and the low bits of a count; a register counts for nobody."""

    i: In(8)
    o: Out(4)
    low: Out(2)

    def elaborate(self, platform):
        m = Module()
        m.submodules.part = part = Part()
        m.submodules.lost = Part()
        m.submodules.never = never = Island()
        ahead = Signal(8)
        m.d.sync += ahead.eq(self.i)
        m.d.comb += never.i.eq(ahead)
        m.d.comb += [part.i.eq(self.i), self.o.eq(part.sum[2:6]), self.low.eq(part.count)]
        island = Signal(5)
        m.d.sync += island.eq(island + 1)
        return m


def test_what_nothing_depends_on_is_gone(prove):
    text = prove(Whole(), steps=6)
    assert text.count("design_part part (") == 1
    assert "lost" not in text
    assert not any(name in text for name in ("island", "Island", "never", "ahead"))
    assert "idle" not in text
    part = re.search(r"^module design_part \(.*?^endmodule", text, re.M | re.S)[0]
    assert re.findall(r"(?:input|output) +(?:wire|reg ) (.*?),?\n", part) == [
        "aclk",
        "reset",
        "[5:0] i",
        "[1:0] count",
        "[3:0] sum",
    ]
