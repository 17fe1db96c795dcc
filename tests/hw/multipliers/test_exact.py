"""The exact multiplier: gates against ``compute``, for every weight and every event value."""

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import data
from amaranth.sim import Simulator

from hw.multipliers.exact import Exact

VALUES = np.arange(-255, 256)


def all_sums(multiplier, patterns, totals, width):
    """``totals`` plus product, ``[value, pattern]``, as the gates of a lane compute it."""
    m = Module()
    value = Signal(signed(9))
    operand = Signal(multiplier.operand_layout(9))
    m.d.comb += operand.eq(multiplier.operand(value))
    sums = []
    for index, (pattern, total) in enumerate(zip(patterns, totals, strict=True)):
        weight = Const(int(pattern), multiplier.weight_width)
        product = Signal(multiplier.product_layout(9), name=f"product_{index}")
        m.d.comb += product.eq(multiplier.product(operand, weight))
        sums.append(multiplier.accumulate(Const(int(total), signed(width)), product))
    result = Signal(data.ArrayLayout(signed(width), len(sums)))
    m.d.comb += result.as_value().eq(Cat(sums))
    out = np.empty((len(VALUES), len(sums)), np.int64)

    async def testbench(ctx):
        for row, number in enumerate(VALUES):
            ctx.set(value, int(number))
            bits = ctx.get(result.as_value())
            words = np.array([bits >> width * k & (1 << width) - 1 for k in range(len(sums))])
            out[row] = words - (words >> width - 1 << width)

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
    return out


@pytest.mark.parametrize("width", [8, 7, 5, 4])
def test_gates_equal_compute_for_every_value_and_weight(width):
    multiplier, limit = Exact(weight_width=width), 2 ** (width - 1) - 1
    weights = np.arange(-limit, limit + 1)
    draw = np.random.default_rng(width)
    totals = draw.integers(-(1 << 22), 1 << 22, len(weights))
    totals[::7], totals[1::7] = 0, -1
    sums = all_sums(multiplier, multiplier.encode(weights), totals, 24)
    assert (sums == totals + multiplier.compute(VALUES[:, None], weights)).all()


def test_the_sign_of_a_zero_weight_adds_nothing():
    totals = [0, -1, 8388607, -8388608]
    assert (all_sums(Exact(), [0x80] * 4, totals, 24) == totals).all()


def test_a_sum_wraps_at_its_width():
    sums = all_sums(Exact(), Exact().encode(np.array([127, -127])), [32767, -32768], 16)
    assert list(sums[-1]) == [32767 + 255 * 127 - 65536, -32768 - 255 * 127 + 65536]


def test_small_values_of_either_sign_have_the_same_magnitude():
    codes = Exact().encode(np.array([-127, -1, 0, 1, 127]))
    assert codes.dtype == np.uint8
    assert codes.tolist() == [0xFF, 0x81, 0x00, 0x01, 0x7F]


def test_compute_takes_any_shapes_and_widens():
    product = Exact().compute(np.array([[-255], [255]], np.int16), np.array([-127, 127], np.int8))
    assert product.dtype == np.int64
    assert product.tolist() == [[32385, -32385], [-32385, 32385]]


@pytest.mark.parametrize(
    "width, weights, sentence",
    [
        (8, [3, -128, 5], "weights must be within ±127, not -128"),
        (8, [-3, 128], "weights must be within ±127, not 128"),
        (4, [7, 8], "weights must be within ±7, not 8"),
    ],
)
def test_a_weight_that_has_no_pattern_is_refused(width, weights, sentence):
    with pytest.raises(ValueError) as error:
        Exact(weight_width=width).encode(np.array(weights, np.int16))
    assert str(error.value) == sentence


@pytest.mark.parametrize("width", [3, 9, 8.0])
def test_a_width_that_weights_cannot_have_is_refused(width):
    with pytest.raises(ValueError) as error:
        Exact(weight_width=width)
    assert str(error.value) == f"weight_width must be an integer from 4 to 8, not {width}"


def test_no_weights_are_no_patterns():
    assert Exact().encode(np.zeros((0, 8), np.int8)).shape == (0, 8)
