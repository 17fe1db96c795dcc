"""Tries the serial line of a board: its memory, or both ends of a large one, is written and read.

python boards/uart/try_line.py PORT BAUD CLOCK_MHZ
"""

import sys

import numpy as np

from boards.uart.link import LinkError, SerialLine, SerialTransport

__all__ = ["try_line"]

_MOST = 1 << 20
"""Bytes that are tried: some seconds each way."""


def try_line(transport: SerialTransport) -> str:
    """Write a pattern over the memory behind ``transport``, read it, and say how that went.

    Of a memory that is too large to be tried whole it is half at either end.

    Raises
    ------
    LinkError
        What came back is not what was written.
    """
    base, whole = transport.memory_base, transport.memory_size
    size = min(whole, _MOST)
    pattern = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    half = size // 2
    ends = ((base, pattern[:half]), (base + whole - (size - half), pattern[half:]))
    for addr, part in ends:
        transport.write_memory(addr, part)
    found = np.concatenate([transport.read_memory(addr, part.size) for addr, part in ends])
    wrong = int((found != pattern).sum())
    if wrong:
        raise LinkError(f"{wrong} of {size} bytes came back wrong")
    return (
        f"{size} bytes written and read back at {transport.baud:,} baud, "
        f"{transport.repeated} requests repeated"
    )


if __name__ == "__main__":
    port, baud, clock_mhz = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    line = SerialLine(port, baud)
    try:
        print(try_line(SerialTransport(line, clock_hz=clock_mhz * 1e6, baud=baud)))
    except LinkError as error:
        sys.exit(str(error))
