"""One of many."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hw.select import any_of, at_least, pick


def simulate(m, testbench):
    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
def test_the_one_term_that_is_not_zero_is_selected(count):
    m = Module()
    terms = [Signal(4, name=f"term_{k}") for k in range(count)]
    out = Signal(4)
    m.d.comb += out.eq(any_of(terms))

    async def testbench(ctx):
        assert ctx.get(out) == 0
        for k, term in enumerate(terms):
            ctx.set(term, 5 + k % 8)
            assert ctx.get(out) == 5 + k % 8
            ctx.set(term, 0)

    simulate(m, testbench)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_set_bits_are_counted_up_to_a_number(width, number):
    m = Module()
    bits, out = Signal(width), Signal()
    m.d.comb += out.eq(at_least(bits, number))

    async def testbench(ctx):
        for value in range(1 << width):
            ctx.set(bits, value)
            assert ctx.get(out) == (value.bit_count() >= number)

    simulate(m, testbench)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_chosen_word_is_picked(count):
    m = Module()
    words, chosen, out = Signal(5 * count), Signal(count), Signal(5)
    m.d.comb += out.eq(pick(words, chosen, 5))

    async def testbench(ctx):
        for k in range(count):
            ctx.set(words, (19 << 5 * k) ^ (7 << 5 * (count - 1 - k) if 2 * k + 1 != count else 0))
            ctx.set(chosen, 1 << k)
            assert ctx.get(out) == 19

    simulate(m, testbench)
