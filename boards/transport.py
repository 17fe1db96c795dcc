"""What the driver needs of whatever carries it to the machine: a board's bus or a simulation."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["Transport"]


@runtime_checkable
class Transport(Protocol):
    """Registers, memory and the interrupt of one machine.

    Members
    -------
    memory_base : int
        Byte address, as the machine sees it, of the first byte that the host may use.
    memory_size : int
        Bytes from there on.
    """

    memory_base: int
    memory_size: int

    def read_register(self, addr: int) -> int:
        """The 32-bit register at byte address ``addr``."""

    def write_register(self, addr: int, value: int) -> None:
        """Write the 32-bit register at byte address ``addr``; effective on return."""

    def read_memory(self, addr: int, size: int) -> np.ndarray:
        """A copy, uint8, of ``size`` bytes as the machine left them."""

    def write_memory(self, addr: int, data: bytes | np.ndarray) -> None:
        """Bytes of ``data``, of any NumPy type, where the machine sees them from its next start."""

    def wait_interrupt(
        self, timeout: int | None = None, progress: Callable[[int], None] | None = None
    ) -> bool:
        """Wait until the interrupt is high.

        Parameters
        ----------
        timeout : int or None
            Cycles of the machine's clock; None waits for ever.
        progress : function of int
            Called now and then with the cycles waited so far.

        Returns
        -------
        bool
            False when the time is over and the interrupt still low.
        """
