"""Boards as the commands see them: listed, built, flashed, and how long a frame of speech takes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from boards.board import Board
from boards.build import build_board, read_report, write_plan
from boards.catalogue import BOARDS, find_board
from boards.errors import BoardError
from boards.flash import flash_board
from boards.uart.protocol import Operation, request, response
from hw.config import Config, ConfigError
from sim.explore.boards.backend import make_board_backend
from sim.explore.machines import find_config, make_config
from sim.model.random_network import random_codes, random_network
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel

__all__ = [
    "BoardError",
    "board_config",
    "board_rows",
    "build",
    "flash",
    "frame_rows",
    "line_ms",
    "make_board_backend",
]

FRAME_MS = 32.0
"""Milliseconds of speech that a step of the demo's network hears."""

_SPEECH = (128, 128)
"""Sizes of the demo's LSTM."""

_LATENCY = {"uart": 10, "zynq": 40}
"""Cycles from a read address to its data: of a ``BlockMemory`` of 256 KiB, assumed of the DRAM."""


def board_rows() -> list[dict]:
    """Every board in a line."""
    return [
        {
            "name": board.name,
            "title": board.title,
            "part": board.part,
            "host": {"uart": "serial line", "zynq": "its processor"}[board.host],
            "config": board.config or "none fits",
            "clock_mhz": board.clock_mhz,
            "memory": _memory(board),
            "toolchains": ", ".join(board.toolchains),
        }
        for board in BOARDS.values()
    ]


def _memory(board: Board) -> str:
    usual = f"{board.memory_kib} KiB" if board.memory_kib else "DRAM"
    dram = board.dram
    return f"{usual}, or {dram.kib // 1024} MiB: {dram.name}" if dram else usual


def board_config(
    board: Board,
    name: str | None,
    bare: bool,
    multiplier: str | None = None,
    changes: Sequence[str] = (),
) -> Config | None:
    """The configuration to build, with this multiplier: the named one, the board's own, or none.

    ``changes`` are those of ``make_config``.

    Raises
    ------
    ConfigError, NetworkError
        There is no such configuration or multiplier, or nothing that ``changes`` could change.
    """
    if bare or (name is None and board.config is None):
        if changes:
            reason = "--bare leaves it out" if bare else f"{board.name} has none; give a --config"
            raise ConfigError(f"--set changes a configuration, and {reason}")
        return None
    return make_config(name or board.config, multiplier, changes=changes)


def build(
    name: str,
    config: str | None,
    folder: Path | None,
    *,
    toolchain: str | None = None,
    plan_only: bool = False,
    bare: bool = False,
    multiplier: str | None = None,
    memory: str | None = None,
    changes: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
) -> dict:
    """Build a board, or write what its tools need; the figures, with the file it ends in.

    Where the tools say what clock was reached, ``wanted_mhz`` stands beside it. ``say`` is told
    what takes long.

    Raises
    ------
    BoardError, ConfigError, NetworkError
        See ``boards.build``; there is no such multiplier.
    """
    board = find_board(name).with_memory(memory)
    chosen = board_config(board, config, bare, multiplier, changes)
    folder = folder or default_folder(board)
    figures = {"board": name, "config": chosen.name if chosen else "none"}
    if plan_only:
        return {**figures, "file": str(write_plan(board, chosen, folder, toolchain))}
    figures["file"] = str(build_board(board, chosen, folder, toolchain, say))
    report = read_report(folder)
    return {**figures, **({"wanted_mhz": board.clock_mhz} if report else {}), **report}


def default_folder(board: Board) -> Path:
    """Where a board is built unless another folder is named."""
    return Path("build", board.name)


def flash(name: str, bitstream: Path | None, keep: bool) -> Path:
    """Load a board's bitstream into it; the file.

    Raises
    ------
    BoardError
        See ``boards.flash``.
    """
    board = find_board(name)
    if bitstream is None:
        folder = default_folder(board)
        found = [
            folder / f"top.{kind}" for kind in ("bit", "bin") if (folder / f"top.{kind}").exists()
        ]
        bitstream = found[0] if found else folder / "top.bit"
    flash_board(board, bitstream, keep=keep)
    return bitstream


def line_ms(board: Board, input_size: int, hidden_size: int) -> float:
    """Milliseconds that a frame spends on the line: its input, the start, the wait, its output."""
    registers = 2 * [(Operation.READ_REGISTERS, 0, 1)] + 8 * [(Operation.WRITE_REGISTERS, 4, 0)]
    rows = [(Operation.WRITE_MEMORY, input_size, 0), (Operation.READ_MEMORY, 0, hidden_size // 4)]
    state = [(Operation.WRITE_MEMORY, 4 * hidden_size, 0)]
    state += [(Operation.READ_MEMORY, 0, hidden_size)]
    total = 0
    for operation, sent, words in [*registers, *rows, *state, (Operation.WAIT, 0, 0)]:
        total += len(request(1, operation, data=bytes(sent))) + len(
            response(1, 0, bytes(4 * words))
        )
    return 10_000 * total / board.baud


def frame_rows(say: Callable[[str], None] = lambda text: None) -> list[dict]:
    """How long each board takes for a frame of speech, by the counters of its machine's RTL.

    Each frame is a run of one step that begins with the state of the one before; weights that fit
    the weight memory stay there.
    """
    network = random_network(_SPEECH)
    counted = {}
    rows = []
    for board in BOARDS.values():
        if board.config is None:
            continue
        config = board.fitted(find_config(board.config))
        key = (board.config, config.bus_width, config.burst_beats, _LATENCY[board.host])
        if key not in counted:
            say(f"simulating {config.name} on a bus of {config.bus_width} bits")
            counted[key] = _frame(config, network, _LATENCY[board.host])
        cycles, read_bytes = counted[key]
        busy_us = cycles / config.clock_mhz
        line = line_ms(board, *_SPEECH) if board.host == "uart" else 0.0
        rows.append(
            {
                "board": board.name,
                "config": config.name,
                "clock_mhz": config.clock_mhz,
                "bus_bits": config.bus_width,
                "cycles": cycles,
                "frame_us": busy_us,
                "line_ms": line,
                "times_real_time": FRAME_MS / (busy_us / 1000 + line),
                "dram_bytes": read_bytes,
            }
        )
    return rows


def _frame(config: Config, network, latency: int) -> tuple[int, int]:
    """Cycles and bytes read of the second frame."""
    backend = RtlBackend(config, MemoryModel(latency=latency))
    x = random_codes(network, 1, 2)
    first = backend.run(network, x[:, :1])
    second = backend.run(network, x[:, 1:], initial=first.states, load=False)
    assert np.any(second.h != first.h)
    return second.cycles, second.counts.read_bytes
