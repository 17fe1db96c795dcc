"""An image that is moved word by word is the image that is made for the other place."""

from dataclasses import replace

import pytest

from hw.config import CONFIGS
from hw.descriptor import unpack
from sim.explore.compiling.relocating import alignment
from sim.model.random_network import random_network
from sim.networks.network import NetworkError

WIDE = replace(CONFIGS["chip"], name="wide")


def test_adding_the_base_to_the_listed_words_moves_the_image(compiled):
    here, there = compiled(), compiled(base=0x1_2340)
    moved = bytearray(here.data)
    for each in here.relocations:
        word = slice(each.offset, each.offset + 4)
        moved[word] = (int.from_bytes(moved[word], "little") + 0x1_2340).to_bytes(4, "little")
    assert moved == there.data != here.data
    assert here.relocations == there.relocations


def test_addresses_of_maps_and_of_the_words_that_they_say_are_moved(sparse):
    here, there = sparse(), sparse(base=0x1_2340)
    moved = bytearray(here.data)
    for each in here.relocations:
        word = slice(each.offset, each.offset + 4)
        moved[word] = (int.from_bytes(moved[word], "little") + 0x1_2340).to_bytes(4, "little")
    assert moved == there.data != here.data
    for name in ("map_addr", "x_stream_addr", "h_stream_addr"):
        assert [each.descriptor for each in here.relocations if each.field == name] == [0, 1]
        fields = [unpack(there.data[256 * k :][:256])[name] for k in range(3)]
        assert fields[2] == 0 and min(fields[:2]) > 0x1_2340


def test_a_state_that_is_not_loaded_is_no_address(compiled):
    fields = [each.field for each in compiled().relocations]
    assert fields.count("state_in_addr") == 4
    without = compiled(network=random_network((5, 6)))
    assert "state_in_addr" not in [each.field for each in without.relocations]
    assert "state_out_addr" in [each.field for each in without.relocations]


def test_a_base_is_a_multiple_of_the_longest_alignment(compiled):
    assert alignment(CONFIGS["tiny"]) == 64 and alignment(WIDE) == 128
    with pytest.raises(NetworkError, match=r"^the base must be a multiple of 128, not 0x40$"):
        compiled(config=WIDE, base=64)
    with pytest.raises(NetworkError, match=r"^the base must be a multiple of 64, not -0x40$"):
        compiled(base=-64)


def test_memory_in_use_ends_at_the_last_address(compiled):
    size = compiled().image.size
    assert compiled(base=2**32 - size).image.size == size
    sentence = (
        f"the image needs {size} bytes, and behind the base 0x[0-9a-f]* there are {size - 64}"
    )
    with pytest.raises(NetworkError, match=sentence):
        compiled(base=2**32 - size + 64)
