"""The cell unit in gates against its NumPy rendering."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.cell.parameters import CellParameters
from hw.cell.reference import cell_step
from hw.cell.settings import settings_of
from hw.cell.unit import CellUnit

ACC_WIDTH = 24


def parameters(c_power=-11, cell_clip=0, h_zero=-5, x_scale=0.02, h_scale=1 / 128):
    """Parameters of a plausible direction whose gates differ from one another."""
    return CellParameters.from_scales(
        x_scale=x_scale,
        W_scale=(0.003, 0.004, 0.0051, 0.0062),
        h_scale=h_scale,
        R_scale=(0.0071, 0.008, 0.0033, 0.0044),
        c_power=c_power,
        cell_clip=cell_clip,
        h_zero=h_zero,
    )


def random_units(count, seed, acc_width=ACC_WIDTH):
    """Accumulators of all magnitudes, biases, and cell states up to the extreme codes."""
    rng = np.random.default_rng(seed)
    low, high = -(1 << (acc_width - 1)), (1 << (acc_width - 1)) - 1
    acc = rng.integers(low, high + 1, (2, count, 4)) >> rng.integers(0, 20, (2, count, 1))
    acc[:, ::50], acc[:, 1::50] = low, high
    bias = rng.integers(-(1 << 18), 1 << 18, (count, 4)) >> rng.integers(0, 16, (count, 1))
    bias[::49], bias[1::49] = -(1 << 31), (1 << 31) - 1
    c = rng.integers(-32768, 32768, count) >> rng.integers(0, 6, count)
    c[::51], c[1::51] = -32768, 32767
    return acc[0], acc[1], bias, c


def expected(params, acc_x, acc_h, bias, c):
    """``(h, c)`` of the units; the reference takes units along its last axis."""
    h, c = cell_step(params, acc_x.T, acc_h.T, bias.T, c)
    return list(zip(h.tolist(), c.tolist(), strict=True))


def scales_of(params, rows, unit):
    """Multipliers and shifts of some rows of a unit, as words."""
    words = {}
    for part in ("x", "h") if params.by_row else ():
        multipliers = params.rows(f"{part}_multiplier")[rows, unit].tolist()
        shifts = params.rows(f"{part}_shift")[rows, unit].tolist()
        words[f"{part}_scale"] = [
            {"multiplier": multiplier >> 5, "shift": shift}
            for multiplier, shift in zip(multipliers, shifts, strict=True)
        ]
    return words


def rows_of(params, lanes, acc_x, acc_h, bias, c, rng):
    """Inputs of the unit, cycle by cycle; ``c`` is noise except in a unit's last cycle."""
    phases = 4 // lanes
    for unit in range(len(c)):
        for phase in range(phases):
            rows = slice(phase * lanes, (phase + 1) * lanes)
            is_last = phase == phases - 1
            yield {
                "acc_x": acc_x[unit, rows].tolist(),
                "acc_h": acc_h[unit, rows].tolist(),
                "bias": bias[unit, rows].tolist(),
                "c": int(c[unit]) if is_last else int(rng.integers(-32768, 32768)),
                "phase": phase,
                **scales_of(params, rows, unit),
            }


def simulate(dut, params, units, idle=0.0, seed=0):
    """Results of ``dut``, and the cycles in which units ended and results came."""
    rng = np.random.default_rng(seed)
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    ended, came, results = [], [], []

    async def bench(ctx):
        ctx.set(dut.settings, settings_of(params))
        rows, row, cycle = rows_of(params, dut.lanes, *units, rng), None, 0
        if dut.row_scales:
            ctx.set(dut.by_row, params.by_row)
        row = next(rows)
        stands = 0
        while len(results) < len(units[3]):
            valid = row is not None and not stands and rng.random() >= idle
            ctx.set(dut.i_valid, int(valid))
            stands = dut.row_cycles - 1 if valid else max(stands - 1, 0)
            if valid:
                ctx.set(dut.i, row)
                if row["phase"] == dut.phases - 1:
                    ended.append(cycle)
                row = next(rows, None)
            if ctx.get(dut.o_valid):
                came.append(cycle)
                results.append((ctx.get(dut.o.h), ctx.get(dut.o.c)))
            assert row is not None or cycle <= ended[-1] + dut.latency, "a result is missing"
            await ctx.tick()
            cycle += 1

    sim.add_testbench(bench)
    sim.run()
    return results, np.array(ended), np.array(came)


@pytest.mark.parametrize("idle", [0.0, 0.4])
@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("row_cycles", [1, 2])
def test_gates_equal_the_numpy_rendering(lanes, row_cycles, idle):
    params, units = parameters(), random_units(300, seed=lanes)
    dut = CellUnit(ACC_WIDTH, lanes, row_cycles=row_cycles)
    results, ended, came = simulate(dut, params, units, idle)
    assert results == expected(params, *units)
    assert set(came - ended) == {dut.latency}


@pytest.mark.parametrize("acc_width", [30, 36])
@pytest.mark.parametrize("row_scales", [False, True])
def test_wide_sums_give_an_h_of_16_bits(acc_width, row_scales):
    units = random_units(200, seed=acc_width, acc_width=acc_width)
    narrow = row_parameters(200, most=7) if row_scales else parameters(x_scale=2e-5, h_scale=3e-5)
    params = replace(narrow, h_zero=0, h_width=16, output_multiplier=1 << 30, output_shift=-14)
    dut = CellUnit(acc_width, 2, act_width=16, row_scales=row_scales)
    results, ended, came = simulate(dut, params, units, idle=0.2)
    assert results == expected(params, *units)
    assert len({h for h, _ in results}) > 100
    assert set(came - ended) == {32}


def row_parameters(count, most=15):
    """Parameters with scales of rows, for so many units."""
    rng = np.random.default_rng(count)
    one = parameters()
    names = ("x_multiplier", "x_shift", "h_multiplier", "h_shift")
    values = {
        name: rng.integers(1 << 25, 1 << 26, (4, count)) << 5
        if name.endswith("multiplier")
        else rng.integers(-31, most + 1, (4, count))
        for name in names
    }
    return replace(one, **{name: tuple(map(tuple, each.tolist())) for name, each in values.items()})


@pytest.mark.parametrize("by_row", [True, False])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_rows_have_their_own_scales_where_that_is_told(lanes, by_row):
    units = random_units(300, seed=lanes)
    params = row_parameters(300) if by_row else parameters()
    results, ended, came = simulate(CellUnit(ACC_WIDTH, lanes, row_scales=True), params, units)
    assert results == expected(params, *units)
    assert set(came - ended) == {32}


@pytest.mark.parametrize(
    "settings",
    [
        {"c_power": -15},
        {"c_power": -12, "cell_clip": 4096},
        {"c_power": -9, "cell_clip": 1},
        {"c_power": 0},
        {"h_zero": -128, "h_scale": 1 / 255},
        {"h_zero": 127, "h_scale": 2.0**-29},
        {"x_scale": 4.0},
        {"x_scale": 1e-9},
    ],
)
def test_every_setting_is_followed(settings):
    params, units = parameters(**settings), random_units(200, seed=9)
    results, _, _ = simulate(CellUnit(ACC_WIDTH, 4), params, units)
    assert results == expected(params, *units)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_rows_that_stand_for_two_cycles_take_twice_as_long(lanes):
    dut = CellUnit(ACC_WIDTH, lanes, row_cycles=2)
    _, ended, came = simulate(dut, parameters(), random_units(20, seed=5))
    assert set(np.diff(came)) == {8 // lanes}
    assert set(came - ended) == {33 if lanes == 4 else 36}


@pytest.mark.parametrize("row_cycles", [1, 2])
@pytest.mark.parametrize("settings", [{"c_power": -15}, {"c_power": 0, "h_scale": 2.0**-29}])
def test_sums_of_16_bit_activations_share_a_requantizer_too(settings, row_cycles):
    units = random_units(100, seed=3, acc_width=36)
    narrow = parameters(x_scale=2e-5, **settings)
    params = replace(narrow, h_zero=0, h_width=16, h_shift=(-4, -5, -6, -7))
    dut = CellUnit(36, 1, act_width=16, row_cycles=row_cycles)
    results, _, _ = simulate(dut, params, units, idle=0.2)
    assert results == expected(params, *units)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_a_unit_takes_4_over_lanes_cycles_and_32_to_come_out(lanes):
    dut = CellUnit(ACC_WIDTH, lanes)
    _, ended, came = simulate(dut, parameters(), random_units(20, seed=5))
    assert set(np.diff(came)) == {4 // lanes}
    assert set(came - ended) == {32}


def test_accumulators_of_32_bits_wrap_with_the_bias():
    units = random_units(50, seed=6)
    units[0][::2] = (1 << 31) - 1 - units[0][::2] % 1000
    units[2][::2] = 2000
    results, _, _ = simulate(CellUnit(32, 4), parameters(), units)
    assert results == expected(parameters(), *units)


@pytest.mark.parametrize(
    ("acc_width", "lanes", "sentence"),
    [
        (24, 3, "lanes must be 1, 2 or 4, not 3"),
        (33, 4, "acc_width must be from 2 to 32, not 33"),
        (48, 4, "acc_width must be from 2 to 47, not 48"),
    ],
)
def test_an_impossible_unit_is_refused(acc_width, lanes, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        CellUnit(acc_width, lanes, act_width=16 if acc_width > 40 else 8)
