"""The energy of a sweep's products, measured with a cell library."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from sim.explore.multipliers.cost import liberty_cost
from sim.explore.sweep import running as sweeping
from sim.explore.sweep.points import make_points
from sim.explore.sweep.running import Target, sweep
from sim.networks.network import NetworkError


@pytest.fixture
def target(tmp_path):
    """A network of 2 inputs and 4 hidden units, and samples of it."""
    rng = np.random.default_rng(4)
    shapes = {"weight_ih_l0": (16, 2), "weight_hh_l0": (16, 4), "bias_ih_l0": 16, "bias_hh_l0": 16}
    network, data = tmp_path / "net.safetensors", tmp_path / "x.npy"
    save_file({k: rng.normal(0, 0.4, v).astype(np.float32) for k, v in shapes.items()}, network)
    np.save(data, rng.normal(size=(4, 9, 2)).astype(np.float32))
    return Target(config=CONFIGS["small"], network=str(network), data=str(data), metric="sqnr")


@pytest.fixture
def points():
    """An exact and an approximate level, at weights of 4 bits."""
    return make_points(
        CONFIGS["small"],
        weight_bits=[4],
        activation_bits=[8],
        multipliers=["truncated:3"],
        levels=None,
        modes=["normal", "delta"],
        x_thresholds=[0],
        h_thresholds=[0],
        normal_every=4,
    )


def test_products_take_the_energy_that_the_library_says(target, points, liberty, tmp_path):
    rows = sweep(target, points, tmp_path / "out", liberty=liberty)
    multiplier = find_multiplier("truncated:3", 4)
    lane = [row["energy_pj"] for row in liberty_cost(multiplier, liberty, [0, 1], None, 0)]
    assert len(rows) == 3 and lane[0] != lane[1]
    for row in rows:
        assert row["mac_pj"] == lane[row["level"]]
        assert row["products_pj"] == row["macs"] * row["mac_pj"]


def test_a_library_that_cannot_be_used_is_refused_before_any_work(
    target, points, tmp_path, monkeypatch
):
    monkeypatch.setattr(sweeping, "measure", None)
    with pytest.raises(NetworkError, match=r"none.lib must be a Liberty file of a cell library"):
        sweep(target, points, tmp_path / "out", liberty=tmp_path / "none.lib")
