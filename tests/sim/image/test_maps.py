"""Maps of columns, and images that hold only words that are not zero."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.descriptor import DESCRIPTOR_BYTES, unpack
from hw.maps.layout import MAP_WORD_BYTES
from hw.multipliers.catalogue import find_multiplier
from sim.image.compile import compile_network
from sim.image.maps import (
    StoredColumns,
    StoredWords,
    multiplies_to_zero,
    pack_map,
    unpack_map,
    unpack_stored,
)
from sim.image.residency import most_resident, residency
from sim.image.weights import part_beats
from sim.model.random_network import random_network
from sim.networks.network import NetworkError

TINY = replace(CONFIGS["tiny"], map_words=4096)
MAP_FIELDS = (
    "mapped",
    "map_addr",
    "map_base",
    "map_words",
    "resident_x_words",
    "resident_h_words",
    "x_stream_addr",
    "h_stream_addr",
)


def sparse(sizes, config=TINY, zeros=0.5, **how):
    return random_network(sizes, zeros=zeros, zero_units=config.units_per_block, **how)


def compiled(network, config=TINY, **options):
    return compile_network(network, config, steps=2, sequences=1, **options)


def descriptors(image):
    count = len(image.placements)
    return [unpack(image.data[DESCRIPTOR_BYTES * k :][:DESCRIPTOR_BYTES]) for k in range(count)]


def read_back(image, fields):
    """Weights that the descriptor and the memory alone say, and the words ahead of map words."""
    config = image.config
    inputs, hidden = fields["input_size"], fields["hidden_size"]
    blocks, beats = config.blocks(hidden), part_beats(fields)
    data = image.data[fields["map_addr"] :][: MAP_WORD_BYTES * fields["map_words"]]
    stored, before = unpack_map(data, inputs, hidden, blocks)
    resident = residency(fields["resident_blocks"], blocks)
    sizes = StoredWords.sizes(stored, resident, config, beats)
    words = StoredWords(
        resident=image.data[fields["weights_addr"] :][: sizes["resident"]],
        x_stream=image.data[fields["x_stream_addr"] :][: sizes["x_stream"]],
        h_stream=image.data[fields["h_stream_addr"] :][: sizes["h_stream"]],
    )
    return unpack_stored(words, stored, fields, config, beats), stored, before


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["tiny", "small", "edge"]),
    st.lists(st.integers(1, 150), min_size=2, max_size=3),
    st.booleans(),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    st.booleans(),
    st.integers(1, 600),
    st.integers(0, 99),
)
def test_what_is_in_the_image_is_the_network(
    name, sizes, bidirectional, zeros, clustered, words, seed
):
    config = replace(CONFIGS[name], map_words=4096, weight_words=words, max_input=400)
    config = replace(config, max_hidden=400)
    how = {"bidirectional": bidirectional, "clustered": clustered, "seed": seed}
    network = sparse(sizes, config, zeros, **how)
    image = compiled(network, config)
    base = words_used = 0
    for fields, placement in zip(descriptors(image), image.placements, strict=True):
        direction = placement.direction
        assert all(
            fields[key] == placement.fields[key]
            for key in fields
            if key != "magic" and key in placement.fields
        )
        if not fields["mapped"]:
            assert not any(fields[key] for key in MAP_FIELDS)
            assert placement.stored is None
            words_used += fields["resident_blocks"] * (direction.input_size + direction.hidden_size)
            continue
        (W, R), stored, before = read_back(image, fields)
        assert np.array_equal(W, direction.W)
        assert np.array_equal(R, direction.R)
        assert before.shape[0] * before.shape[1] == fields["map_words"]
        for ours, theirs in zip(stored.parts, placement.stored.parts, strict=True):
            assert np.array_equal(ours, theirs)
            assert ours[:, -1].all()
        assert fields["map_base"] == base
        base += fields["map_words"]
        if fields["resident_blocks"]:
            assert fields["resident_base"] == words_used
        words_used += fields["resident_x_words"] + fields["resident_h_words"]
        assert fields["block_bytes"] == 0
        for key in ("map_addr", "weights_addr", "x_stream_addr", "h_stream_addr"):
            assert fields[key] % 64 == 0
    assert words_used <= config.weight_words


def test_a_map_word_says_which_words_there_are_and_where():
    # Four blocks of 2 units, of which the 2nd and the 4th are resident.
    x, h = np.zeros((4, 70), bool), np.zeros((4, 3), bool)
    x[:, -1] = h[:, -1] = True
    x[0, [0, 63]] = x[1, 1] = x[2, 64] = x[3, [2, 65]] = h[1, 0] = True
    words = np.frombuffer(pack_map(StoredColumns(x, h), residency(2, 4)), "<u4").reshape(4, 3, 4)
    masks = words[:, :, 0] | words[:, :, 1].astype(np.uint64) << np.uint64(32)
    assert masks.tolist() == [
        [1 | 1 << 63, 1 << 5, 4],
        [2, 1 << 5, 5],
        [0, 1 | 1 << 5, 4],
        [4, 2 | 1 << 5, 4],
    ]
    # Streamed words of each part from 0 on; resident ones of x and then those of h.
    assert words[:, :, 2].tolist() == [[0, 2, 0], [0, 1, 5], [3, 3, 1], [2, 3, 7]]
    assert not words[:, :, 3].any()


def test_the_last_column_of_each_part_is_stored_even_if_it_is_zero():
    image = compiled(sparse([5, 6], zeros=1.0))
    fields = image.placements[0].fields
    blocks = TINY.blocks(6)
    assert fields["mapped"]
    assert (fields["resident_x_words"], fields["resident_h_words"]) == (blocks, blocks)
    assert image.placements[0].stored.left_out == blocks * (4 + 5)


def test_a_network_without_zero_words_is_stored_as_without_a_map():
    network = random_network([5, 6, 7], bidirectional=True)
    assert compiled(network).data == compiled(network, CONFIGS["tiny"]).data


def test_a_layer_whose_map_does_not_fit_is_stored_with_its_zeros():
    network = sparse([70, 8, 6])
    first, second = (each.fields for each in compiled(network).placements)
    assert (first["map_words"], second["map_words"]) == (4 * 3, 3 * 2)
    fits = replace(TINY, map_words=17)
    assert [each.fields["mapped"] for each in compiled(network, fits).placements] == [1, 0]
    too_few = replace(TINY, map_words=11)
    fields = [each.fields for each in compiled(network, too_few).placements]
    assert [(each["mapped"], each.get("map_base")) for each in fields] == [(0, None), (1, 0)]


def test_more_blocks_stay_where_zeros_are_not_stored():
    config = replace(TINY, weight_words=60)
    dense = compiled(random_network([16, 16]), config).placements[0].fields
    placement = compiled(sparse([16, 16], zeros=0.75), config).placements[0]
    assert dense["resident_blocks"] == 1
    words, kept = placement.stored.block_words, placement.fields["resident_blocks"]
    assert kept > 3
    assert words[residency(kept, 8)].sum() <= 60
    assert kept == 8 or words[residency(kept + 1, 8)].sum() > 60


def test_words_that_do_not_fit_are_refused_with_what_they_really_need():
    config = replace(TINY, weight_words=20)
    network = sparse([16, 16], zeros=0.75)
    needed = compiled(network).placements[0].stored.block_words.sum()
    message = (
        f"resident weights need {needed} column words or more, and configuration tiny holds 20"
    )
    with pytest.raises(NetworkError, match=f"^{message}$"):
        compiled(network, config, resident=True)
    fields = compiled(network, config, resident=False).placements[0].fields
    assert (fields["resident_blocks"], fields["resident_x_words"], fields["load_weights"]) == (
        0,
        0,
        0,
    )


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(0, 200))
def test_the_most_blocks_that_fit_are_found(words, left):
    words = np.array(words)
    fitting = [k for k in range(len(words) + 1) if words[residency(k, len(words))].sum() <= left]
    assert most_resident(words, left) == max(fitting)


@given(st.integers(1, 300), st.data())
def test_resident_blocks_are_spread_evenly(blocks, data):
    resident = data.draw(st.integers(0, blocks))
    flags = residency(resident, blocks).tolist()
    expected = [(b + 1) * resident // blocks > b * resident // blocks for b in range(blocks)]
    assert flags == expected


@pytest.mark.parametrize(
    ("multiplier", "fine"),
    [
        ("exact", True),
        ("drum", True),
        ("mitchell", True),
        ("truncated", True),
        ("booth", True),
        ("centred", False),
    ],
)
def test_multipliers_that_make_something_of_zero_have_no_maps(multiplier, fine):
    multiplier = find_multiplier(multiplier)
    config = replace(CONFIGS["tiny"], multiplier=multiplier)
    network = sparse([5, 6])
    assert multiplies_to_zero(multiplier) == fine
    image = compiled(network, replace(config, map_words=4096))
    assert image.placements[0].fields["mapped"] == fine
    assert fine or image.data == compiled(network, config).data
