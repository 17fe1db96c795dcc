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
    """int8 rows of ``codes`` values, one for each step of each sequence, padded to ``stride``.

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
    """

    addr: int
    codes: int
    stride: int
    steps: int
    sequences: int

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
        """Bytes from ``addr`` to ``end`` that hold int8 ``[sequences, steps, codes]``."""
        rows = np.zeros((self.sequences, self.steps, self.stride), np.int8)
        rows[:, :, : self.codes] = values
        return rows.tobytes()

    def unpack(self, memory: bytes | np.ndarray, base: int = 0) -> np.ndarray:
        """int8 ``[sequences, steps, codes]`` from ``memory``, which begins at address ``base``."""
        data = np.frombuffer(memory, np.int8, self.end - self.addr, self.addr - base)
        return data.reshape(self.sequences, self.steps, self.stride)[:, :, : self.codes].copy()


@dataclass(frozen=True, kw_only=True)
class States:
    """One state for each sequence: four bytes a unit, ``c`` (int16), ``h`` (int8), zero.

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
    """

    addr: int
    units: int
    stride: int
    sequences: int

    @property
    def end(self) -> int:
        """First byte behind the states."""
        return self.addr + self.sequences * self.stride

    def pack(self, h: np.ndarray, c: np.ndarray) -> bytes:
        """Bytes from ``addr`` to ``end``, of int8 ``h`` and int16 ``c`` ``[sequences, H]``."""
        words = np.zeros((self.sequences, self.stride // 4, 4), np.uint8)
        words[:, : self.units, :2] = np.asarray(c, "<i2")[..., None].view(np.uint8)
        words[:, : self.units, 2] = np.asarray(h, np.int8).view(np.uint8)
        return words.tobytes()

    def unpack(self, memory: bytes | np.ndarray, base: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """``h`` int8 and ``c`` int16, both ``[sequences, H]``."""
        data = np.frombuffer(memory, np.uint8, self.end - self.addr, self.addr - base)
        words = data.reshape(self.sequences, self.stride // 4, 4)[:, : self.units]
        c = np.ascontiguousarray(words[..., :2]).view("<i2")[..., 0]
        return words[..., 2].view(np.int8).copy(), c.astype(np.int16)
