"""Measurements in parallel that an interruption does not lose."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from sim.explore.tuning.problems import digest
from sim.networks.network import NetworkError

__all__ = ["Kept", "measured"]

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Kept:
    """A file with a line for each point that has been measured.

    Parameters
    ----------
    path : Path
        The file; it need not be there.
    key : str
        What else a result depends on.

    Members
    -------
    found : dict
        Results by the name of their point.
    """

    def __init__(self, path: Path, key: str):
        self.path, self.key = path, key
        self.found = {}
        whole = b""
        if path.exists():
            content = path.read_bytes()
            # A line that an interruption left half written is cut off.
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                path.write_bytes(whole)
        try:
            for line in whole.splitlines():
                row = json.loads(line)
                self.found[row["key"]] = row["result"]
        except (ValueError, TypeError, KeyError):
            raise NetworkError(f"{path} is not the file of a sweep, or is damaged") from None

    def name(self, point) -> str:
        """Of a point, a dataclass."""
        return digest(self.key, asdict(point))

    def keep(self, point, result: dict):
        """Write down what a point gave."""
        name = self.name(point)
        line = json.dumps({"key": name, "point": asdict(point), "result": result})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.found[name] = result


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that are started inside do their linear algebra in one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def measured(measure: Callable, points: Sequence, jobs: int) -> Iterator[tuple]:
    """Pairs of point and ``measure(point)`` as they come, from ``jobs`` processes."""
    if jobs == 1 or len(points) == 1:
        for point in points:
            yield point, measure(point)
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(min(jobs, len(points)), mp_context=get_context("spawn"))
        try:
            waiting = {pool.submit(measure, point): point for point in points}
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for each in done:
                    yield waiting.pop(each), each.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
