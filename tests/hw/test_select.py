"""One of many."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hw.select import any_of


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

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
