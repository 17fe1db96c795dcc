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
    "which_multiplier": (
        "refused: level 1 (columns < 6, plus 64) of configuration tiny cannot be used in delta",
        "refused: level 2 (columns < 6) of configuration tiny can be used in delta mode only with",
    ),
    "test_bench": (
        "register 0 reads 0x4e524652",
        "gates and model agree on every bit: True",
        "latency 300: bits right: True",
        "random gaps: bits right: True",
        "small window: the accelerator reports OUTSIDE",
        "no descriptor: the accelerator reports BAD_DESCRIPTOR",
        "busy after a soft reset: False",
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


def test_errors_gather_where_nothing_clears_them(said):
    text, folder = said("which_multiplier")
    found = re.findall(
        r"^(\w+)[^,]*, (.*?) +first 32 steps ([\d.]+), last .* ([\d.]+)$", text, re.M
    )
    growth = {(name, how): float(late) / float(early) for name, how, early, late in found}
    assert growth["constant", "never cleared"] > 2 and growth["truncated", "never cleared"] > 2
    assert growth["truncated", "cleared every 32 steps"] < 1.5
    assert growth["rounded", "never cleared"] < 1.5
    exact = re.findall(r"products +(\d+) dB, network +(\d+) dB", text)
    assert len(exact) == 8 and all(int(network) > 10 for _, network in exact)
    assert (folder / "which_multiplier" / "delta.png").is_file()


def test_only_long_latencies_cost_cycles(said):
    text, _ = said("test_bench")
    rows = re.findall(r"latency +(\d+): bits right: True, cycles (\d+), broken rules (\d+)", text)
    cycles = [int(count) for _, count, _ in rows]
    assert len(rows) == 5 and cycles == sorted(cycles) and {broken for *_, broken in rows} == {"0"}
    assert cycles[2] < 1.1 * cycles[0] and cycles[-1] > 1.5 * cycles[0]


def test_the_bench_of_the_text_passes_in_icarus(said):
    _, folder = said("test_bench")
    text = "\n".join(cell.source for cell in jupytext.read(NOTEBOOKS / "test_bench.py").cells)
    bench, simulate = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    work = folder / "test_bench"
    (work / "own_bench.py").write_text(bench)
    (work / "simulate.py").write_text(simulate)
    done = subprocess.run(
        [sys.executable, "simulate.py"], cwd=work, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"TESTS=1 PASS=1 FAIL=0", done.stdout + done.stderr)


@pytest.mark.parametrize("name", SAYS)
def test_a_notebook_is_text_and_code_by_turns(name):
    cells = jupytext.read(NOTEBOOKS / f"{name}.py").cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert cells[-1].cell_type == "markdown"
    kinds = [cell.cell_type for cell in cells]
    assert "code" in kinds and ("code", "code") not in pairwise(kinds)


def test_a_type_checker_passes_notebooks_and_what_they_import():
    # Together: most of its time goes into what both import.
    paths = sorted(str(path.relative_to(ROOT)) for path in NOTEBOOKS.glob("*.py"))
    command = [sys.executable, "-m", "mypy", "--no-incremental", "sim/api/refrain", *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
