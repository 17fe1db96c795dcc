"""Requantisation in gates against its NumPy rendering."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.numbers.requantize import requantize
from hw.numbers.requantizer import Requantizer


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


def random_items(count, seed, left_shift):
    """Values over all magnitudes, multipliers in and out of their normal range, all shifts."""
    rng = np.random.default_rng(seed)
    value = rng.integers(-(1 << 31), 1 << 31, count) >> rng.integers(0, 32, count)
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    multiplier[::7] >>= rng.integers(0, 32, len(multiplier[::7]))
    multiplier[::5] = 1 << 30  # powers of two meet ties
    shift = rng.integers(-31, 16 if left_shift else 1, count)
    # Half of the values aim at 16-bit results, where nothing saturates.
    aimed = rng.integers(-40000, 40000, count)
    scaled = np.clip(aimed.astype(float) * 2.0 ** (1 - shift), -(2**31), 2**31 - 1)
    value[::2] = scaled.astype(np.int64)[::2]
    return np.stack([value, multiplier, shift], 1)


CORNERS = [
    (value, multiplier, shift)
    for value in (-(1 << 31), -(1 << 31) + 1, -3, -2, -1, 0, 1, 2, 3, (1 << 31) - 1, 32767 << 9)
    for multiplier in (0, 1, 1 << 30, (1 << 31) - 1)
    for shift in (-31, -9, -8, -1, 0)
]
# The largest codes of 8 and of 16 bits and a half: rounding alone makes them too large.
CORNERS += [(510, 1 << 30, -1), (131070, 1 << 30, -1), (-514, 1 << 30, -1), (-131074, 1 << 30, -1)]


@pytest.mark.parametrize("left_shift", [True, False])
@pytest.mark.parametrize("out_width", [8, 16, 32])
def test_gates_equal_the_numpy_rendering(out_width, left_shift):
    items = np.concatenate([CORNERS, random_items(3000, out_width, left_shift)])
    dut = Requantizer(out_width=out_width, left_shift=left_shift)
    results, latencies = simulate(dut, items.tolist(), [True] * len(items))
    assert results == requantize(*items.T, out_width).tolist()
    assert set(latencies) == {dut.latency}


@pytest.mark.parametrize("idle", [0, 0.5])
def test_one_multiplier_does_the_same_in_four_cycles(idle):
    items = np.concatenate([CORNERS, random_items(1500, 4, False)])
    rng = np.random.default_rng(5)
    valids = []
    for _ in items:
        valids += [True, False, False, False, *[False] * int(rng.integers(0, 4) * (idle > 0))]
    dut = Requantizer(left_shift=False, cycles=4)
    results, latencies = simulate(dut, items.tolist(), valids)
    assert results == requantize(*items.T).tolist()
    assert set(latencies) == {dut.latency}


def test_gaps_between_values_change_nothing():
    items = random_items(300, 1, True)
    valids = np.random.default_rng(2).random(1200) < 0.4
    items = np.resize(items, (int(valids.sum()), 3))
    dut = Requantizer()
    results, latencies = simulate(dut, items.tolist(), valids.tolist())
    assert results == requantize(*items.T).tolist()
    assert set(latencies) == {dut.latency}


def test_the_output_holds_without_new_values():
    dut = Requantizer()
    sim = Simulator(dut)
    sim.add_clock(1e-6)

    async def bench(ctx):
        ctx.set(dut.i, {"value": 1000, "multiplier": 1 << 30, "shift": 1})
        ctx.set(dut.i_valid, 1)
        await ctx.tick()
        ctx.set(dut.i_valid, 0)
        ctx.set(dut.i, {"value": -77, "multiplier": 1 << 29, "shift": 0})
        await ctx.tick().repeat(30)
        assert ctx.get(dut.o) == 1000
        assert not ctx.get(dut.o_valid)

    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("left_shift, cycles", [(False, 2), (True, 4)])
def test_a_rate_that_no_requantizer_has_is_refused(left_shift, cycles):
    sentence = rf"^cycles must be 1, or 4 without left shifts, not {cycles}$"
    with pytest.raises(ValueError, match=sentence):
        Requantizer(left_shift=left_shift, cycles=cycles)


def test_a_width_that_no_result_has_is_refused():
    with pytest.raises(ValueError, match=r"^out_width must be from 2 to 32, not 33$"):
        Requantizer(out_width=33)
