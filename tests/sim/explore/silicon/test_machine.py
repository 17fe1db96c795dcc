"""A whole machine in cells of the small library computes what the model does, in every mode."""

from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.silicon import measuring
from sim.explore.silicon.calibrating import calibrate
from sim.explore.silicon.measuring import (
    IDLE,
    MODES,
    GateBench,
    Task,
    measure_energy,
    run_modes,
)
from sim.explore.silicon.parts import PARTS, path_of
from sim.explore.silicon.report import make_silicon, open_process, silicon_figures
from sim.explore.silicon.simulating import GateSimulator
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError

pytestmark = pytest.mark.slow

SMALL = replace(
    CONFIGS["tiny"], max_input=16, max_hidden=16, weight_words=64, stream_words=32, burst_beats=8
)


@pytest.fixture(scope="module")
def silicon(tmp_path_factory, write_cells, write_memories):
    folder = tmp_path_factory.mktemp("process")
    fast, slow = (write_cells(folder / f"cells_{k}.lib", k) for k in (1, 2))
    # One port and two; the deep one is cheaper by area, and the others by energy.
    memories = write_memories(
        folder / "memories",
        (32, 64, 1, {"area": 150}),
        (32, 32, 2, {"area": 600}),
        (256, 32, 2, {"area": 800, "energy": 9.0}),
    )
    process = open_process(fast, slow, memories, clock_mhz=100.0)
    return make_silicon(SMALL, process)


@pytest.fixture(scope="module")
def task():
    network = random_network([5, 16], seed=3)
    x = random_codes(network, 1, 5, seed=4)
    # Some columns rest, so that delta mode has something to leave out.
    x[:, 3:, :3] = x[:, 2:3, :3]
    return Task("random", network, x)


@pytest.fixture(scope="module")
def bench(silicon):
    return GateBench(silicon, SMALL)


@pytest.fixture(scope="module")
def runs(bench, task):
    return run_modes(bench, task)


@pytest.fixture(scope="module")
def measured(bench, task, runs):
    return measure_energy(bench, task, runs)


def test_area_and_flip_flops_are_told_by_part(silicon):
    figures = silicon_figures(silicon)
    rows = {row["part"]: row for row in figures["parts"]}
    assert set(rows) == set(PARTS)
    assert all(row["area_um2"] > 0 for row in rows.values())
    assert rows["lanes"]["flip_flops"] and rows["lanes"]["memory_um2"] == 0
    # Operands, product and sum of each lane stop when nothing comes.
    assert rows["lanes"]["gated"] > 0.8 * rows["lanes"]["flip_flops"]
    assert figures["total"]["bits_left_out"] == 0
    weights = next(row for row in figures["memories"] if row["words"] == 96)
    assert weights["made_of"] == "2 x RAM1_32x64, 2 x RAM2_32x32"


def test_the_longest_path_stands_in_parts_of_the_machine(silicon):
    path = silicon_figures(silicon)["path"]
    assert path["ns"] > 1 and set(path["ns_by_part"]) <= set(PARTS)
    assert path["closes"] == (path["ns"] <= 10)


def test_every_bit_of_h_is_the_models(measured):
    # It would have stopped otherwise.
    assert [row["mode"] for row in measured["modes"]] == [*MODES, IDLE]


def test_less_work_takes_less_energy(measured):
    rows = {row["mode"]: row for row in measured["modes"]}
    assert rows["normal"]["products"] == 64 * 21
    assert rows["skip"]["products"] == 0 and rows["skip"]["pj_per_product"] is None
    # Random columns move so far that a difference costs more than a value: fewer products, no less
    # energy.
    assert rows["delta"]["products"] < rows["normal"]["products"]
    assert rows["skip"]["pj"] < min(rows["delta"]["pj"], rows["normal"]["pj"]) / 2
    assert rows[IDLE]["pj"] < rows["skip"]["pj"]
    for mode, parts in measured["parts"].items():
        assert sum(row["pj"] for row in parts) == pytest.approx(rows[mode]["pj"])


def test_a_netlist_that_computes_something_else_is_told(silicon, task, monkeypatch):
    class Broken(GateSimulator):
        def _describe(self, timing, seed):
            described = super()._describe(timing, seed)
            gates = [
                name for level in timing.gates.levels for group in level for name in group.names
            ]
            # A lane's own gates: without those beside them a run would not end.
            own = [path_of(name).endswith("array.lane_0") for name in gates]
            assert any(own)
            where = np.flatnonzero(own)
            # The tables follow the gates' inputs.
            self._arrays[1][where] = ~self._arrays[1][where]
            return described

    monkeypatch.setattr(measuring, "GateSimulator", Broken)
    with pytest.raises(NetworkError, match="values of h differ between the gates and the model"):
        run_modes(GateBench(silicon, SMALL), task)


def test_coefficients_are_tested_on_runs_that_took_no_part(bench, silicon, task, runs, monkeypatch):
    ran = []
    run = GateBench.run
    monkeypatch.setattr(
        GateBench,
        "run",
        lambda self, network, *a, **b: ran.append(network) or run(self, network, *a, **b),
    )
    found = calibrate(bench, silicon.process, [(task, runs)])
    assert all(each is not task.network for each in ran)
    tested = found.errors["tested"]
    assert [(row["network"], row["mode"]) for row in tested] == [("random", mode) for mode in MODES]
    # What was measured is the energy of the gates, without leakage.
    rows = {row["mode"]: row for row in measure_energy(bench, task, runs)["modes"]}
    for row in tested:
        steps = task.x.shape[1] - 2
        there = rows[row["mode"]]
        active = there["pj"] - there["leakage_pj"]
        assert row["measured_pj"] == pytest.approx(steps * active, rel=0.05)
        assert abs(row["error_percent"]) < 10
