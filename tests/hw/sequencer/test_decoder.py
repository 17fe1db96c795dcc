"""Descriptors as the gates read them, and those that this machine cannot run."""

import random

import pytest

from hw.descriptor import DESCRIPTOR_BYTES, FIELDS, pack
from hw.job import ALIGNED, MAPPED_ALIGNED
from hw.multipliers.masked import Cut, MaskedArray
from hw.sequencer.decoder import WORD_BYTES, WORDS, DescriptorDecoder

GOOD = {
    "input_size": 5,
    "hidden_size": 7,
    "x_head_size": 3,
    "steps": 9,
    "sequences": 2,
    "word_beats": 1,
    "block_bytes": 12 * 8,
    "resident_blocks": 2,
    "resident_base": 11,
    "x_zero": -7,
    "product_shift": 19,
}

FREE = (
    "x_threshold",
    "h_threshold",
    "skip_distance",
    "middle_distance",
    "max_skips",
    "normal_every",
)
"""Fields in which every value is legal."""


def writes(values):
    """The words of a descriptor, one each cycle."""
    data = pack(**values)
    for word in range(WORDS):
        at = data[WORD_BYTES * word : WORD_BYTES * (word + 1)]
        yield {"w_en": 1, "w_word": word, "w_data": int.from_bytes(at, "little")}


def decode(play, config, *descriptors, **ports):
    """Outputs three cycles after the last word of each descriptor."""
    words = [[row | ports for row in writes(values)] for values in descriptors]
    rows = [[*each, {"w_data": (1 << 128) - 1}, {}, {}] for each in words]
    seen = play(DescriptorDecoder(config), [row for each in rows for row in each])
    return seen[WORDS + 2 :: WORDS + 3]


def legal(rng, config):
    """Values of every field that this machine can run."""
    inputs, hidden = rng.randint(1, 16), rng.randint(1, 16)
    beats = rng.randint(1, config.word_beats)
    x_beats = rng.randint(0, config.word_beats) if config.part_widths else 0
    values = {
        name: 8 * rng.randrange(1 << 28) if name.endswith("_addr") else rng.randrange(2)
        for name, field in FIELDS.items()
        if field.width in (1, 32)
    }
    values |= {name: 8 * rng.randrange(-(1 << 28), 1 << 28) for name in FIELDS if "stride" in name}
    values |= {name: rng.randrange(1 << 31) for name in FIELDS if "multiplier" in name}
    values |= {name: rng.randrange(-32, 32) for name in FIELDS if "shift" in name}
    return values | {
        "row_scales": values["row_scales"] & config.row_scales,
        "mapped": values["mapped"] & config.mapped,
        "map_base": rng.randint(0, config.map_words // 2),
        "map_words": rng.randint(0, config.map_words // 2),
        "resident_x_words": rng.randint(0, 32),
        "resident_h_words": rng.randint(0, 32),
        "input_size": inputs,
        "hidden_size": hidden,
        "x_head_size": rng.randint(1, inputs),
        "steps": rng.randrange(1, 1 << 32),
        "sequences": rng.randrange(1, 1 << 32),
        "word_beats": beats,
        "x_word_beats": x_beats,
        "block_bytes": (inputs * (x_beats or beats) + hidden * beats) * config.bus_bytes,
        "resident_blocks": rng.randint(0, config.blocks(hidden)),
        "resident_base": rng.randint(0, 64),
        "product_shift": rng.randrange(32),
        "tanh_shift": rng.randrange(-16, 16),
        "x_zero": rng.randrange(-128, 128),
        "h_zero": rng.randrange(-128, 128),
        "cell_clip": rng.randrange(1 << 15),
        "plan": rng.randrange(3),
        "resume": values["resume"] & ~values["load_state"],
        "block_base": rng.randint(0, config.max_blocks - config.blocks(hidden)),
        "row_base": rng.randrange(config.row_beats),
        "keeper": rng.randrange(8),
        **{name: rng.randrange(1 << FIELDS[name].width) for name in FREE},
    }


def meaning(values, config, seen):
    """Outputs that these values must give."""
    hidden = values["hidden_size"]
    job = {name: values.get(name, 0) for name in seen["job"]}
    job["blocks"] = config.blocks(hidden)
    if config.part_widths:
        job["x_word_beats"] = values["x_word_beats"] or values["word_beats"]
    job["tail_units"] = (hidden - 1) % config.units_per_block + 1
    settings = {
        name: values[name] if name in FIELDS else [values[f"{name}_{gate}"] for gate in range(4)]
        for name in seen["settings"]
    }
    flags = {name: values[name] for name in seen["flags"]}
    return {"job": job, "settings": settings, "flags": flags, "valid": 1}


@pytest.mark.parametrize("map_words", [0, 64])
def test_every_field_arrives(play, small, map_words):
    config, rng = small(lanes=32, map_words=map_words, weight_words=128), random.Random(0)
    descriptors = [legal(rng, config) for _ in range(12)]
    for seen, values in zip(decode(play, config, *descriptors), descriptors, strict=True):
        assert seen == meaning(values, config, seen)


def test_thresholds_of_16_bits_have_an_upper_byte(play, small):
    """A register stands for all of a threshold, and has its lower byte alone."""
    config = small(act_width=16)
    values = GOOD | {"x_zero": 0, "x_threshold": 0x1234, "h_threshold": 0xFEDC}
    word = int.from_bytes(pack(plan=1, x_threshold=7, h_threshold=9)[4 * 33 :][:4], "little")
    for enable, wanted in ((0, (0x1234, 0xFEDC)), (1, (7, 9)), (6, (0x1234, 0xFEDC))):
        override = {"enable": enable, "words": [word, 0, 0]}
        (seen,) = decode(play, config, values, override=override)
        assert (seen["job"]["x_threshold"], seen["job"]["h_threshold"]) == wanted
        assert seen["valid"]


def test_codes_of_16_bits_have_no_zero_point(play, small):
    for changes in ({"x_zero": 1}, {"h_zero": -1, "x_zero": 0}):
        assert not decode(play, small(act_width=16), GOOD | changes)[0]["valid"]


@pytest.mark.parametrize("enable", range(8))
def test_enabled_overrides_stand_for_their_words_in_every_descriptor(play, small, enable):
    """Fields of the replaced words come from another descriptor, all others stay."""
    config, rng = small(), random.Random(enable)
    descriptors = [legal(rng, config) for _ in range(3)]
    other = legal(rng, config)
    words = [int.from_bytes(pack(**other)[4 * word :][:4], "little") for word in (33, 34, 35)]
    override = {"enable": enable, "words": words}
    found = decode(play, config, *descriptors, override=override)
    for seen, values in zip(found, descriptors, strict=True):
        for name, field in FIELDS.items():
            if field.word - 33 in range(3) and enable >> field.word - 33 & 1:
                values[name] = other.get(name, 0)
        assert seen == meaning(values, config, seen)


def test_an_override_that_the_machine_cannot_run_is_not_valid(play, small):
    override = {"enable": 1, "words": [3, 0, 0]}
    assert not decode(play, small(), GOOD, override=override)[0]["valid"]
    override["enable"] = 6
    assert decode(play, small(), GOOD, override=override)[0]["valid"]


def test_outputs_are_right_two_cycles_after_their_word_and_valid_four(play, small):
    """The words with the sizes are written last; the machine before was of another size."""
    config = small()
    words = list(writes({**GOOD, "hidden_size": 1, "block_bytes": 6 * 8, "resident_blocks": 0}))
    second = list(writes(GOOD))
    rows = [*words, *second[1:], second[0], {}, {}, {}, {}]
    seen = play(DescriptorDecoder(config), rows)[2 * WORDS - 1 :]
    assert [row["job"]["hidden_size"] for row in seen] == [1, 7, 7, 7, 7]
    assert [row["job"]["blocks"] for row in seen] == [1, 1, 4, 4, 4]
    assert [row["job"]["tail_units"] for row in seen] == [1, 1, 1, 1, 1]
    assert [row["valid"] for row in seen][-1] == 1 and not seen[3]["valid"]


BAD = [
    {"magic": 0x5247},
    {"magic": 0},
    {"input_size": 0, "block_bytes": 7 * 8},
    {"input_size": 17, "block_bytes": 24 * 8},
    {"input_size": 32 + 5, "block_bytes": 44 * 8},
    {"hidden_size": 0, "block_bytes": 5 * 8, "resident_blocks": 0},
    {"hidden_size": 17, "block_bytes": 22 * 8},
    {"hidden_size": 32 + 7, "block_bytes": 44 * 8},
    {"x_head_size": 0},
    {"x_head_size": 6},
    {"x_head_size": 32 + 3},
    {"steps": 0},
    {"sequences": 0},
    {"block_bytes": 0},
    {"word_beats": 0},
    {"word_beats": 0, "block_bytes": 0},
    {"word_beats": 2, "block_bytes": 24 * 8},
    {"word_beats": 16 + 1},
    {"x_word_beats": 1},
    {"x_word_beats": 2, "block_bytes": 17 * 8},
    {"block_bytes": 11 * 8},
    {"block_bytes": 2**31 + 12 * 8},
    {"resident_blocks": 5},
    {"resident_blocks": 16 + 2},
    {"resident_base": 65},
    {"resident_base": 127},
    {"resident_base": 128},
    {"resident_base": 2**31},
    {"x_multiplier_1": 2**31},
    {"h_multiplier_3": 2**31},
    {"output_multiplier": 2**31},
    {"x_shift_0": 32},
    {"h_shift_2": -33},
    {"output_shift": 64},
    {"product_shift": 32},
    {"tanh_shift": 16},
    {"tanh_shift": -17},
    {"cell_clip": 2**15},
    {"plan": 3},
    {"delta_level": 1},
    {"reduced_level": 1},
    {"block_base": 5},
    {"block_base": 2048},
    {"row_base": 4},
    {"row_base": 2048},
    {"keeper": 8},
    {"resume": 1, "load_state": 1},
    {"row_scales": 1},
    *({name: 4} for name in FIELDS if name in ALIGNED),
    {"mapped": 1},
]

MAPPED = {"mapped": 1, "block_bytes": 0, "map_base": 3, "map_words": 5, "resident_x_words": 7}
"""A good descriptor with a map, beside what ``GOOD`` says."""

BAD_MAPS = [
    {"map_base": 4},
    {"map_words": 6},
    {"map_words": 1 << 23},
    {"resident_x_words": 65},
    {"resident_h_words": 1 << 20},
    *({name: 4} for name in MAPPED_ALIGNED),
]


@pytest.mark.parametrize("bad", BAD_MAPS)
def test_a_map_that_the_machine_cannot_hold_is_not_valid(play, small, bad):
    seen = decode(play, small(map_words=8), GOOD | MAPPED, GOOD | MAPPED | bad, GOOD)
    assert [row["valid"] for row in seen] == [1, 0, 1]


def test_scales_of_rows_are_for_machines_with_gates_for_them(play, small):
    config, rng = small(row_scales=True), random.Random(1)
    descriptors = [legal(rng, config) | {"row_scales": rows} for rows in (1, 0)]
    for seen, values in zip(decode(play, config, *descriptors), descriptors, strict=True):
        assert seen == meaning(values, config, seen)


@pytest.mark.parametrize("name", ["delta_level", "reduced_level"])
def test_a_level_that_the_multiplier_lacks_is_not_valid(play, small, name):
    config = small(multiplier=MaskedArray(cuts=(Cut(), Cut(columns=4), Cut(columns=5))))
    seen = decode(play, config, *(GOOD | {name: level} for level in (0, 2, 3, 15, 1)))
    assert [row["valid"] for row in seen] == [1, 1, 0, 0, 1]
    assert [row["job"][name] for row in seen] == [0, 2, 3, 15, 1]


@pytest.mark.parametrize("name", ["x_zero", "h_zero"])
def test_a_zero_point_beyond_the_codes_is_not_valid(play, small, name):
    zeros = (-8, 7, -9, 8, -128, 127, 0)
    seen = decode(play, small(act_width=4), *(GOOD | {name: zero} for zero in zeros))
    # That of x in the good descriptor is within four bits, too.
    assert [row["valid"] for row in seen] == [1, 1, 0, 0, 0, 0, 1]


def test_the_good_descriptor_is_valid(play, small):
    assert decode(play, small(), GOOD)[0]["valid"]


@pytest.mark.parametrize("bad", BAD, ids=[" ".join(f"{k}={v}" for k, v in b.items()) for b in BAD])
def test_what_the_machine_cannot_run_is_not_valid(play, small, bad):
    """A good descriptor before it must not help, and the one after it is valid again."""
    seen = decode(play, small(), GOOD, GOOD | bad, GOOD)
    assert [row["valid"] for row in seen] == [1, 0, 1]


@pytest.mark.parametrize("bus", [128, 512])
def test_addresses_must_be_aligned_to_the_bus(play, small, bus):
    config = small(lanes=64, bus_width=bus)
    good = GOOD | {"word_beats": 512 // bus, "block_bytes": 12 * 64, "resident_blocks": 0}
    half = {"x_addr": bus // 16}
    seen = decode(play, config, good, good | half, good | {"x_addr": bus // 8})
    assert [row["valid"] for row in seen] == [1, 0, 1]


@pytest.mark.parametrize(
    "lanes, beats, valid",
    [(32, 1, 1), (32, 3, 1), (32, 4, 1), (32, 5, 0), (128, 2, 1), (128, 3, 0), (128, 16, 1)],
)
def test_words_have_whole_planes_and_at_most_all(play, small, lanes, beats, valid):
    """Those of both parts, those of h beside others of x, and those of x beside others of h."""
    descriptors = [
        GOOD
        | {"word_beats": h, "x_word_beats": x, "resident_blocks": 0}
        | {"block_bytes": 8 * (5 * (x or h) + 7 * h)}
        for x, h in ((0, beats), (2, beats), (beats, 2))
    ]
    seen = decode(play, small(lanes=lanes), *descriptors)
    assert [row["valid"] for row in seen] == [valid] * 3


def test_a_descriptor_is_a_whole_number_of_words():
    assert WORDS * WORD_BYTES == DESCRIPTOR_BYTES


@pytest.mark.parametrize(
    "changes, valid, ahead",
    [
        ({"lookahead": 0}, 1, 0),
        ({"lookahead": 1}, 1, 0),
        ({"lookahead": 2}, 1, 1),
        ({"lookahead": 4, "plan": 1}, 1, 3),
        ({"lookahead": 5}, 0, None),
        ({"lookahead": 2, "plan": 2}, 0, None),
        ({"lookahead": 2, "skip": 1}, 0, None),
        ({"lookahead": 1, "skip": 1}, 1, 0),
    ],
)
def test_a_lookahead_is_checked_and_becomes_steps_ahead(play, small, changes, valid, ahead):
    values = {**GOOD, "resident_blocks": 0, "skip": 0, "plan": 0, **changes}
    seen = decode(play, small(lookahead=4), values)[0]
    assert seen["valid"] == valid
    if valid:
        assert seen["job"]["steps_ahead"] == ahead
        assert seen["job"]["fresh_x"] == (ahead > 0)


def test_a_resident_layer_has_no_groups_and_a_streamed_one_must_fit_the_ring(play, small):
    streamed = {**GOOD, "resident_blocks": 0, "skip": 0, "plan": 0, "lookahead": 2}
    resident = {**streamed, "resident_blocks": small().blocks(GOOD["hidden_size"])}
    tight, wide = (small(lookahead=2, stream_words=GOOD["input_size"] + 3 + k) for k in (0, 1))
    assert not decode(play, tight, streamed)[0]["valid"]
    assert decode(play, wide, streamed)[0]["valid"]
    seen = decode(play, tight, resident)[0]
    assert seen["valid"] and seen["job"]["steps_ahead"] == 0 and seen["job"]["fresh_x"]


def test_a_machine_without_lookahead_refuses_it(play, small):
    assert decode(play, small(), {**GOOD, "lookahead": 1})[0]["valid"]
    assert not decode(play, small(), {**GOOD, "lookahead": 2})[0]["valid"]


@pytest.mark.parametrize(
    "part, refused, left",
    [
        ("scores", [{"skip": 1}, {"plan": 2}], {"plan": 1, "skip_distance": 9, "freeze": 1}),
        ("states", [{"load_state": 1}, {"store_state": 1}], {"state_in_addr": 64}),
        (
            "resume",
            [{"resume": 1}, {"keeper": 1}, {"block_base": 1}, {"row_base": 1}],
            {"load_params": 1},
        ),
    ],
)
def test_a_machine_that_was_made_without_a_part_refuses_it(play, small, part, refused, left):
    """And what the gates behind are told of it is zero, whatever the descriptor says."""
    config = small(max_hidden=64, **{part: False})
    assert decode(play, config, GOOD | left)[0]["valid"]
    for changes in refused:
        assert decode(play, small(max_hidden=64), GOOD | changes)[0]["valid"]
        seen = decode(play, config, GOOD | changes)[0]
        assert not seen["valid"]
        assert part == "scores" or not any(seen["job"][name] for name in changes)
