"""Commands on one of several LSTMs in a file of weights."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file


@pytest.fixture
def two(tmp_path):
    """A .safetensors file of an ``encoder``, 3 -> 4, and a ``decoder``, 3 -> 5."""
    rng, state = np.random.default_rng(0), {}
    for name, hidden in (("encoder", 4), ("decoder", 5)):
        for key, columns in (("weight_ih_l0", 3), ("weight_hh_l0", hidden)):
            values = rng.normal(0, 0.4, (4 * hidden, columns)).astype(np.float32)
            state[f"{name}.{key}"] = values
    save_file(state, tmp_path / "two.safetensors")
    return tmp_path / "two.safetensors"


@pytest.fixture
def samples(tmp_path):
    """8 sequences of 6 steps of 3 inputs."""
    path = tmp_path / "samples.npy"
    np.save(path, np.random.default_rng(1).normal(size=(8, 6, 3)).astype(np.float32))
    return path


def commands(two, samples, folder):
    tuned = ["--data", samples, "--metric", "sqnr"]
    return {
        "run": ["run", two, "--input", samples, "--config", "tiny", "--output", folder / "h.npy"],
        "quantize": ["quantize", two, "--calibration", samples, "-o", folder / "q.tflite"],
        "tune": ["tune", two, *tuned, "--budget", "10dB", "--trials", 1, "--config", "tiny"],
        "sweep": ["sweep", two, *tuned, "--config", "tiny", "--jobs", 1, "-o", folder / "sweep"],
        "multiplier": ["multiplier", "exact", "--network", two, "--data", samples],
    }


@pytest.mark.parametrize("command", ["run", "quantize", "tune", "sweep", "multiplier"])
def test_every_command_chooses_an_lstm_by_its_name(
    refrain, refused, monkeypatch, two, samples, tmp_path, command
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    line = commands(two, samples, tmp_path)[command]
    assert refused(*line) == (
        f"{two}: it holds several LSTMs; choose one with --node: decoder, encoder"
    )
    assert refused(*line, "--node", "rnn") == (
        f"{two}: it holds no LSTM named 'rnn'; those it holds are: decoder, encoder"
    )
    status, _, err = refrain(*line, "--node", "decoder")
    assert (status, err) == (0, "")


def test_the_lstm_that_was_chosen_is_the_one_that_ran(refrain, two, samples, tmp_path):
    line = commands(two, samples, tmp_path)["run"]
    for node, hidden in (("encoder", 4), ("decoder", 5)):
        assert refrain(*line, "--node", node)[0] == 0
        assert np.load(tmp_path / "h.npy").shape == (8, 6, hidden)


def test_the_lstm_that_was_chosen_is_the_one_that_was_quantised(refrain, two, samples, tmp_path):
    line = commands(two, samples, tmp_path)["quantize"]
    assert refrain(*line, "--node", "encoder", "--json", tmp_path / "q.json")[0] == 0
    assert json.loads((tmp_path / "q.json").read_text())["layers"][0]["hidden"] == 4


def test_a_sweep_of_another_lstm_in_the_same_folder_is_another_sweep(
    refrain, two, samples, tmp_path
):
    line, macs = commands(two, samples, tmp_path)["sweep"], {}
    for node, hidden in (("encoder", 4), ("decoder", 5)):
        assert refrain(*line, "--node", node, "--json", tmp_path / "s.json")[0] == 0
        rows = json.loads((tmp_path / "s.json").read_text())
        macs[node] = max(row["macs"] for row in rows)
        assert macs[node] <= 4 * hidden * (hidden + 3)
    assert macs["decoder"] > 4 * 4 * (4 + 3)


def test_a_network_that_runs_whole_has_nothing_to_choose(refused, net, x):
    assert refused("run", net, "--input", x, "--node", "a") == (
        f"{net} is one network, which runs whole; --node chooses among those of a "
        f".safetensors, .pt or .refrain file"
    )


def test_a_node_without_a_network_is_refused(refused):
    assert refused("multiplier", "exact", "--node", "a") == (
        "--node chooses an LSTM of the file that --network names"
    )
    assert refused("tune", "--workload", "digits", "--node", "a") == (
        "--node chooses an LSTM of a network file, not of a workload"
    )
