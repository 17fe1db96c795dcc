"""Performance counters."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.registers import COUNTERS

__all__ = ["COUNTER_WIDTH", "Counters", "counter_values"]

COUNTER_WIDTH = 64
_LOW_WIDTH = COUNTER_WIDTH // 2
_NEAR_WIDTH = 8


def counter_values() -> data.ArrayLayout:
    """Values of all counters, in the order of ``hw.registers.COUNTERS``."""
    return data.ArrayLayout(unsigned(COUNTER_WIDTH), len(COUNTERS))


class _Counter(wiring.Component):
    """One counter: the increment, the low word and the high word are a register stage each."""

    def __init__(self, width: int):
        self.width = width
        super().__init__(
            {
                "clear": In(1),
                "enable": In(1),
                "increment": In(width),
                "value": Out(COUNTER_WIDTH),
            }
        )

    def elaborate(self, platform):
        m = Module()
        increment, fresh, carry = Signal(self.width), Signal(), Signal()
        low, high = Signal(_LOW_WIDTH), Signal(COUNTER_WIDTH - _LOW_WIDTH)
        # Most increments reach the lowest bits alone, and the others are not clocked.
        place = max(self.width, _NEAR_WIDTH)
        near, far = low[:place], low[place:]
        total = near + increment
        m.d.comb += self.value.eq(Cat(low, high))

        m.d.sync += [fresh.eq(self.enable & self.increment.any()), carry.eq(0)]
        with m.If(self.enable):
            m.d.sync += increment.eq(self.increment)
        with m.If(fresh):
            m.d.sync += near.eq(total)
            with m.If(total[place]):
                m.d.sync += Cat(far, carry).eq(far + 1)
        with m.If(carry):
            m.d.sync += high.eq(high + 1)
        with m.If(self.clear):
            m.d.sync += [fresh.eq(0), carry.eq(0), low.eq(0), high.eq(0)]
        return m


class Counters(wiring.Component):
    """Sums of what happens in each cycle of a run.

    In every cycle in which ``enable`` is up, each counter grows by its increment. ``clear`` makes
    all of them zero, what was given before included.

    Throughput: an increment of every counter per cycle.
    Latency: an increment given in cycle t is in the low word in t + 2; a carry into the high word
    shows in t + 3.

    Parameters
    ----------
    widths : dict of str to int
        Bits of the increment of every counter of ``hw.registers.COUNTERS``, by name.

    Members
    -------
    clear, enable : 1 bit
        Zero; count.
    increments : struct
        What each counter grows by, by name.
    values : array of unsigned(64)
        The sums, in the order of ``hw.registers.COUNTERS``.
    """

    def __init__(self, widths: dict[str, int]):
        if set(widths) != set(COUNTERS):
            wrong = sorted(set(widths) ^ set(COUNTERS))
            raise ValueError(f"widths must name every counter once; check {', '.join(wrong)}")
        for name, width in widths.items():
            if not 1 <= width <= _LOW_WIDTH:
                raise ValueError(f"the width of {name} must be 1 to {_LOW_WIDTH}, not {width!r}")
        self.widths = {name: widths[name] for name in COUNTERS}
        super().__init__(
            {
                "clear": In(1),
                "enable": In(1),
                "increments": In(data.StructLayout(self.widths)),
                "values": Out(counter_values()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for k, (name, width) in enumerate(self.widths.items()):
            m.submodules[name] = counter = _Counter(width)
            m.d.comb += [
                counter.clear.eq(self.clear),
                counter.enable.eq(self.enable),
                counter.increment.eq(self.increments[name]),
                self.values[k].eq(counter.value),
            ]
        return m
