"""Measurements in parallel that an interruption does not lose."""

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context, parent_process
from pathlib import Path

from boards.writing import written
from sim.explore.files import held
from sim.explore.tuning.problems import digest
from sim.networks.network import NetworkError

__all__ = ["Kept", "measure_missing", "measured", "one_thread_each"]

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Kept:
    """A file with a line for each point that has been measured.

    A line that an interruption left half written is cut off; one whose content does not belong
    together any more, because the file was damaged, is measured again.

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

    Raises
    ------
    NetworkError
        It is another kind of file.
    """

    def __init__(self, path: Path, key: str):
        self.path, self.key = path, key
        self.found = {}
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        try:
            rows = [json.loads(line) for line in whole.splitlines()]
            named = all(isinstance(row, dict) and "key" in row for row in rows)
        except (ValueError, RecursionError):
            named = False
        if not named or (content and not rows):
            raise NetworkError(f"{path} is not the file of a sweep, or is damaged")
        if whole != content:
            path.write_bytes(whole)
        for row in rows:
            if row.get("check") == _check(row):
                self.found[row["key"]] = row["result"]

    def name(self, point) -> str:
        """Of a point, a dataclass."""
        return digest(self.key, asdict(point))

    def keep(self, point, result: dict):
        """Write down what a point gave."""
        name = self.name(point)
        row = {"key": name, "point": asdict(point), "result": result}
        line = json.dumps({**row, "check": _check(row)})
        with written(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.found[name] = result


def _check(row: dict) -> str:
    """A digest of what a line says."""
    return digest(json.dumps([row.get("key"), row.get("result")], sort_keys=True))


@contextmanager
def one_thread_each() -> Iterator[None]:
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


def measure_missing(
    path: Path,
    key: str,
    points: Iterable,
    measure: Callable,
    *,
    jobs: int,
    load: Callable[[], None],
    progress: Callable[[int, int], None],
) -> list[dict]:
    """What ``measure(point)`` gives for each point, ready for JSON: kept in a file, or measured.

    Parameters
    ----------
    path, key : Path, str
        As of ``Kept``; one process at a time works with the file.
    points : iterable of dataclass
        What is measured.
    measure : function
        What measures a point; other processes must be able to import it.
    jobs : int
        Processes.
    load : function
        Called first where a point is missing.
    progress : function of int, int
        Told how many points are done, of how many.

    Raises
    ------
    NetworkError
        Another process works with the file, it is another kind of file, or a process was killed.
    """
    points = list(points)
    with held(path, "sweep", "name another folder"):
        kept = Kept(path, key)
        names = [kept.name(point) for point in points]
        missing = list(
            {n: p for n, p in zip(names, points, strict=True) if n not in kept.found}.values()
        )
        if missing:
            load()
        total = len(set(names))
        done = total - len(missing)
        progress(done, total)
        for point, result in measured(measure, missing, jobs):
            kept.keep(point, result)
            done += 1
            progress(done, total)
    return [kept.found[name] for name in names]


def measured(measure: Callable, points: Sequence, jobs: int) -> Iterator[tuple]:
    """Pairs of point and ``measure(point)`` as they come, from ``jobs`` processes.

    The processes end with this one, even where it is killed.

    Raises
    ------
    NetworkError
        One of them was killed.
    """
    if jobs == 1 or len(points) < 2:
        for point in points:
            yield point, measure(point)
        return
    with one_thread_each():
        context = get_context("spawn")
        pool = ProcessPoolExecutor(
            min(jobs, len(points)), mp_context=context, initializer=_end_with_parent
        )
        try:
            waiting = {pool.submit(measure, point): point for point in points}
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for each in done:
                    yield waiting.pop(each), each.result()
        except BrokenProcessPool:
            raise NetworkError(
                "a process that measured was killed, perhaps because memory was short; what was "
                "measured is kept, and --jobs takes fewer processes"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent():
    """Let this process end when the one that started it does, however that ends."""
    parent = parent_process()

    def follow():
        parent.join()
        # Nobody is left to hear of it.
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
