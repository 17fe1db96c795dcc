"""The energy of a sweep's products, measured with a cell library."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from hw.multipliers.exact import Exact
from sim.explore.energy.coefficients import Coefficients, write_coefficients
from sim.explore.machine_values import values_of
from sim.explore.multipliers.cost import liberty_cost
from sim.explore.sweep import running as sweeping
from sim.explore.sweep.combining import combine
from sim.explore.sweep.measuring import measure
from sim.explore.sweep.ran import ran
from sim.explore.sweep.running import sweep
from sim.explore.sweep.search import Search
from sim.explore.sweep.short import short_plan
from sim.explore.sweep.subjects import Subject
from sim.model.backend import ModelBackend
from sim.networks.network import NetworkError


@pytest.fixture
def plan(tmp_path):
    """An exact and an approximate level of 4-bit weights, on a network of 2 inputs, 4 units."""
    rng = np.random.default_rng(4)
    shapes = {"weight_ih_l0": (16, 2), "weight_hh_l0": (16, 4), "bias_ih_l0": 16, "bias_hh_l0": 16}
    network, data = tmp_path / "net.safetensors", tmp_path / "x.npy"
    save_file({k: rng.normal(0, 0.4, v).astype(np.float32) for k, v in shapes.items()}, network)
    np.save(data, rng.normal(size=(4, 9, 2)).astype(np.float32))
    return short_plan(
        Subject(name="net", network=str(network), data=str(data), metric="sqnr"),
        base=CONFIGS["small"],
        weight_bits=[4],
        multipliers=["truncated:3"],
        normal_every=4,
    )


def test_products_take_the_energy_that_the_library_says(plan, liberty, tmp_path):
    rows = sweep(plan, tmp_path / "out", liberty=liberty).rows
    multiplier = find_multiplier("truncated:3", 4)
    lane = [row["energy_pj"] for row in liberty_cost(multiplier, liberty, [0, 1], None, 0)]
    assert len(rows) == 3 and lane[0] != lane[1]
    for row in rows:
        assert row["mac_pj"] == lane[row["level"]]
        assert row["products_pj"] == row["macs"] * row["mac_pj"]
    # Without the library nobody knows; rows that are kept say so.
    again = sweep(plan, tmp_path / "out")
    assert again.measured == 0
    assert {row["mac_pj"] for row in again.rows} == {None}


@pytest.fixture
def coefficients(tmp_path):
    """Writes a file of a machine on which an operation takes 2 pJ and a cycle 0.5 pJ."""

    def written(config):
        path = tmp_path / "energy.json"
        made = Coefficients(
            config=values_of(config),
            work={"lanes": {"gates": {"operation": 2.0}}},
            idle={"lanes": {"clock": 0.5}},
            leakage={"lanes": 0.0},
            clock_mhz=100.0,
            origin={"library": "small", "volts": 1.2, "mapped_for_mhz": 100.0},
            errors={},
        )
        write_coefficients(path, made)
        return path

    return written


def test_energy_is_that_of_the_machine_that_was_measured(plan, coefficients, tmp_path):
    first, *_, last = combine(plan)
    assert first.config == last.config
    rows = sweep(plan, tmp_path / "out", energy=[coefficients(first.config)]).rows
    normal = next(row for row in rows if row["mode"] == "normal")
    # One block of six columns, and no weight but resident ones.
    assert normal["energy_pj"] == pytest.approx(6 * 2.0 + normal["cycles"] * 0.5)
    assert normal["dram_pj"] == 64 * (8 + 8)
    # The file of another machine says nothing about this one.
    other = coefficients(replace(first.config, weight_words=77))
    again = sweep(plan, tmp_path / "out", energy=[other])
    assert again.measured == 0 and {row["energy_pj"] for row in again.rows} == {None}


def test_a_search_for_an_energy_that_nobody_knows_is_refused(plan, tmp_path):
    search = Search(points=2, objectives=("score", "energy_pj"))
    with pytest.raises(NetworkError, match="without --energy the energy of no machine is known"):
        sweep(replace(plan, search=search), tmp_path / "out")


def test_a_library_that_cannot_be_used_is_refused_before_any_work(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "measure", None)
    with pytest.raises(NetworkError, match=r"none.lib must be a Liberty file of a cell library"):
        sweep(plan, tmp_path / "out", liberty=tmp_path / "none.lib")


@pytest.mark.parametrize("bits", [8, 16])
def test_bytes_of_a_step_are_those_of_the_counters(plan, bits):
    point = combine(replace(plan, base=replace(CONFIGS["small"], weight_words=1)))[0]
    point = replace(point, config=replace(point.config, act_width=bits, multiplier=Exact()))
    (subject,) = plan.subjects
    found = measure(subject, point)
    done = ran(subject, point)
    (network,) = [steps.network for steps in done.steps]
    shape = (1, 10, network.layers[0].input_size)
    x = np.ones(shape, network.layers[0].directions[0].x.dtype)
    few, many = (
        ModelBackend(point.config).run(network, x[:, :steps], modes=point.modes()).counts
        for steps in (5, 10)
    )
    assert found["resident_share"] == 0
    assert found["dram_read_bytes"] == (many.read_bytes - few.read_bytes) / 5
    assert found["dram_write_bytes"] == (many.write_bytes - few.write_bytes) / 5


def test_figures_of_a_step_add_up(plan, tmp_path):
    rows = sweep(plan, tmp_path / "out").rows
    normal = next(row for row in rows if row["mode"] == "normal")
    assert normal["macs"] == 4 * 4 * (2 + 4)
    # 32 lanes of 4 bits are a word of 16 bytes, one block, all of it resident.
    assert normal["bytes"] == normal["sram_bytes"] == normal["load_bytes"] == 16 * (2 + 4)
    assert normal["resident_share"] == 1
    assert (normal["dram_read_bytes"], normal["dram_write_bytes"]) == (8, 8)
    assert normal["steps_per_s"] == pytest.approx(1e6 / normal["step_us"])
    assert normal["step_us"] == pytest.approx(normal["cycles"] / 80)
