import random

import pytest

from boards.uart.protocol import (
    ESCAPE,
    FLAG,
    FrameReader,
    Operation,
    frame,
    request,
    response,
)

CHECK = b"123456789"
"""The input whose CRC-32 every catalogue gives: 0xCBF43926."""


def test_a_frame_is_flag_content_crc_flag():
    assert frame(CHECK) == b"\x7e" + CHECK + bytes.fromhex("2639f4cb") + b"\x7e"


def test_flags_and_escapes_are_stuffed():
    sent = frame(bytes([FLAG, 1, ESCAPE]))
    assert sent[1:6] == bytes([ESCAPE, FLAG ^ 0x20, 1, ESCAPE, ESCAPE ^ 0x20])
    assert sent.count(FLAG) == 2


def test_a_request_has_its_fields_lowest_byte_first():
    sent = request(7, Operation.WRITE_MEMORY, 0x11223344, data=bytes(8))
    assert sent[1:9] == bytes([7, 5, 2, 0, 0x44, 0x33, 0x22, 0x11])


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_what_is_framed_is_read_however_it_is_cut(chunk):
    rng = random.Random(chunk)
    contents = [rng.randbytes(rng.randrange(1, 60)) for _ in range(50)]
    line = b"".join(frame(content) for content in contents)
    reader = FrameReader()
    found = []
    for start in range(0, len(line), chunk):
        found += reader.feed(line[start : start + chunk])
    assert found == contents
    assert reader.dropped == 0


def test_no_damaged_frame_is_read_as_another():
    rng = random.Random(1)
    sent = bytes(response(9, 1, rng.randbytes(40)))
    good = FrameReader().feed(sent)[0]
    for place in range(8 * len(sent)):
        line = bytearray(sent)
        line[place // 8] ^= 1 << place % 8
        assert FrameReader().feed(bytes(line)) in ([], [good])


def test_a_reader_recovers_at_the_next_frame():
    reader = FrameReader()
    assert reader.feed(frame(b"one")[:-3]) == []
    assert reader.feed(frame(b"two")) == [b"two"]
    assert reader.dropped == 1


def test_a_forgotten_half_frame_does_no_harm():
    reader = FrameReader()
    reader.feed(frame(b"one")[:-3])
    reader.forget()
    assert reader.feed(frame(b"two")) == [b"two"]
    assert reader.dropped == 0
