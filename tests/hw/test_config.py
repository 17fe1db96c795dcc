"""Configurations: what is refused, and what follows from the rest."""

import dataclasses

import pytest

from hw.config import CONFIGS, Config, ConfigError
from hw.multipliers.dsp_pair import DspPair
from hw.multipliers.exact import Exact
from hw.multipliers.switched import Switched

REFUSED = [
    ({"lanes": 0}, "lanes must be a positive integer, not 0"),
    ({"max_input": 2.5}, "max_input must be a positive integer, not 2.5"),
    ({"max_hidden": -1}, "max_hidden must be a positive integer, not -1"),
    ({"weight_words": "64"}, "weight_words must be a positive integer, not '64'"),
    ({"bursts_in_flight": 0}, "bursts_in_flight must be a positive integer, not 0"),
    ({"clock_mhz": 0}, "clock_mhz must be a positive number, not 0"),
    ({"clock_mhz": float("inf")}, "clock_mhz must be a positive number, not inf"),
    ({"clock_mhz": float("nan")}, "clock_mhz must be a positive number, not nan"),
    ({"clock_mhz": "fast"}, "clock_mhz must be a positive number, not 'fast'"),
    (
        {"name": "../x"},
        "name must be a name of at most 64 letters, digits and _ that begins with a letter, not "
        "'../x'",
    ),
    (
        {"name": "x" * 65},
        "name must be a name of at most 64 letters, digits and _ that begins with a letter, not "
        f"'{'x' * 65}'",
    ),
    ({"row_scales": 1}, "row_scales must be true or false, not 1"),
    ({"scores": 0}, "scores must be true or false, not 0"),
    ({"mode_counters": "no"}, "mode_counters must be true or false, not 'no'"),
    ({"states": None}, "states must be true or false, not None"),
    ({"resume": 1}, "resume must be true or false, not 1"),
    ({"lanes": 8192}, "lanes must be at most 4096, not 8192"),
    ({"weight_words": 1 << 21}, "weight_words must be at most 1048576, not 2097152"),
    ({"stream_words": 65537}, "stream_words must be at most 65536, not 65537"),
    ({"bursts_in_flight": 257}, "bursts_in_flight must be at most 256, not 257"),
    ({"lanes": 24}, "lanes must be a power of two of at least 4, not 24"),
    ({"lanes": 2}, "lanes must be a power of two of at least 4, not 2"),
    ({"bus_width": 32}, "bus_width must be 64, 128, 256 or 512, not 32"),
    (
        {"bus_width": 128},
        "bus_width must be at most 64, what 8 lanes of 8-bit weights use per cycle, not 128",
    ),
    (
        {"lanes": 32, "bus_width": 128, "multiplier": Exact(weight_width=6)},
        "bus_width must divide 192, what 32 lanes of 6-bit weights use per cycle, not 128",
    ),
    (
        {"lanes": 16, "multiplier": Exact(weight_width=5)},
        "bus_width must divide 80, what 16 lanes of 5-bit weights use per cycle, not 64",
    ),
    ({"stream_words": 4}, "stream_words must be at least 5, not 4"),
    ({"map_words": -1}, "map_words must be an integer from 0 to 262144, not -1"),
    ({"map_words": 1 << 19}, "map_words must be an integer from 0 to 262144, not 524288"),
    (
        {"map_words": 64, "lookahead": 2},
        "map_words must be 0 where lookahead is 2: whole parts are fetched for a group of steps, "
        "zeros and all; not 64",
    ),
    (
        {"map_words": 64, "lanes": 64, "weight_words": 1 << 18},
        "weight_words must be at most 131071 where map_words is not 0, for words of 8 beats, not "
        "262144",
    ),
    ({"cell_lanes": 3}, "cell_lanes must be 1, 2 or 4, not 3"),
    ({"burst_beats": 24}, "burst_beats must be a power of two of at most 256, not 24"),
    ({"burst_beats": 512}, "burst_beats must be a power of two of at most 256, not 512"),
    (
        {"burst_beats": 128, "lanes": 64, "bus_width": 512},
        "burst_beats times bus_width must be at most 4096 bytes, not 8192",
    ),
    ({"max_hidden": 4097}, "max_input and max_hidden must be at most 4096, not 4097"),
    ({"act_width": 9}, "act_width must be from 4 to 8, or 16, not 9"),
    ({"act_width": 32}, "act_width must be from 4 to 8, or 16, not 32"),
    (
        {"act_width": 16, "multiplier": DspPair()},
        "act_width 16 makes differences of 17 bits: two weights of 8 bits and values of 17 bits "
        "need a port of 32 bits, and a DSP block has 25",
    ),
    (
        {"act_width": 16, "multiplier": Switched()},
        "act_width 16 makes differences of 17 bits: the switched multiplier's level 1 (segments "
        "of 4 bits) takes values of at most 9 bits; choose exact or another multiplier of 'refrain "
        "multipliers' that is linear in the value",
    ),
    ({"lookahead": 3}, "lookahead must be 1, 2, 4, 8 or 16, not 3"),
    ({"lookahead": 32}, "lookahead must be 1, 2, 4, 8 or 16, not 32"),
    ({"max_input": 5000}, "max_input and max_hidden must be at most 4096, not 5000"),
]


@pytest.mark.parametrize("changes, sentence", REFUSED, ids=[str(k) for k in range(len(REFUSED))])
def test_a_contradiction_is_refused_in_one_sentence(small, changes, sentence):
    with pytest.raises(ConfigError) as error:
        small(**changes)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"stream_words": 5},
        {"max_input": 1, "max_hidden": 1},
        {"max_input": 4096, "max_hidden": 4096},
        {"lanes": 64, "bus_width": 512, "burst_beats": 64},
        {"lanes": 32, "bus_width": 64, "multiplier": Exact(weight_width=6)},
        {"weight_words": 1},
        {"weight_words": 1 << 20, "stream_words": 1 << 16, "bursts_in_flight": 256},
        {"lanes": 4096},
        {"name": "a" * 64},
        {"lookahead": 16},
    ],
)
def test_the_edge_of_what_is_allowed_is_accepted(small, changes):
    config = small(**changes)
    assert {name: getattr(config, name) for name in changes} == changes


def test_a_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONFIGS["tiny"].lanes = 16


def test_the_named_configurations_are_what_they_are_called():
    assert list(CONFIGS) == ["tiny", "speech", "small", "edge", "chip"]
    assert all(config.name == name for name, config in CONFIGS.items())
    shapes = {name: (c.lanes, c.bus_width) for name, c in CONFIGS.items()}
    assert shapes["tiny"] == (8, 64) and shapes["edge"] == (64, 128)
    assert shapes["chip"][0] == 128 and CONFIGS["chip"].clock_mhz == 250
    # The 64 GOPS class: a product and a sum per lane and cycle.
    assert 2 * shapes["chip"][0] * CONFIGS["chip"].clock_mhz == 64000
    assert CONFIGS["chip"].max_input >= 2048 and CONFIGS["chip"].max_hidden >= 2048
    # Written out where there are no DSP blocks.
    written_out = [name for name, config in CONFIGS.items() if config.multiplier.tree]
    assert written_out == ["chip"]
    assert {config.multiplier.family for config in CONFIGS.values()} == {"exact"}


def test_quantities_follow_from_the_parameters():
    config = CONFIGS["edge"]
    assert (config.bus_bytes, config.units_per_block, config.column_bytes) == (16, 16, 64)
    assert (config.max_blocks, config.value_width) == (64, 9)
    assert [config.blocks(size) for size in (1, 16, 17, 1024)] == [1, 1, 2, 64]


@pytest.mark.parametrize("size", [1, 2, 3, 100, 4096])
@pytest.mark.parametrize("width", [4, 8])
def test_an_accumulator_holds_the_largest_sum_and_no_bit_more(size, width):
    lanes = 64 // width
    config = Config(
        name="any",
        lanes=lanes,
        bus_width=64,
        max_input=1,
        max_hidden=size,
        weight_words=1,
        multiplier=Exact(weight_width=width),
    )
    largest = size * 255 * (2 ** (width - 1) - 1)
    assert 2 ** (config.acc_width - 2) <= largest < 2 ** (config.acc_width - 1)
