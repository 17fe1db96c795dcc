"""Costs with a small library, and of FPGAs."""

from dataclasses import replace

import numpy as np
import pytest

from hw.multipliers.catalogue import find_multiplier
from hw.multipliers.masked import Cut, MaskedArray
from sim.explore.multipliers import cost as multiplier_cost
from sim.explore.multipliers.cost import (
    fpga_cost,
    liberty_cost,
    map_operator,
    operator_energy,
    operator_values,
)
from sim.explore.multipliers.energy import settle
from sim.explore.multipliers.liberty import read_liberty
from sim.explore.multipliers.netlist import unpack
from sim.explore.multipliers.operands import Part, uniform_streams
from sim.networks.network import NetworkError

SMALL = MaskedArray(weight_width=4, cuts=(Cut(), Cut(columns=5)))


@pytest.fixture
def small_operands():
    values, weights = uniform_streams(16, 12, seed=4)
    return values, weights % 15 - 7


@pytest.mark.parametrize("name", ["exact", "truncated:5", "booth:1"])
def test_the_mapped_lane_adds_the_products_up(liberty, name, small_operands):
    multiplier = find_multiplier(name, 4)
    library = read_liberty(liberty)
    netlist = map_operator(multiplier, liberty, library)
    values, weights = small_operands
    for level in range(len(multiplier.levels)):
        cycles = operator_values(multiplier, netlist, level, values, weights)
        settled = settle(netlist, library, cycles)
        sums = np.cumsum(multiplier.compute(values, weights, level), axis=1)
        for cycle in range(3, values.shape[1]):
            total = unpack([settled[cycle][net] for net in netlist.ports["total"]], 16)
            assert ((total ^ 1 << 25) - (1 << 25) == sums[:, cycle - 3]).all()


def test_a_truncated_level_takes_less_energy(liberty, small_operands):
    library = read_liberty(liberty)
    netlist = map_operator(SMALL, liberty, library)
    exact, cut = (operator_energy(SMALL, netlist, library, k, small_operands) for k in (0, 1))
    assert 0 < cut["energy_pj"] < exact["energy_pj"]
    assert cut["transitions"] < exact["transitions"]
    assert exact["energy_pj"] == pytest.approx(exact["gates_pj"] + exact["registers_pj"])


def test_operands_that_stand_still_cost_the_clock_only(liberty):
    library = read_liberty(liberty)
    netlist = map_operator(SMALL, liberty, library)
    still = np.zeros((8, 12), np.int64), np.zeros((8, 12), np.int64)
    found = operator_energy(SMALL, netlist, library, 0, still)
    assert found["gates_pj"] == found["transitions"] == 0
    clocks = len(netlist.states) * 4e-15 * 1.5**2
    assert found["registers_pj"] == pytest.approx(1e12 * clocks)


def test_a_lane_is_costed_in_both_modes(liberty, monkeypatch):
    monkeypatch.setattr(multiplier_cost, "LANES", 8)
    monkeypatch.setattr(multiplier_cost, "CYCLES", 10)
    rows = np.cumsum(np.random.default_rng(0).integers(-9, 10, (2, 30, 8)), axis=1)
    part = Part(rows=rows.astype(np.int16), weights=np.full((4, 8), 5, np.int8))
    found = liberty_cost(SMALL, liberty, [0, 1], [part], 2)
    assert [(row["level"], row["operands"]) for row in found] == [
        *((0, "normal"), (0, "delta"), (1, "normal"), (1, "delta"))
    ]
    assert found[0]["area"] == found[3]["area"] > 300
    assert found[0]["delay_ns"] > 0.1


@pytest.mark.parametrize("what, cell", [("buffer", "BUF"), ("flip-flop", "DFF")])
def test_a_library_without_what_mapping_needs_is_refused(liberty, what, cell):
    library = read_liberty(liberty)
    some = {name: each for name, each in library.cells.items() if name != cell}
    with pytest.raises(NetworkError) as error:
        map_operator(SMALL, liberty, replace(library, cells=some))
    assert str(error.value) == f"{liberty} has no {what}, and a lane needs one"


@pytest.mark.slow
def test_cells_of_fpgas_are_counted_for_the_array_and_for_each_level():
    array, exact, cut = fpga_cost(SMALL)
    assert [row["array"] for row in (array, exact, cut)] == ["all levels", "exact", "columns < 5"]
    assert array["xc7_luts"] >= exact["xc7_luts"] > cut["xc7_luts"] > 0
    assert exact["ecp5_luts"] > cut["ecp5_luts"] > 0
    assert array["xc7_dsp"] == array["ecp5_dsp"] == 0
    assert cut["xc7_dsp"] is None


@pytest.mark.slow
def test_an_operator_becomes_a_multiplier_block():
    (row,) = fpga_cost(find_multiplier("exact"))
    assert row["xc7_dsp"] == row["ecp5_dsp"] == 1


def test_what_needs_a_dsp_block_is_not_mapped_to_cells(liberty):
    with pytest.raises(NetworkError) as error:
        map_operator(find_multiplier("dsp-pair"), liberty, read_liberty(liberty))
    assert str(error.value) == (
        "dsp-pair shares a DSP block between 2 lanes, and a cell library has no such block"
    )
