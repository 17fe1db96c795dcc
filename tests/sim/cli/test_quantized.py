"""What quantize wrote, given back to a run of the model."""

import json

import numpy as np
import pytest

from sim.networks.container import container_bytes, read_container


@pytest.fixture
def seen(tmp_path):
    """Inputs of a model: 6 steps of 3 sequences."""
    path = tmp_path / "seen.npy"
    np.save(path, np.random.default_rng(4).normal(size=(6, 3, 3)).astype(np.float32))
    return path


def run_line(model, x, folder, *options):
    return ["run", model, "--input", x, "--config", "tiny", "--output", folder / "y.npy", *options]


def output(folder):
    found = np.load(folder / "y.npy")
    return found if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}


@pytest.mark.parametrize("suffix", ["tflite", "refrain"])
def test_a_run_with_what_quantize_wrote_needs_no_calibration(
    refrain, tmp_path, seen, onnx_lstm, suffix
):
    model, made = onnx_lstm(), tmp_path / f"q.{suffix}"
    assert refrain("quantize", model, "--calibration", seen, "-o", made)[0] == 0
    assert refrain(*run_line(model, seen, tmp_path, "--calibration", seen))[0] == 0
    expected = output(tmp_path)
    # An input ten times as large would be quantised to coarser steps.
    np.save(tmp_path / "large.npy", 10 * np.load(seen))
    large = run_line(model, tmp_path / "large.npy", tmp_path, "--quantized", made)
    status, out, _ = refrain(*large)
    assert status == 0 and "quantised on the input itself" not in out
    clamped = output(tmp_path)
    assert refrain(*run_line(model, seen, tmp_path, "--quantized", made))[0] == 0
    assert (output(tmp_path) == expected).all()
    assert (clamped != expected).any()


def test_the_file_is_what_runs(refrain, tmp_path, seen, onnx_lstm):
    model, made = onnx_lstm(nodes=2), tmp_path / "q.refrain"
    assert refrain("quantize", model, "--calibration", seen, "-o", made)[0] == 0
    parts = read_container(made)
    for part in parts[1:]:
        (layer,) = part.network.layers
        layer.directions[0].W[:] = 0
        layer.directions[0].R[:] = 0
        layer.directions[0].bias[:] = 0
    made.write_bytes(container_bytes(parts))
    line = run_line(model, seen, tmp_path, "--quantized", made)
    line[line.index("--output") + 1] = tmp_path / "y.npz"
    assert refrain(*line)[0] == 0
    with np.load(tmp_path / "y.npz") as found:
        assert found["out0"].any() and not found["out1"].any()


def test_nodes_that_the_file_does_not_hold_are_quantised(refrain, tmp_path, seen, onnx_lstm):
    model, made = onnx_lstm(nodes=2), tmp_path / "q.refrain"
    line = ["quantize", model, "--calibration", seen, "-o", made, "--node", "lstm1"]
    assert refrain(*line)[0] == 0
    line = run_line(model, seen, tmp_path, "--quantized", made)
    line[line.index("--output") + 1] = tmp_path / "y.npz"
    status, out, _ = refrain(*line)
    assert status == 0 and "quantised on the input itself" in out


def test_a_model_is_tuned_with_what_quantize_wrote(refrain, tmp_path, seen, onnx_lstm, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model, made = onnx_lstm(), tmp_path / "q.refrain"
    assert refrain("quantize", model, "--calibration", seen, "-o", made)[0] == 0
    line = ["tune", model, "--data", seen, "--metric", "sqnr", "--budget", "10dB", "--trials", 1]
    status, _, err = refrain(*line, "--quantized", made, "--json", tmp_path / "t.json")
    assert (status, err) == (0, "")
    assert json.loads((tmp_path / "t.json").read_text())["settings"]


def test_a_network_that_runs_alone_takes_no_file(refused, net, x, tmp_path):
    assert refused("run", net, "--input", x, "--quantized", net) == (
        "--quantized is for whole models; this network runs alone"
    )
    line = ["tune", net, "--data", x, "--metric", "sqnr", "--quantized", net]
    assert refused(*line) == "--quantized is for whole models; this network runs alone"
    assert refused("tune", "--workload", "digits", "--quantized", net) == (
        "--quantized is for a network file, not for a workload"
    )
