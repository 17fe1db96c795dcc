"""A whole board with a serial line, compiled; its host's end is what talks to a real board."""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

from boards.uart.system import UartSystem
from hw.verilog import to_rtlil
from sim.rtl.build import build
from sim.rtl.stages import Stages

__all__ = ["UartBoard"]

_MOST = 1 << 16
"""Bytes that one read takes."""


class _Settings(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("bit_cycles", "seed", "to_board", "to_host")
    )


def _library(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path / "model.so"))
    board, number = ctypes.c_void_p, ctypes.c_uint64
    for name, result, arguments in (
        ("create", board, [ctypes.POINTER(_Settings)]),
        ("destroy", None, [board]),
        ("write", None, [board, ctypes.c_char_p, number]),
        ("read", number, [board, ctypes.c_char_p, number, number]),
        ("cycles", number, [board]),
        ("wrong", number, [board]),
    ):
        function = getattr(library, f"board_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def _self_contained(files: dict[str, str]) -> dict[str, str]:
    """The Verilog among ``files``, with the others in it: a compiled model is run anywhere."""

    def contents(read: re.Match) -> str:
        words = files[read[1]].split()
        return "\n".join(f"{read[2]}[{k}] = 'h{word};" for k, word in enumerate(words))

    return {
        name: re.sub(r'\$readmemh\("([^"]+)", (\w+)\);', contents, text)
        for name, text in files.items()
        if name.endswith(".v")
    }


class UartBoard:
    """A board with a serial line, in simulation; a ``boards.uart.link.Line``.

    Its time is that of its clock: it stands still while nobody reads.

    Parameters
    ----------
    system : UartSystem
        What is on the board.
    clock_hz : float
        Its clock.
    bit_errors : float
        Probability that a bit on the line, of either direction, is wrong.
    seed : int
        Of the errors.
    files : dict of str to str
        Verilog of modules that ``system`` uses and does not hold, and what their memories begin
        with, by file name.
    cache
        See ``sim.rtl.build.build``.
    say : function of str
        Told what takes time.

    Members
    -------
    baud : float
        Bits a second on the line.
    cycles : int
        Clock cycles so far.
    wrong_bits : int
        Bits so far that were made wrong.

    Raises
    ------
    ToolError
        A tool for compiling is missing or failed.
    """

    def __init__(
        self,
        system: UartSystem,
        *,
        clock_hz: float,
        bit_errors: float = 0.0,
        seed: int = 0,
        files: dict[str, str] | None = None,
        cache: Path | None = None,
        say: Callable[[str], None] = lambda text: None,
    ):
        self._board = None
        self.clock_hz = clock_hz
        self.baud = clock_hz / system.cycles
        text = to_rtlil(system, "board")
        ports = ("aclk", "aresetn", "rx", "tx", "interrupt")
        options = {"shim": "board_uart.cpp", "ports": ports, "cache": cache, "stages": Stages(say)}
        options["also"] = _self_contained(files or {})
        self._library = _library(build(text, "board", rtlil=True, **options))
        self._bit_cycles = system.cycles
        self.restart(bit_errors=bit_errors, seed=seed)

    def restart(self, *, bit_errors: float = 0.0, seed: int = 0):
        """Start again from power-on, with other errors on the line."""
        self.close()
        rate = round(bit_errors * 2**32)
        settings = _Settings(bit_cycles=self._bit_cycles, seed=seed, to_board=rate, to_host=rate)
        self._board = self._library.board_create(settings)

    def close(self):
        """Free the board."""
        if self._board:
            self._library.board_destroy(self._board)
            self._board = None

    def __del__(self):
        self.close()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._library.board_write(self._board, data, len(data))

    def read(self, seconds: float) -> bytes:
        """What has come; empty when nothing came in ``seconds`` after the last byte was sent."""
        buffer = ctypes.create_string_buffer(_MOST)
        cycles = max(1, round(seconds * self.clock_hz))
        count = self._library.board_read(self._board, buffer, _MOST, cycles)
        return buffer.raw[:count]

    @property
    def cycles(self) -> int:
        """Clock cycles so far."""
        return self._library.board_cycles(self._board)

    @property
    def wrong_bits(self) -> int:
        """Bits so far that were made wrong."""
        return self._library.board_wrong(self._board)
