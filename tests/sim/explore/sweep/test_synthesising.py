"""Cells of the machines of a sweep: those of the front, each once, beside a part."""

import pytest
from tests_sweep_stub import PLAN, stub

from hw.config import ConfigError
from sim.explore.sweep import running, synthesising
from sim.explore.sweep.plan import plan_of
from sim.explore.sweep.running import sweep
from sim.networks.network import NetworkError

MACHINES = {**PLAN, "config": {"base": "tiny", "cell_lanes": [1, 4], "clock_mhz": [50, 100]}}


@pytest.fixture
def counted(monkeypatch):
    """Machines whose cells a stand-in for Yosys counts; points cost nothing."""
    monkeypatch.setattr(running, "measure", stub)
    monkeypatch.setattr(running, "_load", lambda subjects, say: None)
    seen = []

    def count(configs, say, family):
        seen.extend(configs)
        return [
            {"lut": 9000 * each.cell_lanes, "ff": 10000, "dsp": 25, "bram": 24.5}
            for each in configs
        ]

    monkeypatch.setattr(synthesising, "machine_cells", count)
    return seen


def test_machines_of_the_front_are_counted_once(counted, tmp_path):
    found = sweep(plan_of(MACHINES), tmp_path / "out", synthesise="front", part="xc7z010")
    assert sorted(config.cell_lanes for config in counted) in ([1], [1, 4])
    known = [row for row in found.rows if row["lut"] is not None]
    assert 0 < len(known) < len(found.rows)
    for row in known:
        assert row["lut"] == 9000 * row["cell_lanes"]
        assert row["fits"] is (row["lut"] <= 17_600)
        assert row["part"] == "xc7z010"


def test_all_machines_can_be_counted_later(counted, tmp_path):
    sweep(plan_of(MACHINES), tmp_path / "out")
    assert not counted
    found = sweep(plan_of(MACHINES), tmp_path / "out", synthesise="all")
    assert found.measured == 0
    assert sorted(config.cell_lanes for config in counted) == [1, 4]
    assert {row["fits"] for row in found.rows} == {None}
    assert all(row["lut"] for row in found.rows)


def test_a_choice_or_a_part_that_is_not_there_is_one_sentence(counted, tmp_path):
    with pytest.raises(NetworkError, match=r"^--synthesise takes front or all, not some$"):
        sweep(plan_of(PLAN), tmp_path / "out", synthesise="some")
    with pytest.raises(ConfigError, match=r"^there is no part xc9; the parts are "):
        sweep(plan_of(PLAN), tmp_path / "out", synthesise="all", part="xc9")
    with pytest.raises(ConfigError, match=r"^there is no part xc9; the parts are "):
        sweep(plan_of(PLAN), tmp_path / "out", part="xc9")
    assert not (tmp_path / "out").exists()


def test_a_part_without_synthesis_has_estimates_and_keeps_counts(counted, tmp_path, monkeypatch):
    def estimate(config, family):
        return {"lut": 9999, "ff": 1, "dsp": 1, "bram": 70 if config.cell_lanes == 4 else 1}

    monkeypatch.setattr(synthesising, "estimated_cells", estimate)
    found = sweep(plan_of(MACHINES), tmp_path / "out", part="xc7z010")
    assert not counted
    assert {row["cells_from"] for row in found.rows} == {"estimate"}
    assert all(row["fits"] is (row["cell_lanes"] == 1) for row in found.rows)

    sweep(plan_of(MACHINES), tmp_path / "out", synthesise="front")
    found = sweep(plan_of(MACHINES), tmp_path / "out", part="xc7z020")
    assert {row["cells_from"] for row in found.rows} == {"estimate", "Yosys"}
    for row in found.rows:
        assert (row["lut"] == 9999) is (row["cells_from"] == "estimate")

    # What was counted in one family says nothing of another.
    found = sweep(plan_of(MACHINES), tmp_path / "out", part="lfe5u-85f")
    assert {row["cells_from"] for row in found.rows} == {"estimate"}
