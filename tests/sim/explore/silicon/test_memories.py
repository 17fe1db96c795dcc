"""Memories become banks of macros, or registers, by the rule that is stated."""

import re

import pytest

from sim.explore.silicon.macros import read_macros
from sim.explore.silicon.memories import Memory, find_memories, plan_memories
from sim.explore.silicon.wrappers import memory_module
from sim.networks.network import NetworkError

DEEP = Memory("refrain_ram_1r1w", width=12, depth=100, address=7, part=12)
FLIP_FLOP = 12.0


def test_every_kind_and_size_gets_a_module_of_its_own():
    design = """module top ();
  refrain_ram_1r1w #(.WIDTH(8), .DEPTH(24), .ADDRESS(5)) beats_0 (
    .clock(aclk)
  );
  refrain_ram_2r1w_parts #(.WIDTH(16), .DEPTH(4), .ADDRESS(2), .PART(4)) words (
    .clock(aclk)
  );
endmodule
"""
    text, memories = find_memories(design, (16, 8))
    assert "  refrain_ram_1r1w_24x8 beats_0 (\n" in text
    assert "  refrain_ram_2r1w_parts_4x16_by_4 words (\n" in text
    assert memories["refrain_ram_1r1w_24x8"].resident == 16
    assert memories["refrain_ram_2r1w_parts_4x16_by_4"].reads == 2


def test_small_memories_and_those_read_without_a_clock_are_registers(macros):
    small = Memory("refrain_ram_1r1w", width=2, depth=3, address=2, part=2)
    direct = Memory("refrain_ram_1r1w_async", width=12, depth=100, address=7, part=12)
    plans = plan_memories([small, direct], macros, FLIP_FLOP)
    assert [plan.registers for plan in plans] == [True, True]


def test_least_energy_wins_among_banks_of_about_the_least_area(small_memories, library):
    folder = small_memories(
        (64, 4, 2, {"area": 1000, "energy": 4}),
        (32, 4, 2, {"area": 700, "energy": 2}),
        (16, 4, 2, {"area": 600, "energy": 1}),
    )
    macros = read_macros(folder, library)
    # 100 words of 12 bits: 6, 12 and 21 macros, of areas 6000, 8400 and 12600.
    for area, words in ((1.0, 64), (1.5, 32), (2.5, 16)):
        (plan,) = plan_memories([DEEP], macros, FLIP_FLOP, area)
        assert plan.banks[0].words == words
    assert plan.macros == {"RAM2_16x4": 21}


def test_resident_weights_have_macros_of_one_port_where_they_fill_them(macros):
    weights = Memory("refrain_ram_1r1w", width=8, depth=48, address=6, part=8, resident=32)
    (plan,) = plan_memories([weights], macros, FLIP_FLOP)
    assert [(bank.columns[0].name, bank.first, bank.along) for bank in plan.banks] == [
        ("RAM1_16x8", 0, 2),
        ("RAM2_16x4", 32, 1),
    ]


def test_without_macros_large_memories_are_left_out():
    big = Memory("refrain_ram_1r1w", width=64, depth=64, address=6, part=64)
    plans = plan_memories([big, DEEP], [], FLIP_FLOP)
    assert [(plan.registers, plan.macros) for plan in plans] == [(False, {}), (False, {})]
    small = Memory("refrain_ram_1r1w", width=8, depth=8, address=3, part=8)
    assert plan_memories([small], [], FLIP_FLOP)[0].registers


def test_macros_that_cannot_make_a_memory_are_refused(small_memories, library):
    single = read_macros(small_memories((64, 8, 1)), library)
    with pytest.raises(NetworkError, match="must include one with two ports, because"):
        plan_memories([DEEP], single, FLIP_FLOP)


def test_words_written_in_parts_need_a_mask(small_memories, library):
    parts = Memory("refrain_ram_1r1w_parts", width=64, depth=64, address=6, part=8)
    plain = read_macros(small_memories((64, 8, 2), masked=False), library)
    with pytest.raises(NetworkError, match="two ports and a mask of the bits that are written"):
        plan_memories([parts], plain, FLIP_FLOP)


def test_macros_of_two_kinds_stand_side_by_side_where_that_takes_less(small_memories, library):
    folder = small_memories(
        (64, 8, 2, {"area": 800, "energy": 8}), (64, 4, 2, {"area": 450, "energy": 5})
    )
    words = Memory("refrain_ram_1r1w", width=20, depth=64, address=6, part=20)
    (plan,) = plan_memories([words], read_macros(folder, library), FLIP_FLOP)
    assert plan.macros == {"RAM2_64x8": 2, "RAM2_64x4": 1}
    assert sum(macro.bits for macro in plan.banks[0].columns) == 20


def test_energy_counts_twice_as_much_as_area(small_memories, library):
    deep = (64, 4, 2, {"area": 1000, "energy": 4})
    words = Memory("refrain_ram_1r1w", width=4, depth=64, address=6, part=4)
    # Two of these take 1.6 times the area: too much for a fifth less energy, not for a quarter.
    for energy, chosen in ((3.2, 64), (3.0, 32)):
        folder = small_memories(deep, (32, 4, 2, {"area": 800, "energy": energy}))
        (plan,) = plan_memories([words], read_macros(folder, library), FLIP_FLOP)
        assert plan.banks[0].words == chosen


def test_data_reach_only_the_macros_that_are_written(macros):
    plan = plan_memories([DEEP], macros, FLIP_FLOP)[0]
    text = memory_module(plan, "")
    data = re.findall(r"\.A_DIN\(\{(?:\d+'d0, )?w_data\[\d+:\d+\] & \{\d+\{(\w+)\}\}\}\)", text)
    assert len(data) == plan.macros[plan.banks[0].columns[0].name]
    assert set(data) == {f"r_0_{number}_write" for number in range(plan.banks[0].along)}
