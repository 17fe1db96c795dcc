"""The notebooks run from beginning to end, say what their text says, and a type checker passes."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "docs" / "notebooks"

SAYS = {
    "ten_minutes": (
        "same bits as before: True",
        "gates and model agree on every bit: True",
        "refrain_tiny.v: ",
    ),
    "left_out": (
        "exact delta gives the scores of normal mode: True",
        "within the budget on data that it has not seen: True",
    ),
}
"""Of each notebook, what it must say."""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What a notebook prints when it runs as a program, with warnings as errors; and its folder."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            paths = os.pathsep.join([str(ROOT), str(ROOT / "sim" / "api")])
            environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": paths}
            command = [sys.executable, "-W", "error", str(NOTEBOOKS / f"{name}.py")]
            ended = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True
            )
            assert ended.returncode == 0, ended.stderr
            done[name] = ended.stdout, folder
        return done[name]

    return run


def _number(text, pattern):
    """The one number that ``pattern`` finds."""
    (found,) = re.findall(pattern, text)
    return float(found)


def test_every_notebook_is_here():
    assert {path.stem for path in NOTEBOOKS.glob("*.py")} == SAYS.keys()


@pytest.mark.parametrize("name", SAYS)
def test_a_notebook_says_what_it_must(said, name):
    for sentence in SAYS[name]:
        assert sentence in said(name)[0]


def test_ten_minutes_lose_no_accuracy_and_leave_work_out(said):
    text, folder = said("ten_minutes")
    real = _number(text, r"accuracy in floating point: ([\d.]+)")
    assert abs(_number(text, r"accuracy in integers: ([\d.]+)") - real) <= 0.02 and real > 0.7
    assert _number(text, r"and (\d+) MACs") == 4 * 24 * (6 + 24)
    assert _number(text, r"MACs left out: (\d+)%") > 20
    counts = re.findall(r"cycles: (\d+) simulated, (\d+) by the model", text)
    assert counts and counts[0][0] == counts[0][1]
    assert (folder / "ten_minutes" / "cycles.png").stat().st_size > 1000


def test_larger_thresholds_leave_more_out(said):
    text, folder = said("left_out")
    shares = [int(found) for found in re.findall(r"threshold.*, (\d+)% of the MACs", text)]
    assert len(shares) == 7 and shares == sorted(shares) and shares[-1] > 80
    assert _number(text, r"tuned: .*, (\d+)% left out") > _number(text, r"delta: .*, (\d+)% of")
    scores = [float(found) for found in re.findall(r"threshold.*accuracy ([\d.]+)", text)]
    assert scores[0] > scores[-1]
    assert (folder / "left_out" / "settings.json").is_file()


@pytest.mark.parametrize("name", SAYS)
def test_a_notebook_is_text_and_code_by_turns(name):
    cells = jupytext.read(NOTEBOOKS / f"{name}.py").cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert cells[-1].cell_type == "markdown"
    kinds = [cell.cell_type for cell in cells]
    assert "code" in kinds and ("code", "code") not in pairwise(kinds)


def test_a_type_checker_passes():
    paths = sorted(str(path.relative_to(ROOT)) for path in NOTEBOOKS.glob("*.py"))
    command = [sys.executable, "-m", "mypy", "--no-incremental", *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
