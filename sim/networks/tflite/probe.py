"""Whether LiteRT survives a piece of a file: it ends the process at some that are damaged."""

import atexit
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ["survives"]

_WORKER = Path(__file__).with_name("worker.py")


def survives(piece: bytes) -> bool:
    """Load and run a piece on zeros in a process that may die of it.

    A refusal in words survives too. The process is started once, and again after each death.
    """
    worker = _start(os.getpid())
    try:
        worker.stdin.write(len(piece).to_bytes(8, "little") + piece)
        worker.stdin.flush()
        answer = worker.stdout.read(1)
    except BrokenPipeError:
        answer = b""
    if not answer:
        _end(worker)
        _start.cache_clear()
    return bool(answer)


@cache
def _start(owner: int) -> subprocess.Popen:
    """The process that belongs to the one with the number ``owner``: a fork has its own."""
    pipe = subprocess.PIPE
    worker = subprocess.Popen(
        [sys.executable, str(_WORKER)], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    )
    atexit.register(_end_own, owner, worker)
    return worker


def _end_own(owner: int, worker: subprocess.Popen) -> None:
    """At the end of a process; what a fork inherited is its parent's to end."""
    if os.getpid() == owner and worker.returncode is None:
        _end(worker)


def _end(worker: subprocess.Popen) -> None:
    worker.kill()
    worker.wait()
    worker.stdout.close()
    # Bytes that nobody has read are lost with the process.
    with suppress(BrokenPipeError):
        worker.stdin.close()
