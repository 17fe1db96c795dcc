"""``refrain run`` in modes, with settings and traces."""

import csv
import json

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.energy.coefficients import Coefficients, write_coefficients
from sim.explore.machine_values import values_of
from sim.image.modes import LayerModes, Modes
from sim.model.network import run_network
from sim.networks.quantizer import to_codes
from sim.networks.tflite.reader import read_tflite


@pytest.fixture
def walk(tmp_path):
    """Input of ``net`` that moves slowly: 2 sequences of 40 steps."""
    rng = np.random.default_rng(2)
    steps = rng.normal(0, 0.05, (2, 40, 3)) * (rng.random((2, 40, 1)) < 0.7)
    path = tmp_path / "walk.npy"
    np.save(path, np.cumsum(steps, axis=1).astype(np.float32))
    return path


@pytest.fixture
def ran(refrain, net, walk, tmp_path):
    """Runs ``net`` with the given options; gives outputs, figures and what was printed."""

    def call(*options):
        h, figures = tmp_path / "h.npy", tmp_path / "figures.json"
        arguments = ["--config", "tiny", "--output", h, "--json", figures]
        status, out, err = refrain("run", net, "--input", walk, *arguments, *options)
        assert (status, err) == (0, "")
        return np.load(h), json.loads(figures.read_text()), out

    return call


def expected(net, walk, modes=None):
    network = read_tflite(net)
    codes = to_codes(np.load(walk), network.layers[0].directions[0].x)
    return run_network(network, codes, modes=modes)


def test_options_choose_the_modes(ran, net, walk):
    options = ["--mode", "auto", "--threshold-x", 2, "--threshold-h", 3, "--delta-threshold", 0.5]
    options += ["--skip-threshold", 0.97, "--skip-action", "freeze", "--max-skips", 2]
    options += ["--normal-every", 9, "--reference", "previous", "--middle", "delta", "--zero-skip"]
    h, figures, out = ran(*options)
    modes = LayerModes(
        mode="auto",
        x_threshold=2,
        h_threshold=3,
        delta_threshold=0.5,
        skip_threshold=0.97,
        skip_action="freeze",
        max_skips=2,
        normal_every=9,
        reference="previous",
        zero_skip=True,
    )
    assert np.array_equal(h, expected(net, walk, modes).h)
    assert sum(figures["mode_steps"].values()) == figures["steps"] == 80
    assert set(figures["mode_steps"]) == {"normal", "delta", "skip"} == set(figures["modes"])
    dense = 80 * 4 * 5 * 8
    assert figures["macs_done"] + figures["macs_avoided"] == dense
    assert figures["macs_avoided_share"] == figures["macs_avoided"] / dense > 0.2
    assert "weight bytes avoided" in out and "skip" in out


def test_exact_delta_changes_nothing_but_the_work(ran):
    normal, dense, out = ran()
    delta, figures, _ = ran("--mode", "delta")
    assert np.array_equal(normal, delta)
    assert figures["macs_done"] < dense["macs_done"]
    assert "weight bytes avoided" not in out


def test_options_go_before_the_settings_file(ran, net, walk, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(Modes.of(LayerModes(mode="delta", x_threshold=9, h_threshold=4)).to_json())
    modes = LayerModes(mode="delta", x_threshold=9, h_threshold=4)
    assert np.array_equal(ran("--settings", path)[0], expected(net, walk, modes).h)
    modes = LayerModes(mode="delta", x_threshold=1, h_threshold=4)
    given = ran("--settings", path, "--threshold-x", 1)[0]
    assert np.array_equal(given, expected(net, walk, modes).h)


def test_a_trace_tells_what_each_step_did(ran, tmp_path):
    table, picture = tmp_path / "new" / "t.csv", tmp_path / "new" / "t.png"
    options = ["--mode", "auto", "--skip-threshold", 0.97, "--delta-threshold", 0.5]
    _, figures, _ = ran(*options, "--trace", table, "--trace-picture", picture)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 80
    assert list(rows[0]) == [
        *("node", "layer", "direction", "sequence", "step", "mode", "score", "D", "N"),
        *("events_x", "events_h", "h_size", "h_error"),
    ]
    for mode, steps in figures["mode_steps"].items():
        assert sum(row["mode"] == mode for row in rows) == steps
    assert sum(int(row["events_h"]) for row in rows) == figures["events_h"]
    assert rows[0]["score"] == "" and rows[40]["score"] == ""
    skipped = [float(row["score"]) for row in rows if row["mode"] == "skip"]
    assert skipped and min(skipped) >= 0.9699
    assert picture.read_bytes().startswith(b"\x89PNG")
    table = tmp_path / "t.json"
    ran("--trace", table)
    assert all(row["h_error"] == 0 for row in json.loads(table.read_text()))


def test_nodes_of_an_onnx_model_are_traced_by_name(refrain, tmp_path, onnx_lstm):
    model = onnx_lstm(nodes=2, second_input=True)
    both = np.random.default_rng(4).normal(size=(6, 2, 3)).astype(np.float32)
    np.savez(tmp_path / "both.npz", x=both, y=both)
    settings, table = tmp_path / "s.json", tmp_path / "t.json"
    settings.write_text('{"layers": [{"mode": "delta"}, {}]}')
    arguments = ["--settings", settings, "--trace", table, "--json", tmp_path / "f.json"]
    assert refrain("run", model, "--input", tmp_path / "both.npz", *arguments)[0] == 0
    rows = json.loads(table.read_text())
    seen = {(row["node"], row["mode"]) for row in rows}
    assert seen == {("lstm0", "normal"), ("lstm0", "delta"), ("lstm1", "normal")}
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["mode_steps"] == {"normal": 14, "delta": 10}
    assert {k: v["steps"] for k, v in figures["modes"].items()} == figures["mode_steps"]
    done, avoided = figures["macs_done"], figures["macs_avoided"]
    assert done + avoided == 24 * 16 * 7
    assert figures["macs_avoided_share"] == avoided / (done + avoided)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--mode", "fast"], "mode must be normal, delta, reduced, skip or auto, not fast"),
        (
            ["--mode", "delta", "--threshold-x", 300],
            "x_threshold of layer 0 must be at most 255 for activations of 8 bits, not 300",
        ),
        (["--threshold-x", 3], "--threshold-x does nothing in mode normal"),
        (["--level", 1], "--level does nothing in mode normal"),
        (
            ["--mode", "delta", "--level", 3],
            "the multiplier of configuration edge has no level 3; it has 0 (exact)",
        ),
        (
            ["--mode", "reduced", "--level", "low", "--multiplier", "rounded:4"],
            "the multiplier of configuration edge has no level low; it has 0 (exact), "
            "1 (weights of 4 bits)",
        ),
        (["--mode", "delta", "--max-skips", 3], "--max-skips does nothing in mode delta"),
        (["--mode", "skip"], "mode skip needs a skip_threshold"),
        (
            ["--mode", "skip", "--skip-threshold", 2],
            "skip_threshold must be a number from 0 to 1, not 2.0",
        ),
        (
            ["--mode", "auto", "--delta-threshold", "0.5", "--skip-threshold", "0.5"],
            "--delta-threshold must be below --skip-threshold, or no step takes the middle mode, "
            "not 0.5 and 0.5",
        ),
        (
            ["--mode", "auto", "--delta-threshold", "nan"],
            "delta_threshold must be a number from 0 to 1, not nan",
        ),
        (["--trace", "t.csv", "--backend", "rtl"], "a trace is made by the backend model, not rtl"),
        (["--settings", "no.json"], "no.json cannot be read: No such file or directory"),
    ],
)
def test_settings_that_cannot_be_are_refused(refused, net, x, options, sentence):
    assert refused("run", net, "--input", x, *options) == sentence


def test_settings_for_another_network_are_refused(refused, net, x, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"layers": [{"mode": "delta"}, {}]}')
    for backend in ("model", "rtl"):
        sentence = refused("run", net, "--input", x, "--settings", path, "--backend", backend)
        assert sentence == "the settings are for 2 layers, and the network has 1"


def test_a_level_of_a_multiplier_is_chosen_by_number_or_name(ran):
    options = ["--mode", "delta", "--multiplier", "truncated:4,6"]
    options += ["--normal-every", 9]
    exact, _, _ = ran("--mode", "delta", "--normal-every", 9)
    assert np.array_equal(ran(*options)[0], exact)
    assert np.array_equal(ran(*options, "--level", 0)[0], exact)
    by_number, by_name = (ran(*options, "--level", level)[0] for level in (2, "columns < 6"))
    assert np.array_equal(by_number, by_name)
    assert not np.array_equal(by_number, exact)
    reduced = ["--mode", "reduced", "--multiplier", "rounded:4"]
    assert not np.array_equal(ran(*reduced, "--level", 1)[0], ran(*reduced)[0])


def test_an_unsafe_level_must_be_named(refrain, ran, net, walk, tmp_path):
    codes = np.arange(-128, 128)
    table = tmp_path / "coarse.npy"
    np.save(table, np.outer(codes, codes) // 64 * 64 + 32)
    options = ["--mode", "delta", "--multiplier", table]
    status, _, err = refrain("run", net, "--input", walk, "--config", "tiny", *options)
    assert status == 2
    assert err == (
        "refrain: level 0 (table) of configuration tiny cannot be used in delta mode, it is "
        "unsafe, errors accumulate: f(0, w) is not 0; f(-v, w) is not -f(v, w); the mean "
        "error is not small beside the mean absolute error (give table as the unsafe level to "
        "use it all the same)\n"
    )
    delta, _, _ = ran(*options, "--unsafe-level", "table")
    assert not np.array_equal(delta, ran("--multiplier", table)[0])


def test_a_machine_without_lookahead_refuses_it(ran, refrain, net, walk):
    plain, _, _ = ran()
    same, _, _ = ran("--lookahead", 1)
    assert np.array_equal(plain, same)
    status, _, err = refrain("run", net, "--input", walk, "--config", "tiny", "--lookahead", 2)
    assert status == 2
    assert "layer 0 is to look 2 steps ahead, and configuration tiny looks at most 1 ahead" in err


def test_a_machine_without_scores_refuses_them_and_runs_the_rest(ran, refused, net, walk):
    given = ["run", net, "--input", walk, "--config", "tiny", "--set", "scores=false"]
    assert refused(*given, "--mode", "auto", "--delta-threshold", 0.5) == (
        "layer 0 skips steps or chooses modes by a score, and configuration tiny was made without "
        "gates for scores: choose mode normal, delta or reduced, or make the machine with scores "
        "= true"
    )
    same, _, _ = ran("--mode", "delta")
    assert np.array_equal(same, ran("--mode", "delta", "--set", "scores=false")[0])


@pytest.fixture
def coefficients(tmp_path):
    """A file of ``tiny``: 2 pJ an operation and 1 pJ a cycle."""
    made = Coefficients(
        config=values_of(CONFIGS["tiny"]),
        work={"lanes": {"gates": {"operation": 2.0}}},
        idle={"lanes": {"clock": 1.0}},
        leakage={"lanes": 0.0},
        clock_mhz=100.0,
        origin={"library": "small", "volts": 1.2, "mapped_for_mhz": 100.0},
        errors={},
    )
    path = tmp_path / "energy.json"
    write_coefficients(path, made)
    return path


def test_energy_is_told_by_mode_and_part_and_dram_apart(ran, coefficients):
    h, figures, out = ran("--mode", "delta", "--energy", coefficients, "--dram", "ddr3")
    energy = figures["energy"]
    operations = sum(row["operation"] for row in figures["work"].values())
    assert operations * 8 >= figures["macs_done"] > 0
    assert energy["core_pj"] == pytest.approx(2 * operations + figures["cycles"])
    moved = figures["dram_read_bytes"] + figures["dram_write_bytes"]
    assert energy["dram"]["pj"] == 560 * moved
    assert set(energy["modes"]) == {"load", "normal", "delta"}
    assert "Energy, estimated from counts" in out and "DRAM: 70 pJ a bit" in out
    without, plain, _ = ran("--mode", "delta")
    assert (without == h).all() and "energy" not in plain and "work" not in plain


def test_energy_of_another_machine_is_refused(refused, net, walk, coefficients):
    options = ["--config", "tiny", "--energy", coefficients]
    said = refused("run", net, "--input", walk, *options, "--set", "lanes=16")
    assert said.startswith(f"{coefficients} is of a machine with lanes = 8, and configuration tiny")
    said = refused("run", net, "--input", walk, *options, "--dram", "hbm")
    assert said == "there is no DRAM interface hbm; they are lpddr4, lpddr, ddr3"
