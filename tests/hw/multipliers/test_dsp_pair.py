"""Two lanes in one multiplier: exact for every value and both weights."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.multipliers.dsp_pair import DspPair, LanePair
from sim.explore.multipliers.cost import lanes_cost
from sim.explore.multipliers.netlist import to_netlists


class Sums(wiring.Component):
    """Both products of a pair, each added to 0 at 17 bits.

    Members
    -------
    value, codes : In
        Event value and both patterns.
    low, high : Out
        The products.
    """

    def __init__(self, multiplier, width):
        self.multiplier, self.width = multiplier, width
        codes = In(2 * multiplier.weight_width)
        super().__init__({"value": In(width), "codes": codes, "low": Out(17), "high": Out(17)})

    def elaborate(self, platform):
        m = Module()
        pair = Signal(self.multiplier.pair_layout(self.width))
        product = self.multiplier.pair_product(self.value.as_signed(), self.codes)
        zero = Signal(17)
        m.d.comb += [
            pair.as_value().eq(product),
            self.low.eq(pair.low),
            self.high.eq(self.multiplier.accumulate_high(zero, pair)),
        ]
        return m


def signed_17(found):
    return (found ^ 1 << 16) - (1 << 16)


@pytest.mark.parametrize(
    "width, upper", [(4, 15), (8, 5), pytest.param(8, 255, marks=pytest.mark.slow)]
)
def test_both_products_are_exact_for_every_value_and_both_weights(width, upper):
    multiplier = DspPair(weight_width=width)
    netlist = to_netlists({"sums": Sums(multiplier, 9)})["sums"]
    weights = np.arange(-multiplier.weight_limit, multiplier.weight_limit + 1)
    values = np.arange(-255, 256)
    chosen = weights[np.linspace(0, len(weights) - 1, upper).astype(int)]
    for some in np.array_split(chosen, -(-upper // 15)):
        value, low, high = (a.ravel() for a in np.meshgrid(values, weights, some, indexing="ij"))
        codes = multiplier.encode(np.stack([low, high], axis=1)).astype(np.int64)
        found = netlist.simulate(
            {"value": value & 511, "codes": codes[:, 0] | codes[:, 1] << width}
        )
        assert (signed_17(found["low"]) == value * low).all()
        assert (signed_17(found["high"]) == value * high).all()


def test_weights_are_stored_in_pairs_and_come_back():
    multiplier = DspPair()
    weights = np.array([[3, -5, -3, -5], [-1, -127, 127, 0]], np.int8)
    codes = multiplier.encode(weights)
    assert codes.tolist() == [[3, 251, 253, 250], [255, 128, 127, 0]]
    assert (multiplier.decode(codes) == weights).all()


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [8, 64])
def test_two_lanes_of_an_array_take_one_dsp_block(lanes):
    assert lanes_cost(DspPair(), lanes)["xc7_dsp"] == lanes // 2


def test_a_pair_of_lanes_sums_products():
    multiplier, rng = DspPair(), np.random.default_rng(3)
    values = rng.integers(-255, 256, 40)
    weights = rng.integers(-127, 128, (40, 2))
    codes = multiplier.encode(weights).astype(int)
    pair = LanePair(multiplier, 9, 26)

    found = []

    async def testbench(ctx):
        ctx.set(pair.i_valid, 1)
        for step in range(42):
            if step < 40:
                ctx.set(pair.operand.value, int(values[step]))
                ctx.set(pair.weights, int(codes[step, 0] | codes[step, 1] << 8))
            ctx.set(pair.operand_valid, step >= 1)
            ctx.set(pair.product_valid, step >= 2)
            ctx.set(pair.product_first, step == 2)
            ctx.set(pair.bases, [1000, -2000])
            await ctx.tick()
            if step >= 2:
                found.append([ctx.get(pair.totals[0]), ctx.get(pair.totals[1])])

    simulator = Simulator(pair)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    sums = np.array([1000, -2000]) + np.cumsum(values[:, None] * weights, axis=0)
    assert found == sums.tolist()


def test_fields_that_do_not_fit_a_port_are_refused():
    with pytest.raises(ValueError) as error:
        LanePair(DspPair(), 11, 26)
    assert str(error.value) == (
        "two weights of 8 bits and values of 11 bits need a port of 26 bits, and a DSP block has 25"
    )


@pytest.mark.parametrize(
    "weights, sentence",
    [
        ([1, 2, 3], "weights are stored in pairs, and 3 lanes are not even"),
        ([1, -128], "weights must be within ±127, not -128"),
    ],
)
def test_weights_without_a_pattern_are_refused(weights, sentence):
    with pytest.raises(ValueError) as error:
        DspPair().encode(np.array(weights))
    assert str(error.value) == sentence
