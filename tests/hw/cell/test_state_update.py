"""The state update in gates: ties of both roundings, and the limits of every clamp."""

import dataclasses

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.cell.parameters import CellParameters
from hw.cell.reference import next_state
from hw.cell.settings import settings_of
from hw.cell.state_update import StateUpdate

SIGMOIDS = (0, 1, 16384, 32766, 32767)
TANHS = (-32767, -32766, -1, 0, 1, 32766, 32767)
STATES = (-32768, *TANHS)
NEAR = range(-3, 4)


def parameters(c_power, **changes):
    """Parameters of which only those behind the activations matter."""
    params = CellParameters.from_scales(
        x_scale=1.0,
        W_scale=(1e-3,) * 4,
        h_scale=1 / 128,
        R_scale=(1e-3,) * 4,
        c_power=c_power,
    )
    return dataclasses.replace(params, **changes)


def simulate(params, items):
    """``(h, c)`` for rows of ``i f g o c``, one a cycle."""
    dut = StateUpdate()
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    results = []

    async def bench(ctx):
        ctx.set(dut.settings, settings_of(params))
        await ctx.tick()
        for cycle in range(len(items) + dut.latency + 1):
            ctx.set(dut.i_valid, cycle < len(items))
            if cycle < len(items):
                names = ("input", "forget", "cell", "output", "c")
                ctx.set(dut.i, dict(zip(names, items[cycle], strict=True)))
            assert ctx.get(dut.o_valid) == (
                cycle >= dut.latency and cycle < len(items) + dut.latency
            )
            if ctx.get(dut.o_valid):
                results.append((ctx.get(dut.o.h), ctx.get(dut.o.c)))
            await ctx.tick()

    sim.add_testbench(bench)
    sim.run()
    return results


def expected(params, items):
    """The same by the reference."""
    i, f, g, o, c = np.array(items, np.int64).T
    h, c = next_state(params, i, f, g, o, c)
    return list(zip(h.tolist(), c.tolist(), strict=True))


def factors(product):
    """Two 16-bit codes with this product, if there are any."""
    for a in range(int(abs(product) ** 0.5), 0, -1):
        if product % a == 0:
            return (a, product // a) if abs(product // a) <= 32767 else None
    return None


def tie_products(shift):
    """Products at and around odd multiples of half a unit of the result."""
    half = 1 << (shift - 1)
    centres = [half * k for k in (-3, -1, 1, 3)]
    near = [centre + k for centre in centres for k in range(-3, 4)]
    return [pair for product in near if abs(product) < 1 << 30 and (pair := factors(product))]


@pytest.mark.parametrize("c_power", range(-19, 1))
def test_ties_of_both_products_round_as_the_reference(c_power):
    params = parameters(c_power)
    items = [(i, 0, g, 32767, 0) for i, g in tie_products(params.product_shift)]
    items += [(0, f, 0, 32767, c) for f, c in tie_products(15)]
    assert len(items) > 20
    assert simulate(params, items) == expected(params, items)


@pytest.mark.parametrize("c_power", range(-19, -15))
def test_a_product_that_leaves_16_bits_saturates_before_it_is_added(c_power):
    params = parameters(c_power)
    full = 1 << (params.product_shift + 15)
    half = full >> 16
    wanted = [s * (full + k * half + near) for s in (1, -1) for k in (-3, -1, 1) for near in NEAR]
    pairs = [pair for product in wanted if (pair := factors(product))]
    items = [(i, 32767, g, 32767, c) for i, g in pairs for c in (-32768, -1, 0, 32767)]
    assert len(items) > 40
    assert simulate(params, items) == expected(params, items)


@pytest.mark.parametrize("c_power", [-19, -16, -15])
@pytest.mark.parametrize("cell_clip", [0, 1, 32766, 32767])
def test_extreme_codes_saturate_as_the_reference(cell_clip, c_power):
    params = parameters(c_power, cell_clip=cell_clip)
    rng = np.random.default_rng(cell_clip)
    i, f, o = rng.choice(SIGMOIDS, (3, 600))
    items = np.stack([i, f, rng.choice(TANHS, 600), o, rng.choice(STATES, 600)], 1).tolist()
    assert simulate(params, items) == expected(params, items)


@pytest.mark.parametrize("h_zero", [-128, 0, 127])
def test_h_saturates_behind_its_zero_point(h_zero):
    params = parameters(-12, h_zero=h_zero, output_shift=-20)
    rng = np.random.default_rng(7)
    low = (0, 0, -32767, 0, -32768)
    items = rng.integers(low, 32768, (300, 5)).tolist()
    results = simulate(params, items)
    assert results == expected(params, items)
    assert {-128, 127} <= {h for h, _ in results}
