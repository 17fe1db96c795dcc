"""A machine beside the processor that this Python runs on, under Linux."""

import mmap
import os
import select
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from boards.errors import BoardError
from boards.zynq.gp import BASE_REGISTER
from hw.registers import ID_VALUE, REGISTERS, Control

__all__ = ["REGISTERS_AT", "MappedTransport", "fclk_divisors", "find_buffer", "prepare_logic"]

REGISTERS_AT = 0x4000_0000
"""Where M_AXI_GP0 begins for the processor."""

_REGISTERS_BYTES = 0x2000

# Registers of the processor, UG585 appendix B: what the first-stage boot loader would set if it
# knew of this design.
_SLCR = 0xF800_0000
_SLCR_UNLOCK, _UNLOCK_KEY = 0x008, 0xDF0D
_FPGA0_CLK_CTRL, _FPGA_RST_CTRL, _LVL_SHFTR_EN = 0x170, 0x240, 0x900
_AFI0 = 0xF800_8000
_AFI_RDCHAN_CTRL, _AFI_WRCHAN_CTRL = 0x00, 0x14
_AFI_32_BIT = 1 << 0

_POLL_SECONDS = 50e-6

_REST_SECONDS = 1.0
"""More than any DRAM takes to answer what it was asked for."""


class _Mapping:
    """A stretch of physical memory, or of a device, as 32-bit words and as bytes."""

    def __init__(self, path: str | Path, size: int, offset: int = 0):
        try:
            handle = os.open(path, os.O_RDWR | os.O_SYNC)
        except OSError as error:
            raise BoardError(f"{path} cannot be opened: {error.strerror}") from None
        try:
            self._map = mmap.mmap(handle, size, offset=offset)
        except (OSError, ValueError) as error:
            raise BoardError(f"{path} cannot be mapped at 0x{offset:x}: {error}") from None
        finally:
            os.close(handle)
        self.bytes = np.frombuffer(self._map, np.uint8)
        self.words = self.bytes.view(np.uint32)


def find_buffer(name: str = "udmabuf0", root: Path = Path("/sys/class/u-dma-buf")) -> tuple:
    """Physical address and bytes of a buffer of the driver ``u-dma-buf``.

    Raises
    ------
    BoardError
        There is none of that name.
    """
    try:
        addr = int((root / name / "phys_addr").read_text(), 16)
        size = int((root / name / "size").read_text())
    except OSError:
        raise BoardError(
            f"there is no buffer {name}: load the driver, modprobe u-dma-buf {name}=16777216"
        ) from None
    return addr, size


def fclk_divisors(pll_mhz: float, most_mhz: float) -> tuple[int, int]:
    """The two dividers, 1 to 63, of the fastest clock from the I/O loop up to ``most_mhz``."""
    pairs = [(a, b) for b in range(1, 64) for a in range(b, 64) if pll_mhz / a / b <= most_mhz]
    return min(pairs, key=lambda pair: (pair[0] * pair[1], pair[1]))


def prepare_logic(clock_mhz: float, pll_mhz: float = 1000.0, memory: str = "/dev/mem"):
    """Set what the programmable logic needs of the processor, once after its bitstream is loaded.

    The logic's clock to at most ``clock_mhz``, its reset released, the level shifters on, the DRAM
    port 64 bits wide. A machine that is there and runs is brought to rest first: its clock may not
    change while DRAM owes it answers.

    Parameters
    ----------
    clock_mhz : float
        What the bitstream was built for.
    pll_mhz : float
        The processor's I/O loop; 1000 MHz as the boards here come.
    memory : str
        The device of physical memory.

    Raises
    ------
    BoardError
        The machine does not come to rest.
    """
    slcr, afi = _Mapping(memory, 0x1000, _SLCR).words, _Mapping(memory, 0x1000, _AFI0).words
    if slcr[_LVL_SHFTR_EN // 4] == 0xF and slcr[_FPGA_RST_CTRL // 4] == 0:
        _come_to_rest(_Mapping(memory, _REGISTERS_BYTES, REGISTERS_AT).words)
    first, second = fclk_divisors(pll_mhz, clock_mhz)
    slcr[_SLCR_UNLOCK // 4] = _UNLOCK_KEY
    slcr[_FPGA_RST_CTRL // 4] = 0xF
    slcr[_FPGA0_CLK_CTRL // 4] = second << 20 | first << 8
    slcr[_LVL_SHFTR_EN // 4] = 0xF
    for channel in (_AFI_RDCHAN_CTRL, _AFI_WRCHAN_CTRL):
        afi[channel // 4] &= ~np.uint32(_AFI_32_BIT)
    slcr[_FPGA_RST_CTRL // 4] = 0


def _come_to_rest(registers: np.ndarray):
    """A soft reset of the machine whose registers these are, if there is one."""
    place = {name: register.addr // 4 for name, register in REGISTERS.items()}
    if registers[place["id"]] != ID_VALUE:
        return
    registers[place["control"]] = 1 << Control.SOFT_RESET
    end = time.monotonic() + _REST_SECONDS
    while registers[place["status"]] & 1:
        if time.monotonic() > end:
            raise BoardError(
                "the accelerator does not come to rest after a soft reset, because DRAM owes it an "
                "answer: load its bitstream again"
            )
        time.sleep(_POLL_SECONDS)


class MappedTransport:
    """A machine whose registers and memory are mapped here; a ``boards.transport.Transport``.

    The machine's address 0 is the buffer's first byte.

    Parameters
    ----------
    clock_hz : float
        The machine's clock, for timeouts in its cycles.
    buffer : (str or Path, int, int)
        Device of the buffer, its physical address and its bytes: contiguous and not cached, as
        ``/dev/udmabuf0`` opened for synchronous access is.
    registers : str or Path
        Device of the registers: ``/dev/mem``, or a UIO device, through which interrupts come too.
    offset : int
        Where in that device they are: ``REGISTERS_AT`` in ``/dev/mem``, 0 in a UIO device.

    Raises
    ------
    BoardError
        A device cannot be opened or mapped, or the buffer does not begin at a page.
    """

    memory_base = 0

    def __init__(
        self,
        clock_hz: float,
        buffer: tuple,
        registers: str | Path = "/dev/mem",
        offset: int = REGISTERS_AT,
    ):
        device, addr, size = buffer
        if addr % 4096:
            raise BoardError(f"the buffer at 0x{addr:x} does not begin at a multiple of 4 KiB")
        self.clock_hz = clock_hz
        self.memory_size = size
        self._registers = _Mapping(registers, _REGISTERS_BYTES, offset).words
        in_memory = Path(device) == Path("/dev/mem")
        self._memory = _Mapping(device, size, addr if in_memory else 0).bytes
        self._uio = None
        if Path(registers).name.startswith("uio"):
            self._uio = os.open(registers, os.O_RDWR)
        self.write_register(BASE_REGISTER, addr)

    def read_register(self, addr: int) -> int:
        """The 32-bit register at byte address ``addr``."""
        return int(self._registers[addr // 4])

    def write_register(self, addr: int, value: int) -> None:
        """Write the 32-bit register at byte address ``addr``."""
        self._registers[addr // 4] = value

    def _slice(self, addr: int, size: int) -> slice:
        if addr < 0 or addr + size > self.memory_size:
            raise BoardError(
                f"bytes 0x{addr:x} to 0x{addr + size:x} are outside the buffer of "
                f"0x{self.memory_size:x} bytes"
            )
        return slice(addr, addr + size)

    def read_memory(self, addr: int, size: int) -> np.ndarray:
        """A copy, uint8, of ``size`` bytes of the buffer."""
        return self._memory[self._slice(addr, size)].copy()

    def write_memory(self, addr: int, data: bytes | np.ndarray) -> None:
        """Bytes of ``data``, of any NumPy type, into the buffer."""
        if isinstance(data, np.ndarray):
            data = np.ascontiguousarray(data).tobytes()
        self._memory[self._slice(addr, len(data))] = np.frombuffer(data, np.uint8)

    def wait_interrupt(
        self, timeout: int | None = None, progress: Callable[[int], None] | None = None
    ) -> bool:
        """Wait until the interrupt is high; False when ``timeout`` cycles were not enough."""
        begin = time.monotonic()
        while not self._high():
            done = int((time.monotonic() - begin) * self.clock_hz)
            if timeout is not None and done >= timeout:
                return False
            if progress is not None:
                progress(done)
            self._sleep()
        return True

    def _high(self) -> bool:
        pending = REGISTERS["interrupt"], REGISTERS["interrupt_enable"]
        first, second = (self.read_register(register.addr) for register in pending)
        return bool(first & second)

    def _sleep(self):
        if self._uio is None:
            time.sleep(_POLL_SECONDS)
            return
        # A write of 1 lets the next interrupt through; the level may have risen before it.
        os.write(self._uio, (1).to_bytes(4, "little"))
        if select.select([self._uio], [], [], 0.1)[0]:
            os.read(self._uio, 4)
