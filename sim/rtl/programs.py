"""Programs that compile: run side by side, and none of them left when one fails."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from hw.errors import UserError

__all__ = ["WORKS", "Programs", "ToolError"]

WORKS = "the NumPy model runs everything but RTL without it"


class ToolError(UserError):
    """A tool that is needed is missing or failed; the message is one sentence for the user."""


class Programs:
    """Runs programs, as many side by side as this process may use cores.

    A context. When what is done in it fails or is interrupted, the programs that still run are
    killed and those that wait are not started.

    Parameters
    ----------
    cores : int or None
        How many; all that there are if None.
    """

    def __init__(self, cores: int | None = None):
        self.cores = cores or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(self.cores)
        self._lock = Lock()
        self._running = set()
        self._stopped = False

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            with self._lock:
                self._stopped = True
                for process in self._running:
                    process.kill()
        self._pool.shutdown(cancel_futures=kind is not None)

    def submit(self, work: Callable, *arguments) -> Future:
        """Let ``work`` be done while the caller goes on; it may ``run`` programs."""
        return self._pool.submit(work, *arguments)

    def run(self, command: list, what: str, **options) -> str:
        """Output of a program that ends well.

        Parameters
        ----------
        command : list
            The program and its arguments.
        what : str
            What it does, for people.
        options
            Of ``subprocess.Popen``.

        Raises
        ------
        ToolError
            It fails, or the context is being left.
        """
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with self._lock:
            if self._stopped:
                raise ToolError(f"{what} was not begun")
            process = subprocess.Popen([str(part) for part in command], **pipes, **options)
            self._running.add(process)
        try:
            with process:
                output, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            raise ToolError(f"{what} failed; {WORKS}: {_reason(errors or output)}")
        return output


def _reason(said: str) -> str:
    """The line of a tool's last words that says why it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for sign in ("No space left", "rror"):
        for line in lines:
            if sign in line:
                return line
    return lines[-1] if lines else "it gave no reason"
