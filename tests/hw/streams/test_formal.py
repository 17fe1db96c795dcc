"""What the stream helpers promise, for every input."""

import pytest
from amaranth.hdl import Assert, Assume, Const, Signal

from hw.streams.fifo import Fifo
from hw.streams.width import Downsizer, Upsizer


def in_order(m, dut, pushed, popped, nth):
    """Say that the item that was pushed nth leaves nth."""
    number_in, number_out = Signal(4), Signal(4)
    item, known = Signal.like(dut.i.payload), Signal()
    with m.If(pushed):
        m.d.sync += number_in.eq(number_in + 1)
        with m.If(number_in == nth):
            m.d.sync += [item.eq(dut.i.payload), known.eq(1)]
    with m.If(popped):
        m.d.sync += number_out.eq(number_out + 1)
        with m.If(number_out == nth):
            m.d.comb += Assert(known & (dut.o.payload == item))


@pytest.mark.parametrize("depth", [3, 4])
def test_a_queue_keeps_order_and_level(prover, depth):
    def properties(m, dut):
        pushed = dut.i.valid & dut.i.ready
        popped = dut.o.valid & dut.o.ready
        level = Signal(range(depth + 2))
        m.d.sync += level.eq(level + pushed - popped)
        prover.stable(m, dut.o.valid, dut.o.ready, dut.o.payload)
        # The item that is the first to use the memory's first word again.
        in_order(m, dut, pushed, popped, depth)
        m.d.comb += [Assert(dut.level == level), Assert(level <= depth)]
        m.d.comb += Assert(dut.i.ready == (level != depth))
        # Nothing waits inside for longer than the latency.
        waited = Signal()
        m.d.sync += waited.eq((level != 0) & ~dut.o.valid)
        m.d.comb += Assert(~waited | dut.o.valid)

    prover.run(Fifo(1, depth), properties, depth + 6)


def test_a_joined_item_stands_until_taken(prover):
    def properties(m, dut):
        prover.stable(m, dut.o.valid, dut.o.ready, dut.o.payload)

    prover.run(Upsizer(2, 3), properties, 12)


def test_a_narrow_item_stands_until_taken_if_its_beat_does(prover):
    def properties(m, dut):
        prover.stable(m, dut.i.valid, dut.i.ready, dut.i.payload, check=Assume)
        prover.stable(m, dut.o.valid, dut.o.ready, dut.o.payload)
        keep = dut.i.payload.keep
        m.d.comb += Assume((keep >= 1) & (keep <= 3))

    prover.run(Downsizer(2, 3), properties, 12)


def test_the_prover_finds_what_is_wrong(prover):
    def properties(m, dut):
        m.d.comb += Assert(dut.level < Const(3))

    held, words = prover.check(Fifo(2, 3), properties, 10)
    assert not held and "Assert failed" in words
