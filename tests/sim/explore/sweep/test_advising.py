"""A machine that is recommended fits its part, and no other one is better."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from hw.config import ConfigError
from sim.explore.machine_files import config_text, read_config
from sim.explore.sweep import advising, synthesising
from sim.explore.sweep.advising import advise
from sim.explore.sweep.energy import Coefficients
from sim.explore.sweep.plan import plan_of
from sim.explore.sweep.running import sweep
from sim.explore.sweep.subjects import Subject
from sim.networks.network import NetworkError


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A small network that is no workload, 5 inputs and 16 units, and a walk for it."""
    folder, rng = tmp_path_factory.mktemp("advised"), np.random.default_rng(4)
    shapes = {"weight_ih_l0": (64, 5), "weight_hh_l0": (64, 16)}
    shapes |= {"bias_ih_l0": 64, "bias_hh_l0": 64}
    values = {name: rng.normal(0, 0.4, size).astype(np.float32) for name, size in shapes.items()}
    save_file(values, folder / "net.safetensors")
    steps = rng.normal(0, 0.1, (6, 20, 5)) * (rng.random((6, 20, 1)) < 0.7)
    np.save(folder / "x.npy", np.cumsum(steps, axis=1).astype(np.float32))
    files = {"network": str(folder / "net.safetensors"), "data": str(folder / "x.npy")}
    return Subject(name="net", metric="sqnr", **files)


@pytest.fixture
def few(monkeypatch):
    """Few machines and settings, and cells that cost nothing."""

    def cells(config, family):
        return {"lut": 1000 * config.lanes, "ff": 1000, "dsp": 17 + config.lanes, "bram": 10}

    monkeypatch.setattr(advising, "_LANES", (8, 16, 32))
    monkeypatch.setattr(advising, "_THRESHOLDS", (0, 6))
    monkeypatch.setattr(synthesising, "estimated_cells", cells)


def test_what_is_recommended_fits_and_loses_no_more_than_the_budget(few, subject, tmp_path):
    strict = advise(subject, tmp_path, part="xc7z010", objective="latency")
    # 32 lanes take more LUTs than there are.
    assert (strict.config.lanes, strict.row["fits"]) == (16, True)
    assert strict.modes.layers[0].mode == "delta"
    assert strict.modes.layers[0].x_threshold == strict.modes.layers[0].h_threshold == 0
    normal = next(r for r in strict.rows if r["mode"] == "normal" and r["weight_bits"] == 8)
    assert strict.row["score"] == normal["score"]
    assert read_same(strict, tmp_path)

    loose = advise(subject, tmp_path, part="xc7z020", objective="latency", budget=10)
    assert loose.config.lanes == 32
    assert normal["score"] - 10 <= loose.row["score"] < normal["score"]
    assert loose.row["step_us"] < strict.row["step_us"]
    assert loose.row["key"] not in {row["key"] for row in loose.others}

    thrifty = advise(subject, tmp_path, part="xc7z020", budget=10)
    energies = [r["energy_estimate_pj"] for r in thrifty.rows if r["score"] >= normal["score"] - 10]
    assert thrifty.row["energy_estimate_pj"] == min(energies)


def read_same(found, folder):
    path = folder / "advised.toml"
    path.write_text(config_text(found.config))
    return read_config(path) == found.config


@pytest.mark.parametrize(
    "options, kind, sentence",
    [
        ({"part": "xc9"}, ConfigError, "there is no part xc9; "),
        ({"objective": "joy"}, NetworkError, "--objective takes energy, latency, steps, not joy"),
        ({"budget": -1.0}, NetworkError, "--budget must be a number of at least 0, not -1.0"),
    ],
)
def test_what_cannot_be_wanted_is_refused_before_anything_runs(
    subject, tmp_path, options, kind, sentence
):
    with pytest.raises(kind, match=f"^{sentence}"):
        advise(subject, tmp_path / "out", **{"part": "xc7z020", **options})
    assert not (tmp_path / "out").exists()


def test_a_part_that_is_too_small_is_said_with_what_is_short(few, subject, tmp_path, monkeypatch):
    cells = {"lut": 1, "ff": 1, "dsp": 67, "bram": 1}
    monkeypatch.setattr(synthesising, "estimated_cells", lambda config, family: cells)
    sentence = (
        r"^no machine fits xc7z007s: the one that comes nearest takes 67 of its 66 DSP; name a "
        r"larger part$"
    )
    with pytest.raises(NetworkError, match=sentence):
        advise(subject, tmp_path, part="xc7z007s")


def test_where_normal_mode_failed_the_recommendation_says_so():
    row = {"lanes": 8, "weight_words": 64, "weight_bits": 8, "cell_lanes": 1, "mode": "delta"}
    row |= {"metric": "sqnr", "score": 30.0, "step_us": 2.0, "fits": True}
    normal = {**row, "mode": "normal", "step_us": 7.0}
    assert advising._taken(advising._normal(row, [row, normal]), "step_us", "us") == "takes 7 us"
    missing = advising._normal(row, [row])
    assert advising._taken(missing, "step_us", "us") == "could not be measured"


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_the_recommended_is_on_the_front_of_an_exhaustive_sweep(subject, tmp_path, objective):
    found = advise(subject, tmp_path / "advice", part="xc7z010", objective=objective)
    thresholds = {"from": 0, "to": 6, "step": 3}
    sizes = {"max_input": 5, "max_hidden": 16, "bus_width": 64, "clock_mhz": 100.0}
    plan = {
        "subject": {"network": subject.network, "data": subject.data, "metric": "sqnr"},
        "config": {
            **{"base": "edge", "lanes": [8, 16, 32, 64], "cell_lanes": [1, 4], **sizes},
            "weight_words": [42, 168, 512],
        },
        "modes": {"mode": ["normal", "delta"], "x_threshold": thresholds, "h_threshold": [0, 3, 6]},
    }
    rows = [row for row in sweep(plan_of(plan), tmp_path / "all", part="xc7z010").rows]
    costs = {"energy": energy, "latency": lambda row: row["step_us"]}
    cost = costs[objective]
    assert found.row["fits"]
    better = [
        row
        for row in rows
        if row["fits"] and row["score"] >= found.row["score"] and cost(row) < cost(found.row) - 1e-9
    ]
    assert not better


def energy(row):
    """What ``docs/sweeps.md`` says of it."""
    each = Coefficients()
    dram = row["dram_read_bytes"] + row["dram_write_bytes"]
    return (
        row["macs"] * each.mac(row["weight_bits"], row["activation_bits"])
        + row["sram_bytes"] * 2.5
        + dram * each.dram_byte
    )
