"""The command that takes groups of weights out of a network."""

import json

import numpy as np
import pytest

from sim.networks.loader import load_network
from sim.networks.pruning.groups import column_counts


@pytest.fixture
def data(tmp_path):
    """Sequences for ``model``, and a label for each."""
    rng = np.random.default_rng(5)
    x, labels = tmp_path / "data.npy", tmp_path / "labels.npy"
    np.save(x, rng.normal(0, 0.4, (8, 30, 3)).cumsum(axis=1).astype(np.float32))
    np.save(labels, rng.integers(0, 8, 8))
    return x, labels


def zero_groups(path, units):
    network = load_network(path)
    layers = network.layers if hasattr(network, "layers") else network.lstm_layers.values()
    return [column_counts(d.W, d.R, units) for layer in layers for d in layer.directions]


def test_it_says_what_is_lost_and_writes_the_weights(refrain, model, data, tmp_path):
    made, report = tmp_path / "made.safetensors", tmp_path / "report.json"
    line = ["prune", model, "--data", data[0], "-o", made, "--json", report, "--config", "tiny"]
    status, out, _ = refrain(*line, "--metric", "accuracy", "--labels", data[1])
    assert status == 0 and f"wrote {made}" in " ".join(out.split())
    # Four blocks of two units; half of 11 columns is 6 in Python's rounding.
    assert "zero groups of 8 rows and a column: 20 of 44 (45.5%)" in out
    assert zero_groups(made, 2) == [(44, 20)]
    figures = json.loads(report.read_text())
    assert figures["keep"] == 0.5 and figures["zero_groups"] == 20
    assert [row["network"] for row in figures["held_out"]] == ["as it was", "pruned"]
    assert all(0 <= row["accuracy"] <= 1 for row in figures["held_out"])
    assert figures["held_out"][1]["sqnr_db"] > 5


def test_blocks_are_as_wide_as_the_machine(refrain, model, data, tmp_path):
    made = tmp_path / "made.safetensors"
    line = ["prune", model, "--data", data[0], "-o", made, "--keep", "0.4"]
    assert refrain(*line, "--set", "lanes=16")[0] == 0
    assert zero_groups(made, 4) == [(22, 14)]


def test_integers_are_told_before_and_after(refrain, model, data, tmp_path):
    made = tmp_path / "made.tflite"
    status, out, _ = refrain("prune", model, "--data", data[0], "-o", made, "--config", "tiny")
    assert status == 0 and "h on held-out data, in integers" in out
    assert zero_groups(made, 2) == [(44, 20)]
    assert refrain("run", made, "--input", data[0])[0] == 0


def test_a_whole_model_is_written_as_a_model(refrain, onnx_lstm, tmp_path):
    x, made = tmp_path / "data.npy", tmp_path / "made.onnx"
    np.save(x, np.random.default_rng(4).normal(size=(60, 3, 3)).astype(np.float32))
    line = ["prune", onnx_lstm(nodes=2), "--data", x, "-o", made, "--config", "tiny"]
    assert refrain(*line)[0] == 0
    assert zero_groups(made, 2) == [(14, 6), (14, 6)]
    assert refrain(*line, "--node", "lstm1")[0] == 0
    assert zero_groups(made, 2) == [(14, 0), (14, 6)]
    several = [*line[:-4], "-o", tmp_path / "made.tflite"]
    status, _, err = refrain(*several)
    assert status == 2 and "choose one with --node" in err


@pytest.mark.parametrize(
    "options, sentence",
    [
        (
            ["--keep", "0"],
            "keep must be above 0 and at most 1, not 0: with 0 a network is pruned to nothing, and "
            "1 keeps it whole",
        ),
        (
            ["--keep", "0.01"],
            "a network is pruned to nothing: keep 0.01 leaves none of the 11 columns of a block; "
            "keep 0.091 or more",
        ),
        (["--calibration-share", "0"], "the calibration share must be between 0 and 1, not 0"),
        (["--lower"], "--labels and --lower belong to a metric: give --metric, too"),
        (["--metric", "accuracy"], "metric accuracy compares with labels: give them by --labels"),
        (
            ["--state", "a=b"],
            "--state is for whole models with states among their inputs",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(refused, model, data, tmp_path, options, sentence):
    made = tmp_path / "made.safetensors"
    assert refused("prune", model, "--data", data[0], "-o", made, *options) == sentence
    assert not made.exists()


def test_data_of_another_shape_are_refused(refused, model, tmp_path):
    x, made = tmp_path / "data.npy", tmp_path / "made.safetensors"
    np.save(x, np.ones((4, 9, 5), np.float32))
    sentence = refused("prune", model, "--data", x, "-o", made)
    assert sentence == "the data must have the shape (batch, time, 3), not (4, 9, 5)"
    np.save(x, np.full((4, 9, 3), np.nan, np.float32))
    sentence = refused("prune", model, "--data", x, "-o", made)
    assert sentence == "the data must hold finite numbers, but holds NaN or infinity"
    assert not made.exists()


def test_integers_cannot_be_pruned(refused, net, data, tmp_path):
    sentence = refused("prune", net, "--data", data[0], "-o", tmp_path / "made.tflite")
    assert sentence == (
        f"{net}: the network is in integers already; prune the one in floating point that it was "
        f"made from"
    )
