"""A sweep: points of a plan measured in parallel, kept as they come, and gone on with."""

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sim.explore.energy.coefficients import read_coefficients
from sim.explore.sweep.combining import combine
from sim.explore.sweep.costs import Costs, cell_energy
from sim.explore.sweep.engine import Done, Processes, Task
from sim.explore.sweep.fronts import fronts_of
from sim.explore.sweep.keeping import Keeper
from sim.explore.sweep.measuring import measure
from sim.explore.sweep.plan import Plan
from sim.explore.sweep.points import Point
from sim.explore.sweep.program import program_hash
from sim.explore.sweep.ran import formats, functional
from sim.explore.sweep.store import Stored, opened
from sim.explore.sweep.subjects import Subject
from sim.explore.tuning.problems import digest
from sim.networks.network import NetworkError
from sim.workloads.catalogue import find_workload

__all__ = ["AXES", "Progress", "Swept", "rows_csv", "sweep"]

AXES = ("macs", "bytes", "energy_pj", "step_us", "lut")
"""What fronts are made against: what a step costs, and what the machine does."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a sweep is.

    Members
    -------
    done, failed, total : int
        Points.
    rate : float
        Points a second of this run.
    left : float or None
        Seconds that the rest will take at that rate; None before the first point.
    """

    done: int
    failed: int
    total: int
    rate: float
    left: float | None


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep gave.

    Members
    -------
    rows : list of dict
        A row for each point that is done, in the order of the plan.
    failed : list of dict
        Rows of points that failed, each with its ``error``.
    measured : int
        Points that were measured now; the others were kept.
    """

    rows: list[dict]
    failed: list[dict]
    measured: int


def sweep(
    plan: Plan,
    folder: Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    liberty: Path | None = None,
    energy: Sequence[Path] = (),
    retry: bool = False,
    extend: bool = False,
    synthesise: str | None = None,
    part: str | None = None,
    about: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[Progress], None] = lambda state: None,
) -> Swept:
    """Measure every point of a plan that has not been measured.

    Parameters
    ----------
    plan : Plan
        What is measured.
    folder : Path
        ``results.db`` in it keeps what has been measured, a row for each point, as it comes.
    jobs : int
        Processes, without a scheduler.
    scheduler : str or None
        Address of a Dask scheduler, whose workers measure.
    liberty : Path or None
        A Liberty file that the energy of a product is measured with.
    energy : sequence of Path
        Files of energy coefficients, of the machines that were measured.
    retry : bool
        Measure points that failed again.
    extend : bool
        Add to the results of another plan.
    synthesise : str or None
        ``front`` or ``all``: points whose machines' cells are counted by Yosys.
    part : str or None
        What these are compared with; without ``synthesise`` cells of all machines are estimated.
    about : mapping or None
        What is said of the sweep in its file: ``command``, and ``text`` of the plan.
    say, progress
        Told what happens, and how far it is.

    Raises
    ------
    NetworkError, ConfigError
        The plan cannot be, the folder holds results of another plan, or the scheduler does not
        answer: all of it before anything runs.
    OSError
        The results cannot be written.
    """
    costs, points = Costs(coefficients=tuple(map(read_coefficients, energy))), None
    synthesis = _synthesis(synthesise, part)
    if plan.search is None:
        points = combine(plan)
    elif liberty is not None:
        raise NetworkError("--liberty measures multipliers before a sweep; a search has no list")
    elif "energy_pj" in plan.search.objectives and not energy:
        raise NetworkError(
            "[search] objectives has energy_pj, and without --energy the energy of no machine is "
            "known: name files that refrain silicon --coefficients wrote"
        )
    if liberty is not None:
        costs = replace(costs, lanes=cell_energy(liberty, points, say))
    for subject in plan.subjects:
        if subject.workload is None:
            # What cannot be read is refused here, not by each of its points.
            subject.load()
    with _engine(scheduler, jobs) as engine, opened(folder) as stored:
        run = _Run(plan, stored, costs, engine, retry=retry)
        run.check(points, about or {}, extend=extend or plan.short)
        if points is None:
            run.search(say, progress)
        else:
            run.measure(points, say, progress)
        if synthesis is not None:
            stored.change(synthesis.columns(stored.rows(), run.points, AXES, say))
        done = Swept(rows=stored.rows(), failed=stored.rows("failed"), measured=run.measured)
    reasons = {row["error"] for row in done.failed}
    if not done.rows and len(reasons) == 1:
        raise NetworkError(f"no point can be measured: {reasons.pop()}")
    return done


class _Run:
    """A sweep at work on its file."""

    def __init__(self, plan: Plan, stored: Stored, costs: Costs, engine, *, retry: bool):
        self._plan, self._stored, self._costs = plan, stored, costs
        self._engine, self._retry = engine, retry
        self._subjects = {subject.name: subject for subject in plan.subjects}
        self.points: dict[str, Point] = {}
        self.measured, self._loaded = 0, False

    def _task(self, point: Point) -> Task:
        return Task(key=point.key(self._subjects[point.subject].key), point=point)

    def check(self, points: Sequence[Point] | None, about: Mapping[str, str], *, extend: bool):
        """Refuse results of another plan, and take the place of those of this one."""
        stored, keys = self._stored, []
        if points is None:
            plan = self._plan
            axes = (plan.axes, [each.text for each in plan.conditions], plan.impossible)
            subjects = [subject.key for subject in plan.subjects]
            name = digest(axes, repr(plan.base), plan.search, subjects)
        else:
            keys = [self._task(point).key for point in points]
            name = digest(*keys)
        before = stored.about().get("plan")
        if before not in (None, name) and not extend:
            raise NetworkError(
                f"{stored.path} holds {len(stored.known)} points of another plan: name another "
                f"folder, or give --extend to keep them and add those of this plan"
            )
        stored.begin(keys, {**about, "plan": name, "program": program_hash()})

    def measure(self, points: Sequence[Point], say, progress):
        """Measure those of the points that are not known."""
        watch = _Watch(len(points), progress)
        self._measure([self._task(point) for point in points], say, watch)

    def search(self, say, progress):
        """Measure what a search chooses for each subject."""
        # Here, as most sweeps measure every combination, and Optuna takes a second to load.
        from sim.explore.sweep.searching import Searcher

        plan, keys = self._plan, []
        watch = _Watch(plan.search.points * len(plan.subjects), progress)

        def rows(points: Sequence[Point]) -> list[dict | None]:
            tasks = [self._task(point) for point in points]
            keys.extend(task.key for task in tasks)
            self._stored.begin(keys, {})
            self._measure(tasks, say, watch)
            found = {row["key"]: row for row in self._stored.rows()}
            return [found.get(task.key) for task in tasks]

        for subject in plan.subjects:
            Searcher(plan, subject).run(rows)

    def _measure(self, tasks: Sequence[Task], say, watch: "_Watch"):
        self.points |= {task.key: task.point for task in tasks}
        keeper = Keeper(self._stored, points=self.points, costs=self._costs)
        if self._retry:
            self._stored.forget_failed(task.key for task in tasks)
        missing = [task for task in tasks if task.key not in self._stored.known]
        watch.begin(len(tasks) - len(missing))
        if missing and not self._loaded:
            _load(self._subjects, say)
            say("measuring")
            self._loaded = True
        for done in self._engine.done(_in_order(missing), self._subjects, measure):
            keeper.take(done)
            watch.count(done)
        self.measured += len(missing)
        keeper.refresh()


def _synthesis(which: str | None, part: str | None):
    """What counts or estimates cells, where that is wanted."""
    if which is None and part is None:
        return None
    # Here, as the generator of gates comes with it.
    from sim.explore.sweep.synthesising import Estimates, Synthesis

    return Estimates(part) if which is None else Synthesis(which, part)


def _load(subjects: dict[str, Subject], say):
    """Fetch and train workloads here, before others look for them."""
    for subject in subjects.values():
        if subject.workload is not None:
            say(f"loading {subject.workload}")
            find_workload(subject.workload).load(say)


@contextmanager
def _engine(scheduler: str | None, jobs: int) -> Iterator:
    """What measures; a cluster has answered when there is one."""
    if scheduler is None:
        yield Processes(jobs)
        return
    # Here, as it is a package of its own.
    from sim.explore.sweep.cluster import Cluster

    with Cluster(scheduler) as cluster:
        yield cluster


def _in_order(tasks: Sequence[Task]) -> list[Task]:
    """The tasks, those that share a run of the network one after the other.

    Before them one for each way to quantise, so that no two processes quantise the same at once.
    """
    places: dict[tuple, int] = {}
    firsts: dict[tuple, str] = {}
    for task in tasks:
        places.setdefault(functional(task.point), len(places))
        firsts.setdefault(formats(task.point), task.key)
    first = set(firsts.values())
    return sorted(tasks, key=lambda task: (task.key not in first, places[functional(task.point)]))


class _Watch:
    """Tells how far a sweep is."""

    def __init__(self, total: int, tell: Callable[[Progress], None]):
        self._total, self._done, self._failed, self._tell = total, 0, 0, tell
        self._begin, self._here = time.monotonic(), 0

    def begin(self, known: int):
        """So many more points are known from before."""
        self._done += known
        self._say()

    def count(self, done: Done):
        """One more."""
        self._here += 1
        failed = done.figures is None
        self._failed += failed
        self._done += not failed
        self._say()

    def _say(self):
        state = {"done": self._done, "failed": self._failed, "total": self._total}
        rate, left = self._here / max(time.monotonic() - self._begin, 1e-9), None
        if self._here:
            left = (self._total - self._done - self._failed) / rate
        self._tell(Progress(**state, rate=rate, left=left))


def rows_csv(rows: Sequence[dict]) -> bytes:
    """The table, with columns that say which rows are on a front, and which are no worse.

    ``front_COST`` and ``near_COST`` for each cost of ``AXES``, see ``fronts_of``.
    """
    # What was done is for estimates of energy; its sum is in the table.
    marked = [{k: v for k, v in row.items() if k != "work"} for row in fronts_of(rows, AXES)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(marked[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(marked)
    return text.getvalue().encode()
