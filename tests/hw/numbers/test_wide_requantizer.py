"""Requantisation of wide sums in gates against its NumPy rendering."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.numbers.requantize import requantize_wide
from hw.numbers.wide_requantizer import WideRequantizer


def simulate(dut, items, valids):
    """Outputs of ``dut`` for ``items`` fed where ``valids`` is true, and their latencies."""
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    results, entered, latencies = [], [], []

    async def bench(ctx):
        queue = iter(items)
        for cycle in range(len(valids) + dut.latency + 1):
            valid = cycle < len(valids) and valids[cycle]
            ctx.set(dut.i_valid, int(valid))
            if valid:
                value, multiplier, shift = next(queue)
                ctx.set(dut.i, {"value": value, "multiplier": multiplier, "shift": shift})
                entered.append(cycle)
            if ctx.get(dut.o_valid):
                latencies.append(cycle - entered[len(results)])
                results.append(ctx.get(dut.o))
            await ctx.tick()

    sim.add_testbench(bench)
    sim.run()
    return results, latencies


def random_items(count, width, seed):
    """Values over all magnitudes, multipliers in and out of their normal range, all shifts."""
    rng = np.random.default_rng(seed)
    value = rng.integers(-(1 << width - 1), 1 << width - 1, count) >> rng.integers(0, width, count)
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    multiplier[::7] >>= rng.integers(0, 32, len(multiplier[::7]))
    multiplier[::5], multiplier[1::11] = 1 << 30, (1 << 31) - 1
    shift = rng.integers(-31, 8, count)
    # Half of the values aim at 16-bit results, where nothing saturates.
    aimed = rng.integers(-40000, 40000, count)
    limit = float((1 << width - 1) - 1)
    scaled = np.clip(aimed.astype(float) * 2.0 ** (1 - shift), -limit, limit)
    value[::2] = scaled.astype(np.int64)[::2]
    return np.stack([value, multiplier, shift], 1)


@pytest.mark.parametrize("width", [33, 37, 48])
def test_gates_equal_the_numpy_rendering(width):
    top = 1 << width - 1
    corners = [
        (value, multiplier, shift)
        for value in (-top, -3, -1, 0, 1, 3, top - 1, 32767 << 9, (32767 << 9) + 256)
        for multiplier in (0, 1 << 15, 1 << 30, (1 << 31) - 1)
        for shift in (-31, -24, -8, -1, 0, 7)
    ]
    items = np.concatenate([corners, random_items(1000, width, width)])
    dut = WideRequantizer(width)
    results, latencies = simulate(dut, items.tolist(), [True] * len(items))
    assert results == requantize_wide(*items.T).tolist()
    assert set(latencies) == {7}


def test_gaps_between_values_change_nothing():
    items = random_items(200, 36, 1)
    valids = np.random.default_rng(2).random(600) < 0.4
    items = np.resize(items, (int(valids.sum()), 3))
    results, latencies = simulate(WideRequantizer(36), items.tolist(), valids.tolist())
    assert results == requantize_wide(*items.T).tolist()
    assert set(latencies) == {7}


@pytest.mark.parametrize("width", [32, 49])
def test_a_width_that_no_sum_has_is_refused(width):
    with pytest.raises(ValueError, match=f"^value_width must be from 33 to 48, not {width}$"):
        WideRequantizer(width)
