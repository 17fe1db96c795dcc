"""Tries the serial line of a board: its whole memory is written and read back.

python boards/uart/try_line.py PORT BAUD CLOCK_MHZ
"""

import sys

import numpy as np

from boards.uart.link import LinkError, SerialLine, SerialTransport

__all__ = ["try_line"]


def try_line(transport: SerialTransport) -> str:
    """Write a pattern over the memory behind ``transport``, read it, and say how that went.

    Raises
    ------
    LinkError
        What came back is not what was written.
    """
    size = transport.memory_size
    pattern = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    transport.write_memory(transport.memory_base, pattern)
    found = transport.read_memory(transport.memory_base, size)
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
