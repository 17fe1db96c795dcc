"""Points measured in parallel on this computer, and what every engine does with a point."""

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process

from hw.errors import UserError
from sim.explore.kept import one_thread_each
from sim.explore.sweep.points import Point
from sim.explore.sweep.subjects import Subject

__all__ = ["Done", "Processes", "Task", "attempt"]

_ATTEMPTS = 3
"""How often a point is begun whose process is killed."""

_AHEAD = 2
"""Points that wait for each process, so that it never waits for one."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A point to be measured.

    Members
    -------
    key : str
        Its name.
    point : Point
        What is measured.
    """

    key: str
    point: Point


@dataclass(frozen=True, kw_only=True)
class Done:
    """A point that was measured, or that failed.

    Members
    -------
    key : str
        Its name.
    figures : dict or None
        What was measured; None where it failed.
    error : str or None
        Why it failed, one sentence.
    seconds : float
        How long it took.
    """

    key: str
    figures: dict | None = None
    error: str | None = None
    seconds: float = 0.0


def attempt(task: Task, measure: Callable[[Point], dict]) -> Done:
    """Measure a point; what goes wrong is said in its ``error``."""
    begin = time.perf_counter()
    figures, error = None, None
    try:
        figures = measure(task.point)
    except UserError as refusal:
        error = str(refusal)
    except MemoryError:
        error = "there is not enough memory for this point; fewer processes take less"
    except Exception as fault:
        # A fault of this program in one point must not lose the others; it is told with its place.
        place = traceback.extract_tb(fault.__traceback__)[-1]
        error = f"{type(fault).__name__}: {fault} ({place.name}, line {place.lineno})"
    seconds = time.perf_counter() - begin
    return Done(key=task.key, figures=figures, error=error, seconds=seconds)


_subjects: dict[str, Subject] = {}
_measure: Callable | None = None


def _begin(subjects: Mapping[str, Subject], measure: Callable):
    """Make a process ready: what it measures comes once."""
    global _measure
    _subjects.update(subjects)
    _measure = measure
    parent = parent_process()

    def follow():
        parent.join()
        # Nobody is left to hear of it.
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _attempt(task: Task) -> Done:
    return attempt(task, lambda point: _measure(_subjects[point.subject], point))


@dataclass(frozen=True)
class Processes:
    """Processes of this computer; this one if it is one.

    Parameters
    ----------
    jobs : int
        How many.
    """

    jobs: int

    def done(
        self, tasks: Sequence[Task], subjects: Mapping[str, Subject], measure: Callable
    ) -> Iterator[Done]:
        """Points as they are done.

        A process that is killed costs the time of the points that it and its neighbours were at.
        The processes end with this one, even where it is killed.

        Parameters
        ----------
        tasks : sequence of Task
            What is measured.
        subjects : dict of Subject
            By the name that points have.
        measure : function of (Subject, Point)
            Gives the figures; other processes must be able to import it.
        """
        if self.jobs == 1 or len(tasks) < 2:
            for task in tasks:
                yield attempt(task, lambda point: measure(subjects[point.subject], point))
            return
        left, tries = list(reversed(tasks)), {}
        with one_thread_each():
            while left:
                yield from _in_pool(left, tries, subjects, measure, self.jobs)


def _in_pool(left: list[Task], tries: dict[str, int], subjects, measure, jobs: int):
    """Take tasks from the end of ``left`` until it is empty, or a process is killed."""
    options = {"mp_context": get_context("spawn"), "initializer": _begin}
    pool = ProcessPoolExecutor(min(jobs, len(left)), initargs=(dict(subjects), measure), **options)
    waiting = {}
    try:
        while left or waiting:
            while left and len(waiting) < jobs * _AHEAD:
                task = left.pop()
                waiting[pool.submit(_attempt, task)] = task
            for each in wait(waiting, return_when=FIRST_COMPLETED).done:
                result = each.result()
                waiting.pop(each)
                yield result
    except BrokenProcessPool:
        for each, task in waiting.items():
            if each.done() and not each.cancelled() and each.exception() is None:
                yield each.result()
                continue
            tries[task.key] = tries.get(task.key, 0) + 1
            if tries[task.key] < _ATTEMPTS:
                left.append(task)
                continue
            yield Done(
                key=task.key,
                error=f"its process was killed {_ATTEMPTS} times, perhaps because memory was "
                "short; --jobs takes fewer processes",
            )
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
