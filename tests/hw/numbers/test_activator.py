"""Sigmoid and tanh in gates against their NumPy rendering."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.numbers.activation import MAX_TANH_SHIFT, MIN_TANH_SHIFT, sigmoid, tanh
from hw.numbers.activator import Activator

ALL_CODES = np.arange(-(1 << 15), 1 << 15)


def simulate(dut, items, valids=None):
    """Outputs of ``dut`` for ``items``, and their latencies."""
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    valids = [True] * len(items) if valids is None else valids
    valids = [*valids, *[False] * (dut.latency + 1)]
    entered, results, latencies = [], [], []

    async def feed(ctx):
        queue = iter(items)
        # A shift is steady from the cycle before the first value.
        ctx.set(dut.i.as_value(), items[0])
        await ctx.tick()
        for cycle, valid in enumerate(valids):
            ctx.set(dut.i_valid, int(valid))
            if valid:
                ctx.set(dut.i.as_value(), next(queue))
                entered.append(cycle)
            await ctx.tick()

    async def drain(ctx):
        await ctx.tick()
        for cycle in range(len(valids)):
            _, _, valid, result = await ctx.tick().sample(dut.o_valid, dut.o)
            if valid:
                latencies.append(cycle - entered[len(results)])
                results.append(result)

    sim.add_testbench(feed)
    sim.add_testbench(drain)
    sim.run()
    return np.array(results), set(latencies)


@pytest.mark.parametrize(("is_tanh", "reference"), [(0, sigmoid), (1, tanh)])
def test_gates_equal_the_numpy_rendering_on_every_code(is_tanh, reference):
    items = (is_tanh << 16 | ALL_CODES & 0xFFFF).tolist()
    dut = Activator()
    results, latencies = simulate(dut, items)
    np.testing.assert_array_equal(results, reference(ALL_CODES))
    assert latencies == {dut.latency}


@pytest.mark.parametrize("shift", range(MIN_TANH_SHIFT, MAX_TANH_SHIFT + 1))
def test_shifted_tanh_equals_the_numpy_rendering(shift):
    small = np.arange(-300, 300)
    edge = (255 << 8) / 3 / 2.0**shift
    near = [s * (int(edge) + k) for s in (-1, 1) for k in range(-20, 20)]
    codes = np.concatenate([small, near, ALL_CODES[shift + 3 :: 257], [-32768, 32767]])
    codes = np.clip(codes, -32768, 32767)
    items = [(shift & 31) << 17 | 1 << 16 | int(code) & 0xFFFF for code in codes]
    dut = Activator(shiftable=True)
    results, latencies = simulate(dut, items)
    np.testing.assert_array_equal(results, tanh(codes, shift))
    assert latencies == {dut.latency}


def test_functions_and_gaps_may_alternate():
    rng = np.random.default_rng(3)
    valids = rng.random(3000) < 0.5
    codes = rng.integers(-32768, 32768, valids.sum())
    is_tanh = rng.integers(0, 2, valids.sum())
    items = (is_tanh << 16 | codes & 0xFFFF).tolist()
    results, latencies = simulate(Activator(), items, valids.tolist())
    np.testing.assert_array_equal(results, np.where(is_tanh, tanh(codes), sigmoid(codes)))
    assert latencies == {Activator().latency}
