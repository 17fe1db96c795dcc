"""Sweeps that are killed: what is done stays, and nothing is measured twice."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests_sweep_stub import COUNT, PLAN, stub

from sim.explore.sweep.combining import combine
from sim.explore.sweep.engine import Processes, Task
from sim.explore.sweep.plan import plan_of
from sim.explore.sweep.running import sweep
from sim.explore.sweep.store import read_results
from sim.networks.network import NetworkError

SCRIPT = """
import sys
from pathlib import Path

sys.path[:0] = [sys.argv[3]]
import tests_sweep_stub
from sim.explore.sweep import running
from sim.explore.sweep.plan import plan_of

running.measure = tests_sweep_stub.stub
running._load = lambda subjects, say: None
print("begun", flush=True)
running.sweep(plan_of(tests_sweep_stub.PLAN), Path(sys.argv[1]), jobs=int(sys.argv[2]))
"""


@pytest.fixture
def quiet(monkeypatch):
    """Points that cost nothing, of a workload that is not loaded."""
    from sim.explore.sweep import running

    monkeypatch.setattr(running, "measure", stub)
    monkeypatch.setattr(running, "_load", lambda subjects, say: None)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """The file in which the stub writes down what it measures."""
    path = tmp_path / "log"
    monkeypatch.setenv("SWEEP_STUB_LOG", str(path))
    return path


def _run(folder, jobs, delay=None):
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(jobs), here]
    paths = os.pathsep.join([os.getcwd(), here])
    environment = {**os.environ, "PYTHONPATH": paths}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    with process:
        process.stdout.readline()
        if delay is None:
            assert process.wait(120) == 0
            return
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)


def _measured(log):
    return Counter(log.read_text().split()) if log.exists() else Counter()


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_sweep_that_is_killed_at_any_moment_loses_and_repeats_nothing(tmp_path, log, kills):
    folder, rng = tmp_path / "out", random.Random(5)
    for _ in range(kills):
        before = set(_kept(folder))
        _run(folder, 1, delay=rng.uniform(0, 0.5))
        assert before <= set(_kept(folder))
    _run(folder, 2)
    rows, failed, _, _ = read_results(folder)
    assert len(rows) == COUNT and not failed
    assert len({row["key"] for row in rows}) == COUNT
    # At a kill one point may have been measured and not kept.
    assert sum(_measured(log).values()) <= COUNT + kills
    again = sum(_measured(log).values())
    _run(folder, 1)
    assert sum(_measured(log).values()) == again


def _kept(folder):
    path = folder / "results.db"
    if not path.exists():
        return []
    connection = sqlite3.connect(path)
    try:
        return [key for (key,) in connection.execute("SELECT key FROM points")]
    except sqlite3.OperationalError:
        # Killed before the tables were made.
        return []
    finally:
        connection.close()


def test_the_same_plan_computes_nothing_twice(tmp_path, quiet, log):
    plan = plan_of(PLAN)
    first = sweep(plan, tmp_path / "out")
    again = sweep(plan, tmp_path / "out")
    assert (first.measured, again.measured) == (COUNT, 0)
    assert again.rows == first.rows
    assert set(_measured(log).values()) == {1}


def test_results_of_another_plan_are_refused_before_anything_runs(tmp_path, quiet, log):
    sweep(plan_of(PLAN), tmp_path / "out")
    other = plan_of({**PLAN, "modes": {"mode": "normal"}})
    with pytest.raises(NetworkError) as caught:
        sweep(other, tmp_path / "out")
    assert str(caught.value) == (
        f"{tmp_path / 'out' / 'results.db'} holds {COUNT} points of another plan: name another "
        f"folder, or give --extend to keep them and add those of this plan"
    )
    assert len(sweep(other, tmp_path / "out", extend=True).rows) == 1
    assert sum(_measured(log).values()) == COUNT + 1


def test_rows_come_in_the_order_of_the_plan_wherever_they_were_measured(tmp_path, quiet, log):
    one = sweep(plan_of(PLAN), tmp_path / "one")
    two = sweep(plan_of(PLAN), tmp_path / "two", jobs=2)
    for row in (*one.rows, *two.rows):
        del row["seconds"]
    assert one.rows == two.rows


def test_a_process_that_is_killed_costs_the_time_of_a_point(tmp_path, log, monkeypatch):
    monkeypatch.setenv("SWEEP_STUB_KILL", str(tmp_path / "killed"))
    plan = plan_of(PLAN)
    points = combine(plan)[:12]
    tasks = [Task(key=str(number), point=point) for number, point in enumerate(points)]
    subjects = {subject.name: subject for subject in plan.subjects}
    done = list(Processes(2).done(tasks, subjects, stub))
    assert (tmp_path / "killed").exists()
    assert sorted(each.key for each in done) == sorted(task.key for task in tasks)
    assert not [each.error for each in done if each.error]


def test_a_point_whose_process_is_always_killed_fails_alone(tmp_path, log, monkeypatch):
    monkeypatch.setenv("SWEEP_STUB_KILL", "always")
    plan = plan_of(PLAN)
    points = combine(plan)[:6]
    tasks = [Task(key=str(number), point=point) for number, point in enumerate(points)]
    subjects = {subject.name: subject for subject in plan.subjects}
    failed = [each for each in Processes(2).done(tasks, subjects, stub) if each.error]
    assert 1 <= len(failed) <= 4
    assert "was killed 3 times" in failed[0].error


def test_a_search_finds_the_front_within_its_budget_and_goes_on(tmp_path, quiet, log):
    search = {"points": 24, "objectives": ["score", "macs"], "seed": 1}
    plan = plan_of({**PLAN, "search": search})
    found = sweep(plan, tmp_path / "out")
    assert len(found.rows) == found.measured == 24
    again = sweep(plan, tmp_path / "out")
    assert again.measured == 0 and again.rows == found.rows
    # On other processes, and interrupted in between, it chooses the same points.
    connection = sqlite3.connect(tmp_path / "out" / "results.db")
    with connection:
        connection.execute("DELETE FROM points WHERE rowid % 3 = 0")
    connection.close()
    third = sweep(plan, tmp_path / "out", jobs=2)
    assert third.measured == 8
    assert [row["key"] for row in third.rows] == [row["key"] for row in found.rows]


def test_a_search_ends_when_there_are_no_other_points(tmp_path, quiet, log):
    search = {"points": 500, "objectives": ["macs"]}
    assert len(sweep(plan_of({**PLAN, "search": search}), tmp_path / "out").rows) == COUNT
