import json

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.model.network import run_network
from sim.networks.quantizer import to_codes
from sim.networks.tflite.reader import read_tflite

REPORT = {
    "steps",
    "cycles",
    "lanes",
    "macs_done",
    "macs_avoided",
    "dram_read_bytes",
    "dram_write_bytes",
    "stall_cycles",
    "mode_steps",
}


def test_configs_are_listed_with_their_figures(refrain, tmp_path):
    status, out, _ = refrain("configs", "--json", tmp_path / "c.json")
    assert status == 0
    rows = json.loads((tmp_path / "c.json").read_text())
    assert [row["name"] for row in rows] == list(CONFIGS)
    assert all(name in out for name in CONFIGS)
    assert rows[-1]["gops"] == 64


def test_run_writes_hidden_states_and_the_report(refrain, net, x, tmp_path):
    h, report, figures = (tmp_path / "new" / name for name in ("h.npy", "r.json", "j.json"))
    arguments = ["--output", h, "--report", report, "--json", figures]
    status, out, _ = refrain("run", net, "--input", x, "--config", "tiny", *arguments)
    assert status == 0
    network = read_tflite(net)
    given = to_codes(np.load(x), network.layers[0].directions[0].x)
    expected = run_network(network, given).h
    written = np.load(h)
    assert written.dtype == np.int8 and (written == expected).all()
    loaded = json.loads(report.read_text())
    assert loaded.keys() >= REPORT
    assert (loaded["steps"], loaded["lanes"]) == (8, 8)
    assert loaded["macs_done"] == 8 * 4 * 5 * 8
    assert loaded["mode_steps"] == {"normal": 8}
    assert report.read_bytes() == figures.read_bytes()
    assert f"{loaded['macs_done']:,}" in out


def test_codes_are_taken_as_they_are(refrain, net, x, tmp_path):
    network = read_tflite(net)
    np.save(tmp_path / "codes.npy", to_codes(np.load(x), network.layers[0].directions[0].x))
    for given, name in ((x, "a.npy"), (tmp_path / "codes.npy", "b.npy")):
        assert refrain("run", net, "--input", given, "--output", tmp_path / name)[0] == 0
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.fixture
def seen(tmp_path):
    """Input of ``onnx_lstm``: 6 steps of 2 sequences."""
    path = tmp_path / "seen.npy"
    np.save(path, np.random.default_rng(4).normal(size=(6, 2, 3)).astype(np.float32))
    return path


def test_a_whole_onnx_model_runs(refrain, tmp_path, seen, onnx_lstm):
    model = onnx_lstm()
    output, figures = tmp_path / "y.npy", tmp_path / "r.json"
    arguments = ["--output", output, "--json", figures]
    status, out, _ = refrain("run", model, "--input", seen, *arguments)
    assert status == 0
    assert np.load(output).shape == (6, 1, 2, 4)
    loaded = json.loads(figures.read_text())
    assert loaded.keys() >= REPORT
    assert loaded["steps"] == 12
    assert loaded["sqnr_db"]["out0"] > 25
    assert "quantised on the input itself" in out


def test_samples_calibrate_an_onnx_model(refrain, tmp_path, seen, onnx_lstm):
    model = onnx_lstm()
    large = tmp_path / "large.npy"
    np.save(large, 100 * np.load(seen))
    figures = tmp_path / "r.json"
    arguments = ["--calibration", large, "--json", figures]
    status, out, _ = refrain("run", model, "--input", seen, *arguments)
    assert status == 0 and "input itself" not in out
    assert json.loads(figures.read_text())["sqnr_db"]["out0"] < 20


def test_counts_of_several_nodes_add_up(refrain, tmp_path, seen, onnx_lstm):
    model = onnx_lstm(nodes=2, second_input=True)
    both = np.load(seen)
    np.savez(tmp_path / "both.npz", x=both, y=both)
    output, figures = tmp_path / "y.npz", tmp_path / "r.json"
    arguments = ["--output", output, "--json", figures]
    assert refrain("run", model, "--input", tmp_path / "both.npz", *arguments)[0] == 0
    loaded = json.loads(figures.read_text())
    assert (loaded["steps"], loaded["lanes"]) == (24, 64)
    assert loaded["macs_done"] == 24 * 16 * 7
    assert loaded["mode_steps"] == {"normal": 24}
    assert sorted(np.load(output)) == ["out0", "out1"]


def test_quantize_writes_what_run_reads(refrain, tmp_path, seen, onnx_lstm):
    model = onnx_lstm()
    made, figures = tmp_path / "new" / "net.tflite", tmp_path / "q.json"
    arguments = ["--calibration", seen, "-o", made, "--json", figures]
    status, out, _ = refrain("quantize", model, *arguments)
    assert status == 0
    network = read_tflite(made)
    assert (network.layers[0].input_size, network.layers[0].output_size) == (3, 4)
    loaded = json.loads(figures.read_text())
    assert loaded["sqnr_db"] > 25 and f"{loaded['sqnr_db']:.1f} dB" in out
    assert loaded["layers"][0]["x_scale"] == network.layers[0].directions[0].x.scale
    np.save(tmp_path / "x.npy", np.load(seen).swapaxes(0, 1))
    assert refrain("run", made, "--input", tmp_path / "x.npy")[0] == 0


def test_one_of_several_nodes_is_quantised(refrain, tmp_path, seen, onnx_lstm):
    model = onnx_lstm(nodes=2)
    arguments = ["--calibration", seen, "-o", tmp_path / "n.tflite", "--node", "lstm1"]
    assert refrain("quantize", model, *arguments)[0] == 0
    W = read_tflite(tmp_path / "n.tflite").layers[0].directions[0].W
    arguments[-1] = "lstm0"
    assert refrain("quantize", model, *arguments)[0] == 0
    assert (read_tflite(tmp_path / "n.tflite").layers[0].directions[0].W != W).any()


def test_nodes_that_do_not_follow_each_other_go_into_one_refrain_file(
    refrain, refused, tmp_path, seen, onnx_lstm
):
    model, made = onnx_lstm(nodes=2), tmp_path / "n.refrain"
    line = ["quantize", model, "--calibration", seen, "-o"]
    assert refused(*line, tmp_path / "n.tflite") == (
        f"{model} has LSTM nodes that do not follow each other: lstm0; lstm1; choose one with "
        f"--node, or write all of them with -o n.refrain"
    )
    status, out, _ = refrain(*line, made, "--json", tmp_path / "n.json")
    assert status == 0 and "lstm1" in out
    assert list(json.loads((tmp_path / "n.json").read_text())["networks"]) == ["lstm0", "lstm1"]
    np.save(tmp_path / "x.npy", np.load(seen).swapaxes(0, 1))
    run = ["run", made, "--input", tmp_path / "x.npy", "--config", "tiny"]
    assert refused(*run) == f"{made} holds several networks; choose one with --node: lstm0, lstm1"
    assert refrain(*run, "--node", "lstm1")[0] == 0
