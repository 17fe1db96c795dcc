"""Cells that are estimated, beside those that Yosys counted."""

import json
from dataclasses import replace

import pytest

from hw.config import CONFIGS
from hw.mac.array import MacArray
from sim.explore.bench.families import FAMILIES
from sim.explore.resources import collecting
from sim.explore.resources.blocks import cells_by_block
from sim.explore.resources.collecting import FITTED, LEFT_OUT, collect, compared, machine
from sim.explore.resources.estimate import estimated_cells, read_counts
from sim.explore.resources.mapping import RULES, block_memories, dsp_blocks, lut_memory
from sim.explore.resources.model import FEATURES, features
from sim.explore.resources.structure import Memory, Product, blocks_of

LIMIT = 0.10


def test_machines_that_were_left_out_are_within_a_tenth():
    rows = [row for row in compared(read_counts()) if not row["fitted"]]
    assert len(rows) >= 10
    for family in FAMILIES:
        assert {"tiny", "edge"} <= {row["name"] for row in rows if row["family"] == family}
    for row in rows:
        for name in ("lut", "ff", "dsp", "bram"):
            assert abs(row[f"{name}_error"]) <= LIMIT, row


def test_no_machine_is_fitted_to_and_left_out():
    assert not set(FITTED) & set(LEFT_OUT)
    machines = {name: machine(*each) for name, each in (FITTED | LEFT_OUT).items()}
    same = {replace(each, name="machine", clock_mhz=100.0) for each in machines.values()}
    assert len(same) == len(machines)
    assert {each["name"] for each in read_counts() if each["fitted"]} <= set(FITTED)


def test_estimates_grow_with_the_machine_and_have_the_lanes_dsp_blocks():
    tiny = replace(CONFIGS["tiny"], row_cycles=1)
    few, many = estimated_cells(tiny), estimated_cells(replace(tiny, lanes=32, cell_lanes=4))
    assert few == estimated_cells(replace(tiny, name="other", clock_mhz=80.0))
    assert few["lut"] < many["lut"] and few["ff"] < many["ff"]
    assert many["dsp"] - few["dsp"] == 24 + 27
    logic = estimated_cells(replace(tiny, multiplier=CONFIGS["chip"].multiplier))
    assert logic["dsp"] == few["dsp"] - 8
    assert logic["lut"] > few["lut"] + 8 * 40
    # In two cycles a row, requantisers have half of their multipliers.
    assert estimated_cells(CONFIGS["tiny"])["dsp"] == few["dsp"] - 8


@pytest.mark.parametrize(
    "memory, luts, blocks",
    [
        # What Yosys 0.70 made of them, read off a mapped machine.
        (Memory(64, 320, 1), None, 1.0),
        (Memory(65, 256, 1), None, 1.0),
        (Memory(65, 64, 1), 88, None),
        (Memory(72, 64, 1), 96, None),
        (Memory(128, 64, 1), 172, None),
        (Memory(24, 64, 1), 32, None),
        (Memory(26, 256, 1, written=False, block=True), None, 0.5),
    ],
)
def test_memories_are_where_yosys_puts_them(memory, luts, blocks):
    assert block_memories(memory, RULES["xc7"]) == blocks
    if blocks is None:
        assert lut_memory(memory, RULES["xc7"]) == luts


@pytest.mark.parametrize(
    "memory, cells, blocks",
    [
        # Likewise in an ECP5: memories of 16 words of 4 bits, each four LUTs.
        (Memory(64, 64, 1), None, 2.0),
        (Memory(65, 64, 1, luts=True), 68, None),
        (Memory(4, 128, 1), 8, None),
        (Memory(17, 512, 2), None, 2.0),
        (Memory(64, 2304, 1), None, 10.0),
        (Memory(192, 128, 2), None, 12.0),
        (Memory(24, 256, 1), None, 1.0),
    ],
)
def test_memories_of_an_ecp5_are_where_yosys_puts_them(memory, cells, blocks):
    assert block_memories(memory, RULES["ecp5"]) == blocks
    if blocks is None:
        assert 4 * cells <= lut_memory(memory, RULES["ecp5"]) <= 8 * cells


@pytest.mark.parametrize(
    "widths, result, blocks",
    [((9, 8), 17, 1), ((3, 3), 6, 0), ((25, 18), 43, 1), ((32, 18), 50, 2), ((32, 32), 64, 4)],
)
def test_products_take_as_many_dsp_blocks_as_yosys_gives_them(widths, result, blocks):
    assert dsp_blocks(Product(widths, result), RULES["xc7"]) == blocks
    assert dsp_blocks(Product(widths[::-1], result), RULES["xc7"]) == blocks


@pytest.mark.parametrize(
    "widths, blocks", [((9, 8), 1), ((3, 3), 1), ((8, 1), 0), ((18, 18), 1), ((19, 18), 1)]
)
def test_products_of_an_ecp5_are_of_factors_of_18_bits(widths, blocks):
    assert dsp_blocks(Product(widths, sum(widths)), RULES["ecp5"]) == blocks


def test_lanes_are_counted_by_their_operators():
    tiny = CONFIGS["tiny"]
    eight = features(_whole(MacArray(tiny)), "xc7")
    sixteen = features(_whole(MacArray(replace(tiny, lanes=16))), "xc7")
    place = FEATURES.index("dsp")
    assert (eight[place], sixteen[place]) == (8, 16)
    registers = FEATURES.index("registers")
    assert sixteen[registers] - eight[registers] > 8 * tiny.acc_width


def _whole(component):
    blocks = blocks_of(component)
    first = blocks.pop("top")
    for each in blocks.values():
        first.registers += each.registers
        first.products += each.products
        first.memories += each.memories
        for kind, bits in each.bits.items():
            first.bits[kind] += bits
    return first


def test_luts_without_a_name_belong_to_what_reads_them():
    def lut(inputs, output):
        return {
            "type": "LUT2",
            "port_directions": {"I0": "input", "O": "output"},
            "connections": {"I0": inputs, "O": [output]},
        }

    register = {
        "type": "FDRE",
        "port_directions": {"D": "input", "Q": "output"},
        "connections": {"D": [4], "Q": [5]},
    }
    netlist = {
        "netnames": {"machine.core.engine.array.lane_0.sum": {"bits": [5]}},
        "cells": {"$1": lut([2], 3), "$2": lut([3], 4), "$3": register, "$4": lut([2], 9)},
    }
    found = cells_by_block(netlist, "xc7")
    assert found == {"array": {"lut": 2, "ff": 1}, "top": {"lut": 1, "ff": 0}}


def test_machines_whose_gates_are_known_are_not_counted_again(tmp_path, monkeypatch):
    counted = []

    def stand_in(name, config, *, family, fitted, say):
        counted.append(name)
        row = {**json.loads(json.dumps(known[fitted])), "name": name, "family": family}
        return {**row, "gates": "as they are"}

    known = {each["fitted"]: each for each in read_counts()}
    machines = len(FAMILIES) * (len(FITTED) + len(LEFT_OUT))
    monkeypatch.setattr(collecting, "measured", stand_in)
    monkeypatch.setattr(collecting, "gates", lambda config: "as they are")
    path = tmp_path / "counted.json"
    assert len(collect(path, lambda text: None)) == machines
    assert len(counted) == machines
    collect(path, lambda text: None)
    assert len(counted) == machines


@pytest.mark.slow
def test_yosys_counts_what_is_estimated_of_a_machine_that_was_left_out():
    row = collecting.measured(
        "tiny", CONFIGS["tiny"], family="xc7", fitted=False, say=lambda text: None
    )
    estimated = estimated_cells(CONFIGS["tiny"])
    for name, counted in row["cells"].items():
        assert estimated[name] == pytest.approx(counted, rel=LIMIT)
