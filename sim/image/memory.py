"""Rows of activations and states as they lie in the machine's memory."""

from dataclasses import dataclass

import numpy as np

from hw.config import Config

__all__ = ["Rows", "States", "align", "state_bytes"]


def align(value: int, multiple: int) -> int:
    """The next multiple of ``multiple`` at or above ``value``."""
    return -(-value // multiple) * multiple


def state_bytes(config: Config) -> int:
    """Bytes that the machine reads a state in: whole beats of the bus and of four units."""
    return max(config.bus_bytes, 16)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of ``codes`` values, one for each step of each sequence, padded to ``stride``.

    Values are int8, or int16 of machines whose activations have 16 bits.

    Parameters
    ----------
    addr : int
        First byte of step 0 of sequence 0.
    codes : int
        Values of a row.
    stride : int
        Bytes from a row to the next; sequences follow each other without a gap.
    steps, sequences : int
        Rows of a sequence, and sequences.
    code_bytes : int
        Bytes of a value: 1 or 2.
    """

    addr: int
    codes: int
    stride: int
    steps: int
    sequences: int
    code_bytes: int = 1

    @property
    def _dtype(self) -> str:
        """Of a value in memory."""
        return f"<i{self.code_bytes}"

    @property
    def sequence_stride(self) -> int:
        """Bytes from a sequence to the next."""
        return self.steps * self.stride

    @property
    def end(self) -> int:
        """First byte behind the rows."""
        return self.addr + self.sequences * self.sequence_stride

    def walk(self, reverse: bool) -> tuple[int, int, int]:
        """Address of the first row, step stride and sequence stride, in running order."""
        if not reverse:
            return self.addr, self.stride, self.sequence_stride
        last = self.addr + (self.steps - 1) * self.stride
        return last, -self.stride, self.sequence_stride

    def pack(self, values: np.ndarray) -> bytes:
        """Bytes from ``addr`` to ``end`` that hold values ``[sequences, steps, codes]``."""
        places = self.stride // self.code_bytes
        rows = np.zeros((self.sequences, self.steps, places), self._dtype)
        rows[:, :, : self.codes] = values
        return rows.tobytes()

    def unpack(self, memory: bytes | np.ndarray, base: int = 0) -> np.ndarray:
        """``[sequences, steps, codes]`` from ``memory``, which begins at address ``base``."""
        count = (self.end - self.addr) // self.code_bytes
        data = np.frombuffer(memory, self._dtype, count, self.addr - base)
        rows = data.reshape(self.sequences, self.steps, -1)[:, :, : self.codes]
        return rows.astype(rows.dtype.newbyteorder("="))


@dataclass(frozen=True, kw_only=True)
class States:
    """One state for each sequence: four bytes a unit, ``c`` (int16), ``h`` (int8), zero.

    Of machines whose activations have 16 bits ``h`` is int16, and no byte is zero.

    Parameters
    ----------
    addr : int
        First byte of sequence 0.
    units : int
        ``H``.
    stride : int
        Bytes from a sequence to the next.
    sequences : int
        Number of states.
    code_bytes : int
        Bytes of ``h``: 1 or 2.
    """

    addr: int
    units: int
    stride: int
    sequences: int
    code_bytes: int = 1

    @property
    def _dtype(self) -> np.dtype:
        """Of a unit in memory."""
        return np.dtype(
            {
                "names": ["c", "h"],
                "formats": ["<i2", f"<i{self.code_bytes}"],
                "offsets": [0, 2],
                "itemsize": 4,
            }
        )

    @property
    def end(self) -> int:
        """First byte behind the states."""
        return self.addr + self.sequences * self.stride

    def pack(self, h: np.ndarray, c: np.ndarray) -> bytes:
        """Bytes from ``addr`` to ``end``, of ``h`` and int16 ``c``, both ``[sequences, H]``."""
        data = bytearray(self.end - self.addr)
        words = np.frombuffer(data, self._dtype).reshape(self.sequences, -1)
        words["c"][:, : self.units], words["h"][:, : self.units] = c, h
        return bytes(data)

    def unpack(self, memory: bytes | np.ndarray, base: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """``h`` (int8 or int16) and ``c`` int16, both ``[sequences, H]``."""
        count = (self.end - self.addr) // 4
        data = np.frombuffer(memory, self._dtype, count, self.addr - base)
        words = data.reshape(self.sequences, -1)[:, : self.units]
        h = words["h"]
        return h.astype(h.dtype.newbyteorder("=")), words["c"].astype(np.int16)
