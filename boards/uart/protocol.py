"""The serial protocol: frames that arrive whole or not at all, requests that are done once.

A byte on the line is 8N1: a start bit, eight bits lowest first, a stop bit. ``FLAG`` begins and
ends a frame; inside one, ``FLAG`` and ``ESCAPE`` are sent as ``ESCAPE`` and the byte with bit 5
flipped (the octet stuffing of HDLC). Every frame ends with the CRC-32 of what is before it, lowest
byte first. A frame whose CRC is wrong, or that is too long or too short, is dropped without a word.

    request    sequence, operation, count (2 bytes), address (4 bytes), data, CRC-32
    response   sequence, status, data, CRC-32

``count`` is in words of 32 bits, lowest byte first; data is ``count`` words. Addresses are in
bytes, aligned to a word, and go up by one word after another.

| operation | request | response |
|---|---|---|
| ``SYNC`` | no data | version, payload words, memory base, memory bytes: ``SYNC_WORDS`` |
| ``READ_REGISTERS`` | count 1 to payload words | ``count`` words |
| ``WRITE_REGISTERS`` | with ``count`` words of data | none |
| ``READ_MEMORY`` | count 1 to payload words | ``count`` words |
| ``WRITE_MEMORY`` | with ``count`` words of data | none |
| ``WAIT`` | address: most clock cycles to wait | none; when the interrupt is high or time is up |

The host sends one request at a time and repeats it, byte for byte, until a response with its
sequence number comes. A write whose sequence number is that of the last request is answered but
not done again, so a lost response starts nothing twice; reads and waits may be done twice.
``SYNC`` is always done, and forgets the last sequence number: a new host begins with it.

Status is a byte: bit 0 the level of the interrupt, bit 1 that a register access was answered with
an error, bit 2 that the operation or its count is unknown; then nothing was done. Bit 3 says that
the memory is not ready yet, bit 4 that it never will be; accesses to it are answered with an error.

References
----------
Octet stuffing: RFC 1662, section 4.2. CRC-32: ISO/IEC/IEEE 8802-3, section 3.2.9.
"""

import zlib
from enum import IntEnum, IntFlag
from struct import pack, unpack

__all__ = [
    "CRC_BYTES",
    "ESCAPE",
    "FLAG",
    "FLIP",
    "HEADER_BYTES",
    "PAYLOAD_WORDS",
    "SYNC_WORDS",
    "VERSION",
    "FrameReader",
    "Operation",
    "Status",
    "frame",
    "request",
    "response",
]

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
HEADER_BYTES = 8
"""Bytes of a request before its data."""
CRC_BYTES = 4
PAYLOAD_WORDS = 256
"""Words of data in the longest frame of a bridge, unless it says otherwise."""
VERSION = 0x55524601
"""First word of the answer to ``SYNC``: what it is, and the version of this protocol."""
SYNC_WORDS = 4


class Operation(IntEnum):
    """What a request asks for; bit 0 is set in those that carry data, the writes."""

    SYNC = 0
    READ_REGISTERS = 2
    WRITE_REGISTERS = 3
    READ_MEMORY = 4
    WRITE_MEMORY = 5
    WAIT = 6


class Status(IntFlag):
    """Bits of a response's status."""

    INTERRUPT = 1 << 0
    ACCESS = 1 << 1
    UNKNOWN = 1 << 2
    NOT_READY = 1 << 3
    GIVEN_UP = 1 << 4


def frame(content: bytes) -> bytes:
    """Bytes on the line that carry ``content``: flags, stuffing, CRC."""
    whole = content + pack("<I", zlib.crc32(content))
    stuffed = whole.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPE ^ FLIP]))
    stuffed = stuffed.replace(bytes([FLAG]), bytes([ESCAPE, FLAG ^ FLIP]))
    return bytes([FLAG]) + stuffed + bytes([FLAG])


def request(
    sequence: int, operation: Operation, addr: int = 0, count: int = 0, data: bytes = b""
) -> bytes:
    """Bytes on the line of a request; ``count`` is that of the data where there is some."""
    return frame(pack("<BBHI", sequence, operation, count or len(data) // 4, addr) + data)


def response(sequence: int, status: int, data: bytes = b"") -> bytes:
    """Bytes on the line of a response."""
    return frame(pack("<BB", sequence, status) + data)


class FrameReader:
    """Finds frames in a stream of bytes that may be damaged anywhere.

    Members
    -------
    dropped : int
        Frames so far that were not whole.
    """

    def __init__(self):
        self.dropped = 0
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Contents, without CRC, of the whole frames that end in ``data``."""
        *ended, rest = bytes(self._pending + data).split(bytes([FLAG]))
        self._pending = bytearray(rest)
        found = []
        for stuffed in ended:
            content = _unstuffed(stuffed)
            # Two flags in a row are an empty frame, which is none.
            if not content:
                continue
            body, crc = content[:-CRC_BYTES], content[-CRC_BYTES:]
            if len(content) > CRC_BYTES and zlib.crc32(body) == unpack("<I", crc)[0]:
                found.append(body)
            else:
                self.dropped += 1
        return found

    def forget(self):
        """Drop what has come of a frame that has not ended."""
        self._pending.clear()


def _unstuffed(stuffed: bytes) -> bytes:
    """Content of what is between two flags."""
    first, *rest = stuffed.split(bytes([ESCAPE]))
    return first + b"".join(bytes([part[0] ^ FLIP]) + part[1:] for part in rest if part)
