import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from sim.explore.kept import Kept, measure_missing, measured
from sim.networks.network import NetworkError


@dataclass(frozen=True)
class Point:
    """What is measured."""

    number: int


POINTS = [Point(number) for number in range(4)]


def _sentence(call, *arguments, error=NetworkError):
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value)


def _measure(path, points, seen, key="k"):
    def square(point):
        seen.append(point.number)
        return {"square": point.number**2}

    options = {"jobs": 1, "load": lambda: seen.append("load"), "progress": lambda *_: None}
    return measure_missing(path, key, points, square, **options)


def test_what_was_measured_is_not_measured_again(tmp_path):
    path, seen = tmp_path / "new" / "points.jsonl", []
    assert _measure(path, POINTS[:2], seen) == [{"square": 0}, {"square": 1}]
    assert _measure(path, [*POINTS, POINTS[0]], seen)[2:] == [
        {"square": 4},
        {"square": 9},
        {"square": 0},
    ]
    assert _measure(path, POINTS, seen)[3] == {"square": 9}
    assert seen == ["load", 0, 1, "load", 2, 3]
    assert _measure(path, POINTS[:1], seen, key="other") == [{"square": 0}]
    assert seen[6:] == ["load", 0]


def test_a_line_cut_short_is_measured_again(tmp_path):
    path, seen = tmp_path / "points.jsonl", []
    _measure(path, POINTS, seen)
    path.write_bytes(path.read_bytes()[:-10])
    _measure(path, POINTS, seen)
    assert seen[5:] == ["load", 3] and len(path.read_text().splitlines()) == 4


@pytest.mark.parametrize("change", [{"result": {"square": 5}}, {"check": None}, {"key": [1]}])
def test_a_damaged_line_is_measured_again(tmp_path, change):
    path, seen = tmp_path / "points.jsonl", []
    _measure(path, POINTS, seen)
    lines = path.read_text().splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | change)
    path.write_text("\n".join(lines) + "\n")
    assert _measure(path, POINTS, seen)[2] == {"square": 4}
    assert seen[5:] == ["load", 2]


@pytest.mark.parametrize("text", ["notes\n", "no end", '{"a": 1}\n', "[" * 5000 + "\n", "3\n"])
def test_another_kind_of_file_is_refused_and_stays(tmp_path, text):
    path = tmp_path / "points.jsonl"
    path.write_text(text)
    expected = f"{path} is not the file of a sweep, or is damaged"
    assert _sentence(_measure, path, POINTS, []) == expected
    assert path.read_text() == text


def test_a_full_disk_names_the_file_and_loses_nothing(tmp_path, monkeypatch):
    path, seen = tmp_path / "points.jsonl", []
    _measure(path, POINTS[:2], seen)
    kept = Kept(path, "k")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("sim.explore.kept.os.fsync", full)
        sentence = _sentence(kept.keep, POINTS[2], {"square": 4}, error=OSError)
    assert sentence == f"{path} cannot be written: No space left on device"
    assert len(_measure(path, POINTS, seen)) == 4


def test_a_process_that_was_killed_is_a_sentence():
    # Of all functions that other processes can import, this one ends them.
    sentence = _sentence(lambda: list(measured(os._exit, [1, 2, 3], 2)))
    assert sentence == (
        "a process that measured was killed, perhaps because memory was short; what was measured "
        "is kept, and --jobs takes fewer processes"
    )


SWEEP = """
import os, sys, time
from dataclasses import dataclass

@dataclass(frozen=True)
class Point:
    number: int

def wait(point):
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    from sim.explore.kept import measured
    list(measured(wait, [Point(1), Point(2)], 2))
"""


def _running(number):
    """Whether a process is there and has not ended."""
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_one_that_started_them(tmp_path, how):
    script = tmp_path / "sweep.py"
    script.write_text(SWEEP)
    command = [sys.executable, script]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    pipes = {"stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command, **pipes) as process:
        workers = [int(process.stdout.readline()) for _ in range(2)]
        assert all(map(_running, workers))
        process.send_signal(how)
        # The pipe's end is reached when nobody is left who could write to it.
        process.stdout.read()
        process.wait()
    assert not any(map(_running, workers))
