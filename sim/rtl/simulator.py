"""A compiled machine with its memory, driven through its own ports."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
from amaranth.lib import wiring

from hw.errors import UserError
from hw.verilog import to_rtlil
from sim.rtl.build import build
from sim.rtl.memory_model import MemoryModel
from sim.rtl.stages import Stages

__all__ = ["CHANNELS", "RtlSimulator", "SimulationError", "load_library"]

CHANNELS = ("ar", "r", "aw", "w", "b")
"""Of the memory's port."""

_SETTINGS = (
    *("memory_base", "memory_size", "seed", "latency", "write_latency", "beats", "per_cycles"),
    *("outstanding", "stall_ar", "stall_r", "stall_aw", "stall_w", "stall_b", "stall_lite"),
    *("error_base", "error_limit"),
)
_STATS = (
    *("cycles", "violations", "read_bursts", "read_beats", "write_bursts", "write_beats"),
    *("reads_outstanding", "writes_outstanding"),
)


class _Settings(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in _SETTINGS)


class _Stats(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in _STATS)


class SimulationError(UserError):
    """The simulated machine does not answer, or the host asked for what is not there."""


def load_library(path: Path) -> ctypes.CDLL:
    """A compiled model, the file ``path``, whose functions have their types."""
    library = ctypes.CDLL(str(path))
    bench, number = ctypes.c_void_p, ctypes.c_uint64
    for name, result, arguments in (
        ("create", bench, [ctypes.POINTER(_Settings), ctypes.c_void_p, ctypes.c_char_p]),
        ("destroy", None, [bench]),
        ("run", number, [bench, number, ctypes.c_int]),
        ("reset", None, [bench, number, ctypes.c_int]),
        ("hang", None, [bench, number]),
        ("interrupt", ctypes.c_int, [bench]),
        (
            "access",
            ctypes.c_int,
            [bench, ctypes.c_int, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32), number],
        ),
        ("windows", None, [bench, ctypes.POINTER(number), number]),
        ("stats", None, [bench, ctypes.POINTER(_Stats)]),
        ("violation", ctypes.c_char_p, [bench]),
    ):
        function = getattr(library, f"refrain_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class RtlSimulator:
    """A top level with the standard ports, compiled, in reset once and then ready; a Transport.

    Every cycle of the AXI ports is checked: ``violations`` counts broken rules and
    ``first_violation`` describes the first.

    Parameters
    ----------
    top : wiring.Component or str
        The top component with members ``s_axi``, ``m_axi`` and ``interrupt``, or Verilog of a
        module called ``name``.
    memory : MemoryModel
        How the DRAM behaves.
    size : int
        Bytes of DRAM, zero at first.
    base : int
        Address of its first byte.
    name : str
        Name of the top module.
    rtlil : bool
        A ``top`` that is text is RTLIL, as ``hw.verilog.to_rtlil`` gives it, not Verilog.
    trace : Path or None
        VCD file of every signal; for short runs, it grows by kilobytes per cycle.
    register_timeout : int
        Cycles after which an unanswered register access is an error.
    cache, compiler, stages
        See ``build``.

    Raises
    ------
    ToolError
        A tool for compiling is missing or failed.
    """

    chunk = 200_000
    """Cycles per call: some tenths of a second, after which Python hears of an interrupt."""

    def __init__(
        self,
        top: wiring.Component | str,
        *,
        memory: MemoryModel | None = None,
        size: int = 1 << 24,
        base: int = 0,
        name: str = "refrain",
        rtlil: bool = False,
        trace: Path | None = None,
        register_timeout: int = 10_000,
        cache: Path | None = None,
        compiler: str = "g++",
        stages: Stages | None = None,
    ):
        self.memory_base, self.memory_size = base, size
        self.register_timeout = register_timeout
        rtlil = rtlil or not isinstance(top, str)
        source = top if isinstance(top, str) else to_rtlil(top, name)
        options = {"trace": trace is not None, "cache": cache, "compiler": compiler}
        self._library = load_library(
            build(source, name, rtlil=rtlil, stages=stages, **options) / "model.so"
        )
        self._trace = None if trace is None else str(trace).encode()
        self._bench = None
        self.restart(memory or MemoryModel())

    def restart(self, memory: MemoryModel):
        """Start again from power-on with another memory model; the memory's bytes are zero."""
        self.close()
        self.memory = memory
        self._bytes = np.zeros(self.memory_size, np.uint8)
        settings = _Settings(memory_base=self.memory_base, memory_size=self.memory_size)
        for field in _SETTINGS[2:]:
            value = getattr(memory, field)
            setattr(settings, field, round(value * 2**32) if field.startswith("stall_") else value)
        pointer = self._bytes.ctypes.data
        self._bench = self._library.refrain_create(settings, pointer, self._trace)

    def close(self):
        """Free the machine, and finish the trace."""
        if self._bench:
            self._library.refrain_destroy(self._bench)
            self._bench = None

    def __del__(self):
        if getattr(self, "_bench", None):
            self.close()

    def _access(self, write: bool, addr: int, value: int) -> int:
        data = ctypes.c_uint32(value)
        timeout = self.register_timeout
        code = self._library.refrain_access(self._bench, write, addr, data, timeout)
        if code:
            verb = "write to" if write else "read of"
            what = "was not answered" if code < 0 else f"was answered with the AXI error {code}"
            raise SimulationError(f"the {verb} register 0x{addr:03x} {what}")
        return data.value

    def read_register(self, addr: int) -> int:
        """The 32-bit register at byte address ``addr``, by bus cycles."""
        return self._access(False, addr, 0)

    def write_register(self, addr: int, value: int) -> None:
        """Write the 32-bit register at byte address ``addr``, by bus cycles."""
        self._access(True, addr, value)

    def _slice(self, addr: int, size: int) -> slice:
        offset = addr - self.memory_base
        if offset < 0 or offset + size > self.memory_size:
            raise SimulationError(
                f"bytes 0x{addr:x} to 0x{addr + size:x} are outside the memory, "
                f"0x{self.memory_base:x} to 0x{self.memory_base + self.memory_size:x}"
            )
        return slice(offset, offset + size)

    def read_memory(self, addr: int, size: int) -> np.ndarray:
        """A copy, uint8, of ``size`` bytes of DRAM; it takes no cycle."""
        return self._bytes[self._slice(addr, size)].copy()

    def write_memory(self, addr: int, data: bytes | np.ndarray) -> None:
        """Bytes of ``data``, of any NumPy type, into DRAM; it takes no cycle."""
        if isinstance(data, np.ndarray):
            array = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        else:
            array = np.frombuffer(data, np.uint8)
        self._bytes[self._slice(addr, array.size)] = array

    def wait_interrupt(
        self, timeout: int | None = None, progress: Callable[[int], None] | None = None
    ) -> bool:
        """Run until the interrupt is high; False when ``timeout`` cycles were not enough."""
        return self._run(timeout, progress, until_interrupt=True)

    def run(self, cycles: int, progress: Callable[[int], None] | None = None):
        """Run for ``cycles``, whatever the interrupt says."""
        self._run(cycles, progress, until_interrupt=False)

    def _run(self, limit: int | None, progress, *, until_interrupt: bool) -> bool:
        done = 0
        while limit is None or done < limit:
            chunk = self.chunk if limit is None else min(self.chunk, limit - done)
            ran = self._library.refrain_run(self._bench, chunk, until_interrupt)
            done += ran
            if progress is not None:
                progress(done)
            if ran < chunk:
                break
        return self.interrupt

    @property
    def interrupt(self) -> bool:
        """Level of the interrupt."""
        return bool(self._library.refrain_interrupt(self._bench))

    def reset(self, cycles: int = 8, *, memory_too: bool = False):
        """Reset the machine, whatever it does, for at least 2 ``cycles``.

        Its memory goes on and answers what it was asked before, or is reset in the same cycles
        (``memory_too``): it then owes nothing, and keeps its bytes.
        """
        self._library.refrain_reset(self._bench, cycles, memory_too)

    def hang(self, *channels: str):
        """From now on the memory does nothing on these of its ``CHANNELS``; on all others, it does.

        ``ready`` of AR, AW and W is low, and nothing new is offered on R and B. Without a channel,
        all of them work again, and what is owed is done.
        """
        bits = sum(1 << CHANNELS.index(channel) for channel in set(channels))
        self._library.refrain_hang(self._bench, bits)

    def guard(self, *windows: tuple[int, int]):
        """Allow writes only from ``first`` to before ``limit`` of each window.

        Any other is a violation and is not made. Without a window, writes may go anywhere.
        """
        flat = [edge for window in windows for edge in window]
        self._library.refrain_windows(
            self._bench, (ctypes.c_uint64 * len(flat))(*flat), len(windows)
        )

    @property
    def stats(self) -> dict[str, int]:
        """Counts of the bench since power-on.

        ``cycles``; ``violations``; ``read_bursts``, ``read_beats``, ``write_bursts``,
        ``write_beats`` accepted; ``reads_outstanding``, ``writes_outstanding`` now.
        """
        stats = _Stats()
        self._library.refrain_stats(self._bench, stats)
        return {name: getattr(stats, name) for name in _STATS}

    @property
    def violations(self) -> int:
        """Broken AXI rules so far."""
        return self.stats["violations"]

    @property
    def first_violation(self) -> str:
        """The first broken rule with its cycle; empty when none was broken."""
        return self._library.refrain_violation(self._bench).decode()
