"""Sweeps on a Dask cluster of two worker processes on this computer."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests_sweep_stub import COUNT, PLAN, stub

from sim.explore.sweep.combining import combine
from sim.explore.sweep.engine import Processes, Task
from sim.explore.sweep.measuring import measure
from sim.explore.sweep.plan import plan_of
from sim.explore.sweep.store import read_results

HERE = str(Path(__file__).parent)

CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    options = {"n_workers": int(sys.argv[1]), "threads_per_worker": 1, "processes": True}
    with LocalCluster(**options, dashboard_address=None) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        print(cluster.scheduler_address, *pids, flush=True)
        sys.stdin.read()
"""

SWEEP = """
import json
import sys
from pathlib import Path

from hw.errors import UserError
from sim.explore.sweep import running
from sim.explore.sweep.plan import plan_of

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if given["stub"]:
        import tests_sweep_stub

        running.measure = tests_sweep_stub.stub
        running._load = lambda subjects, say: None
    try:
        running.sweep(plan_of(given["plan"]), Path(given["folder"]), scheduler=given["address"])
    except UserError as error:
        print(error)
        sys.exit(2)
"""


def _environment(**more):
    return {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), HERE]), **more}


def _cluster(tmp_path, workers, **more):
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, script, str(workers)]
    process = subprocess.Popen(command, **pipes, text=True, env=_environment(**more))
    address, *pids = process.stdout.readline().split()
    return process, address, [int(pid) for pid in pids]


def _end(process):
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


@pytest.fixture
def cluster(tmp_path):
    """Its address."""
    process, address, _ = _cluster(tmp_path, 2)
    yield address
    _end(process)


def _sweep(tmp_path, address, plan=PLAN, *, stub=True):
    import json

    script = tmp_path / "sweep.py"
    script.write_text(SWEEP)
    given = {"plan": plan, "folder": str(tmp_path / "out"), "address": address, "stub": stub}
    command = [sys.executable, str(script), json.dumps(given)]
    return subprocess.run(
        command, env=_environment(), capture_output=True, text=True, timeout=300, check=False
    )


@contextmanager
def _killing(log, pids):
    """End these processes when five points are done."""

    def kill():
        while not log.exists() or log.read_text().count("\n") < 5:
            time.sleep(0.02)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    yield
    killer.join()


@pytest.mark.slow
@pytest.mark.parametrize("killed", [1, 2])
def test_workers_that_are_killed_cost_the_time_of_a_point(tmp_path, killed):
    """Both at once take the only copies of what points need with them."""
    log = tmp_path / "log"
    process, address, pids = _cluster(tmp_path, 2, SWEEP_STUB_LOG=str(log))
    with _killing(log, pids[:killed]):
        done = _sweep(tmp_path, address)
    _end(process)
    assert done.returncode == 0, done.stdout + done.stderr
    rows, failed, points, _ = read_results(tmp_path / "out")
    assert (len(rows), failed) == (COUNT, [])
    # What this process gives is the same.
    plan = plan_of(PLAN)
    tasks = [Task(key=str(number), point=point) for number, point in enumerate(combine(plan))]
    subjects = {subject.name: subject for subject in plan.subjects}
    figures = [each.figures for each in Processes(1).done(tasks, subjects, stub)]
    assert [row["macs"] for row in rows] == [each["macs"] for each in figures]
    assert len(points) == COUNT


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_one_sentence_and_keeps_what_was_measured(tmp_path):
    log = tmp_path / "log"
    process, address, _ = _cluster(tmp_path, 2, SWEEP_STUB_LOG=str(log))
    with _killing(log, [process.pid]):
        done = _sweep(tmp_path, address)
    _end(process)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == (
        f"the scheduler at {address} has gone away; what was measured is kept, and the same "
        f"command goes on from there\n"
    )
    rows, failed, _, _ = read_results(tmp_path / "out")
    assert 1 <= len(rows) < COUNT
    assert failed == []


@pytest.mark.slow
def test_files_travel_to_workers_and_give_the_same_results(tmp_path, cluster):
    rng = np.random.default_rng(4)
    shapes = {"weight_ih_l0": (16, 2), "weight_hh_l0": (16, 4), "bias_ih_l0": 16, "bias_hh_l0": 16}
    network, data = tmp_path / "net.safetensors", tmp_path / "x.npy"
    metric = tmp_path / "metrics.py"
    save_file({k: rng.normal(0, 0.4, v).astype(np.float32) for k, v in shapes.items()}, network)
    np.save(data, rng.normal(size=(4, 9, 2)).astype(np.float32))
    metric.write_text("def size(outputs, labels):\n    return abs(outputs).mean()\n")
    subject = {"network": str(network), "data": str(data), "metric": f"{metric}:size"}
    plan = {"subject": subject, "config": {"base": "tiny", "cell_lanes": [1, 4]}}
    done = _sweep(tmp_path, cluster, plan, stub=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows, failed, _, _ = read_results(tmp_path / "out")
    assert (len(rows), failed) == (2, [])
    made = plan_of(plan)
    for row, point in zip(rows, combine(made), strict=True):
        own = measure(made.subjects[0], point)
        assert {name: row[name] for name in own} == own


def test_a_scheduler_that_does_not_answer_is_one_sentence(tmp_path):
    done = _sweep(tmp_path, "tcp://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == (
        "no Dask scheduler answers at tcp://127.0.0.1:9 within 10 s; start one with 'dask "
        "scheduler', or leave --scheduler out to measure on this computer\n"
    )
    assert not (tmp_path / "out" / "results.db").exists()


@pytest.mark.slow
def test_a_scheduler_without_workers_is_one_sentence(tmp_path):
    process, address, _ = _cluster(tmp_path, 0)
    done = _sweep(tmp_path, address)
    _end(process)
    assert done.returncode == 2
    assert done.stdout.startswith(f"the scheduler at {address} has no workers; start some with ")
