"""The host's end of the serial protocol: a transport over any line of bytes."""

import contextlib
import itertools
from collections.abc import Callable
from struct import pack, unpack
from typing import Protocol

import numpy as np

from boards.errors import BoardError
from boards.uart.protocol import SYNC_WORDS, VERSION, FrameReader, Operation, Status, request

__all__ = ["Line", "LinkError", "SerialLine", "SerialTransport"]

_MEMORY_SECONDS, _POLL_SECONDS = 5.0, 0.01
"""How long a DRAM is awaited, which is not ready as soon as the bitstream is; how often it is asked
in that time."""

_WAIT_SECONDS = 0.1
"""Longest wait for the interrupt in one request: a lost answer costs no more than this."""


class LinkError(BoardError):
    """The board does not answer, or refuses; the message is one sentence for the user."""


class Line(Protocol):
    """Bytes to and from a board."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def read(self, seconds: float) -> bytes:
        """What has come; empty when nothing came in ``seconds`` of the line's own time."""


class SerialLine:
    """A line through a serial port of this computer.

    Parameters
    ----------
    port : str
        The port's name, such as ``/dev/ttyUSB1``.
    baud : int
        Bits a second.

    Raises
    ------
    LinkError
        The port cannot be opened, or pyserial is missing.
    """

    def __init__(self, port: str, baud: int):
        try:
            import serial
        except ImportError:
            raise LinkError("pyserial is missing; pip install pyserial brings it") from None
        try:
            self._port = serial.Serial(port, baud, timeout=0)
        except (serial.SerialException, ValueError) as error:
            raise LinkError(f"the serial port {port} cannot be opened: {error}") from None
        # FTDI adapters hand on a short packet only after this; their default is 16 ms.
        if hasattr(self._port, "set_low_latency_mode"):
            with contextlib.suppress(OSError, ValueError):
                self._port.set_low_latency_mode(True)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._port.write(data)

    def read(self, seconds: float) -> bytes:
        """What has come; empty when nothing came in ``seconds``."""
        self._port.timeout = seconds
        first = self._port.read(1)
        return first + self._port.read(self._port.in_waiting) if first else b""

    def close(self) -> None:
        """Give the port back."""
        self._port.close()


class SerialTransport:
    """A machine behind a bridge on a line; a ``boards.transport.Transport``.

    Every request is repeated until its answer comes, so damage on the line costs time and nothing
    else.

    Parameters
    ----------
    line : Line
        The way to the bridge.
    clock_hz : float
        The machine's clock, for timeouts that are given in its cycles.
    baud : int
        Bits a second on the line, for how long an answer may take.
    attempts : int
        How often a request is sent before the board is given up.
    patience : float
        Seconds that an answer may take beyond its time on the line.

    Members
    -------
    memory_base, memory_size : int
        As the board tells.
    repeated : int
        Requests so far that were sent once more.
    dropped : int
        Damaged answers so far.

    Raises
    ------
    LinkError
        No bridge answers, or the board's memory is not ready or given up.
    """

    def __init__(
        self,
        line: Line,
        *,
        clock_hz: float,
        baud: int,
        attempts: int = 8,
        patience: float = 0.1,
    ):
        self.line = line
        self.clock_hz, self.baud = clock_hz, baud
        self.attempts, self.patience = attempts, patience
        self.repeated = 0
        self._reader = FrameReader()
        self._sequences = itertools.cycle(range(256))
        found = unpack(f"<{SYNC_WORDS}I", self._ask(Operation.SYNC, expected=SYNC_WORDS))
        version, self.payload_words, self.memory_base, self.memory_size = found
        if version != VERSION:
            raise LinkError(
                f"what answers on the line says 0x{version:08x}, not 0x{VERSION:08x}: it is no "
                f"Refrain board, or one of another version"
            )
        self._await_memory()

    @property
    def dropped(self) -> int:
        """Damaged answers so far."""
        return self._reader.dropped

    def _ask(
        self,
        operation: Operation,
        addr: int = 0,
        count: int = 0,
        data: bytes = b"",
        *,
        expected: int = 0,
        wait: float = 0.0,
    ) -> bytes:
        """Data of the answer, ``expected`` words; ``self.status`` is its status."""
        sequence = next(self._sequences)
        sent = request(sequence, operation, addr, count, data)
        # Ten bits a byte, every byte perhaps stuffed, there and back.
        transfer = 10 * (len(sent) + 8 * expected + 32) / self.baud
        for attempt in range(self.attempts):
            self.repeated += attempt > 0
            self.line.write(sent)
            answer = self._await(sequence, 2 + 4 * expected, transfer + wait + self.patience)
            if answer is not None:
                self.status = Status(answer[1])
                self._check(operation, addr)
                return answer[2:]
        raise LinkError(
            f"the board does not answer: {self.attempts} requests at {self.baud:,.0f} baud were in "
            f"vain"
        )

    def _await(self, sequence: int, size: int, seconds: float) -> bytes | None:
        """The answer with that number and size, or None when it does not come in time."""
        while True:
            came = self.line.read(seconds)
            if not came:
                self._reader.forget()
                return None
            for answer in self._reader.feed(came):
                refused = len(answer) == 2 and answer[1] & Status.UNKNOWN
                if answer[0] == sequence and (len(answer) == size or refused):
                    return answer

    def _await_memory(self):
        """Wait until the memory is ready, which a DRAM is some time after the bitstream."""
        cycles = int(_POLL_SECONDS * self.clock_hz)
        for _ in range(round(_MEMORY_SECONDS / _POLL_SECONDS)):
            if not self.status & Status.NOT_READY:
                break
            self._ask(Operation.WAIT, cycles, wait=_POLL_SECONDS)
        if self.status & Status.NOT_READY:
            raise LinkError(
                f"the board's DRAM is not ready: its start has not ended in {_MEMORY_SECONDS:g} s"
            )
        if self.status & Status.GIVEN_UP:
            raise LinkError("the board's DRAM cannot be used: its training failed")

    def _check(self, operation: Operation, addr: int):
        if self.status & Status.UNKNOWN:
            raise LinkError(f"the board does not know the operation {operation.name}")
        if self.status & Status.ACCESS:
            raise LinkError(f"the board answered {operation.name} at 0x{addr:x} with an error")

    def read_register(self, addr: int) -> int:
        """The 32-bit register at byte address ``addr``."""
        return unpack("<I", self._ask(Operation.READ_REGISTERS, addr, 1, expected=1))[0]

    def write_register(self, addr: int, value: int) -> None:
        """Write the 32-bit register at byte address ``addr``."""
        self._ask(Operation.WRITE_REGISTERS, addr, data=pack("<I", value))

    def _outside(self, addr: int, size: int):
        first, limit = self.memory_base, self.memory_base + self.memory_size
        if addr < first or addr + size > limit:
            raise LinkError(
                f"bytes 0x{addr:x} to 0x{addr + size:x} are outside the board's memory, "
                f"0x{first:x} to 0x{limit:x}"
            )

    def read_memory(self, addr: int, size: int) -> np.ndarray:
        """A copy, uint8, of ``size`` bytes of the board's memory."""
        self._outside(addr, size)
        first, limit = addr & ~3, (addr + size + 3) & ~3
        parts = []
        while first < limit:
            words = min((limit - first) // 4, self.payload_words)
            parts.append(self._ask(Operation.READ_MEMORY, first, words, expected=words))
            first += 4 * words
        return np.frombuffer(b"".join(parts), np.uint8)[addr & 3 :][:size].copy()

    def write_memory(self, addr: int, data: bytes | np.ndarray) -> None:
        """Bytes of ``data``, of any NumPy type, into the board's memory."""
        if isinstance(data, np.ndarray):
            data = np.ascontiguousarray(data).tobytes()
        self._outside(addr, len(data))
        # The line carries words: what stands beside the bytes in theirs is written back.
        before = addr & 3
        behind = -(before + len(data)) & 3
        if data and before:
            data = self.read_memory(addr - before, before).tobytes() + bytes(data)
        if data and behind:
            limit = addr - before + len(data)
            data = bytes(data) + self.read_memory(limit, behind).tobytes()
        step = 4 * self.payload_words
        for start in range(0, len(data), step):
            part = bytes(data[start : start + step])
            self._ask(Operation.WRITE_MEMORY, addr - before + start, data=part)

    def wait_interrupt(
        self, timeout: int | None = None, progress: Callable[[int], None] | None = None
    ) -> bool:
        """Wait until the interrupt is high; False when ``timeout`` cycles were not enough."""
        most = int(_WAIT_SECONDS * self.clock_hz)
        done = 0
        while timeout is None or done < timeout:
            cycles = most if timeout is None else min(most, timeout - done)
            self._ask(Operation.WAIT, cycles, wait=cycles / self.clock_hz)
            if self.status & Status.INTERRUPT:
                return True
            done += cycles
            if progress is not None:
                progress(done)
        return False
