"""The table of families and levels: what is measured, what is kept, how it is shown."""

import pytest

from sim.explore.multipliers import table as tables
from sim.explore.multipliers.table import Conditions, multiplier_table
from sim.explore.multipliers.text import front_names, markdown, shown_rows, table_picture
from sim.networks.network import NetworkError

NAMES = ("exact-tree", "truncated:5", "rounded:4", "constant", "dsp-pair")


@pytest.fixture
def table(liberty, tmp_path, monkeypatch):
    """Makes the table from made-up measurements; gives the rows and the tasks that were done."""
    done = []

    def measure(task, liberty):
        done.append(task)
        if task.kind == "luts":
            return {"all": 90, "level_0": 80, "level_1": 70}
        if task.kind == "energy":
            own = NAMES.index(task.name)
            return {mode: [40.0 + own, 30.0 + own] for mode in tables.MODES}
        score = 0.9 - 0.1 * task.level
        score -= 0.05 * (task.mode == "delta" and task.level > 0)
        return {
            "metric": "accuracy",
            "score": score,
            "standard_error": 0.01,
            "bytes_avoided_share": 0.5,
        }

    class Nothing:
        def load(self, say):
            return self

    monkeypatch.setattr(tables, "measure", measure)
    monkeypatch.setattr(tables, "find_workload", lambda name: Nothing())

    def make(names=NAMES, workloads=("digits", "vowels"), **conditions):
        conditions = Conditions(**{"liberty": liberty, **conditions})
        before = len(done)
        rows = multiplier_table(names, workloads, conditions, tmp_path / "kept")
        return rows, done[before:]

    return make


def test_every_level_has_a_row(table):
    rows, _ = table()
    assert [(row["multiplier"], row["level"]) for row in rows] == [
        ("exact-tree", 0),
        ("truncated:5", 0),
        ("truncated:5", 1),
        ("rounded:4", 0),
        ("rounded:4", 1),
        ("constant", 0),
        ("constant", 1),
        ("dsp-pair", 0),
    ]
    assert [row["in_delta"] for row in rows[1:7:2]] == ["safe", "safe", "safe"]
    inexact = [row["in_delta"] for row in rows[2:7:2]]
    assert inexact == ["with normal steps", "safe", "refused"]
    cut = rows[2]
    assert (cut["luts"], cut["luts_all_levels"]) == (70, 90)
    assert (cut["pj_normal"], cut["pj_delta"]) == (31.0, 31.0)
    assert cut["scores"]["vowels"]["delta"]["score"] == pytest.approx(0.75)
    # Two lanes that share a block have nothing of their own.
    assert rows[-1]["luts"] is rows[-1]["pj_normal"] is None


def test_exact_levels_are_scored_once_and_what_is_kept_is_not_measured_again(table):
    _, done = table()
    scores = [task for task in done if task.kind == "score"]
    # Exact, and three inexact levels, on two workloads in two modes.
    assert len(scores) == 4 * 2 * 2
    assert sum(task.kind == "energy" for task in done) == 4
    assert table()[1] == []
    again = table(threshold=6)[1]
    assert {task.mode for task in again if task.kind == "score"} == {"delta"}
    assert sum(task.kind == "energy" for task in again) == 4
    assert not any(task.kind == "luts" for task in again)


def test_an_interruption_keeps_what_is_done(table, monkeypatch):
    original, left = tables.measure, [5]

    def interrupted(task, liberty):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return original(task, liberty)

    monkeypatch.setattr(tables, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        table()
    monkeypatch.setattr(tables, "measure", original)
    rows, done = table()
    assert len(done) == 4 + 4 + 16 - 5 and len(rows) == 8


def test_the_front_holds_what_none_beats_and_nothing_refused(table):
    rows, _ = table()
    assert front_names(rows, "vowels", "normal") == [("truncated:5", 1), ("exact-tree", 0)]
    for row in rows:
        if row["name"].endswith("plus 32"):
            row |= {"pj_normal": 1.0, "pj_delta": 1.0}
    assert front_names(rows, "vowels", "delta") == [("truncated:5", 1), ("exact-tree", 0)]
    assert front_names(rows, "vowels", "normal")[0] == ("constant", 1)


def test_the_document_says_what_was_measured(table):
    rows, _ = table()
    conditions = Conditions(threshold=7, normal_every=32)
    text = markdown(rows, conditions, "osu018", "p.png")
    assert "gates of osu018" in text and "events above 7" in text and "every 32 steps" in text
    assert "accuracy of `vowels` (±0.010)" in text and "(p.png)" in text
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(lines) == len(rows)
    assert lines[2] == (
        "| `truncated:5` | columns < 5 | 31.0 | 31.0 | 70 | 90 | with normal steps "
        "| **0.800** | **0.750** | **0.800** | **0.750** |"
    )
    assert "(0.750)" in lines[6] and "| - | - | - | - | safe |" in lines[7]
    assert "not measured: no cell library" in markdown(rows, conditions, "", "")
    assert len({len(row) for row in shown_rows(rows)}) == 1


def test_the_picture_has_a_panel_for_each_workload_and_mode(table):
    rows, _ = table()
    assert table_picture(rows).startswith(b"\x89PNG")


def test_without_a_library_no_energy_is_measured(table):
    rows, done = table(liberty=None)
    assert not any(task.kind == "energy" for task in done)
    assert all(row["pj_normal"] is None for row in rows)


def test_a_multiplier_that_there_is_not_is_refused(table):
    with pytest.raises(NetworkError, match="there is no multiplier best"):
        table(names=("best",))


@pytest.mark.slow
def test_real_measurements_are_those_of_the_other_commands(liberty, tmp_path):
    (exact, cut) = multiplier_table(
        ["truncated:5"], ["vowels"], Conditions(liberty=liberty), tmp_path / "kept"
    )
    assert cut["luts"] < exact["luts"] <= exact["luts_all_levels"]
    assert 0 < cut["pj_delta"] < exact["pj_delta"]
    scores = exact["scores"]["vowels"]
    assert scores["normal"]["score"] > 0.9 and scores["delta"]["bytes_avoided_share"] > 0.3
