import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

PYTORCH = Path(__file__).parents[2] / "data" / "pytorch"


@pytest.fixture
def told(refrain, tmp_path):
    """What ``inspect`` says of a file: its output, and its figures."""

    def call(path):
        status, out, err = refrain("inspect", path, "--json", tmp_path / "i.json")
        assert (status, err) == (0, "")
        return out, json.loads((tmp_path / "i.json").read_text())

    return call


@pytest.fixture
def files(tmp_path, net, onnx_lstm, refrain, x):
    """A file of each kind that runs, for inputs of 3, and one that holds several LSTMs."""
    shutil.copy(PYTORCH / "checkpoint.pt", tmp_path / "one.pt")
    shutil.copy(PYTORCH / "two.pt", tmp_path / "two.pt")
    line = ["quantize", tmp_path / "two.pt", "--node", "encoder", "--calibration", x]
    assert refrain(*line, "-o", tmp_path / "net.refrain")[0] == 0
    names = ("one.pt", "two.pt", "net.refrain")
    return [net, onnx_lstm(), *(tmp_path / name for name in names)]


def test_the_command_that_is_proposed_runs(told, refrain, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32))
    for path in files:
        out, figures = told(path)
        assert figures["next"] in out
        program, *line = shlex.split(figures["next"])
        assert program == "refrain" and refrain(*line)[0] == 0


def test_every_configuration_that_holds_a_network_runs_it(told, refrain, wide_net, tmp_path):
    _, figures = told(wide_net)
    np.save(tmp_path / "x.npy", np.zeros((1, 4, 3), np.int8))
    for row in figures["configurations"]:
        line = ["run", wide_net, "--input", tmp_path / "x.npy", "--config", row["name"]]
        status, _, err = refrain(*line)
        assert (status == 0) == row["holds"], err


def test_what_does_not_run_is_said_with_its_reason(told):
    out, figures = told(PYTORCH / "gru.pt")
    assert "does not run: " in out and "nn.GRU" in figures["refused"]
    assert "next:" not in out
    out, _ = told(PYTORCH / "script.pt")
    assert "a TorchScript archive" in out


def test_what_is_no_file_is_refused(refused, tmp_path):
    path = tmp_path / "none.onnx"
    assert refused("inspect", path) == f"{path} cannot be read: No such file or directory"


def test_names_are_no_markup(told, tmp_path, onnx_lstm):
    path = onnx_lstm()
    model = onnx.load(path)
    model.graph.node[0].name = "[/red]a[bold]"
    onnx.save(model, path)
    out, _ = told(path)
    assert "[/red]a[bold]" in out
