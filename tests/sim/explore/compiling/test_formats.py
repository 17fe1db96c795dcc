"""What is written as Intel HEX and for ``$readmemh`` is read by others, and comes back."""

import io

import intelhex
import numpy as np
import pytest

from sim.explore.compiling.formats import hex_text, mem_text, read_image
from sim.networks.network import NetworkError

DATA = np.random.default_rng(0).integers(0, 256, 70_000, np.uint8).tobytes()


@pytest.mark.parametrize("base", [0, 0x100, 0xFFC0, 0x1234_0000, 0xFFF0_0000])
def test_a_third_party_reads_the_bytes_at_their_addresses(base):
    read = intelhex.IntelHex()
    read.loadhex(io.StringIO(hex_text(DATA, base)))
    assert read.segments() == [(base, base + len(DATA))]
    assert read.tobinstr() == DATA


@pytest.mark.parametrize("word_bytes", [8, 16, 32])
def test_a_word_of_the_bus_is_a_line_with_its_first_byte_last(word_bytes):
    head, *lines = mem_text(DATA, word_bytes, "what it is").splitlines()
    assert head == "// what it is"
    assert len(lines) == -(-len(DATA) // word_bytes)
    assert {len(line) for line in lines} == {2 * word_bytes}
    words = b"".join(int(line, 16).to_bytes(word_bytes, "little") for line in lines)
    assert words[: len(DATA)] == DATA and not any(words[len(DATA) :])


def test_every_format_comes_back(tmp_path):
    data = DATA[:6400]
    for name, content in (
        ("i.bin", data),
        ("i.hex", hex_text(data, 0x4000).encode()),
        ("i.mem", mem_text(data, 16, "näm /* x").encode()),
    ):
        (tmp_path / name).write_bytes(content)
        assert read_image(tmp_path / name) == data


@pytest.mark.parametrize(
    "name, content",
    [
        ("i.hex", b":10000000zz"),
        ("i.hex", b":0100000000FE"),
        ("i.hex", b"\xff\xfe"),
        ("i.mem", b"0123 xyz"),
        ("i.mem", b"012"),
    ],
)
def test_a_damaged_image_is_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NetworkError, match=r"^\S+ is a damaged image: .") as caught:
        read_image(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(NetworkError, match=r"none\.hex cannot be read: No such file"):
        read_image(tmp_path / "none.hex")
