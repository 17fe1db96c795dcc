import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file

from sim.cli import app
from sim.networks.network import FloatLayer, FloatLstm
from sim.networks.quantizer import quantize
from sim.networks.tflite.writer import write_tflite


@pytest.fixture
def refrain(capsys, monkeypatch):
    """Runs a command line in 80 columns; gives its exit status, output and error output."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        status = app.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def refused(refrain):
    """Runs a command line that must be refused; gives the one sentence."""

    def call(*arguments):
        status, _, err = refrain(*arguments)
        assert status == 2
        assert err.count("\n") == 1 and err.startswith("refrain: ")
        return err.removeprefix("refrain: ").rstrip("\n")

    return call


def _lstm(inputs, hidden, seed=0):
    """A random LSTM layer of one direction."""
    rng = np.random.default_rng(seed)
    return FloatLstm(
        W=rng.normal(0, 0.4, (4, hidden, inputs)).astype(np.float32),
        R=rng.normal(0, 0.4, (4, hidden, hidden)).astype(np.float32),
        bias=rng.normal(0, 0.2, (4, hidden)).astype(np.float32),
    )


@pytest.fixture
def net(tmp_path):
    """A .tflite file of one LSTM, 3 inputs and 5 hidden units."""
    samples = np.random.default_rng(1).normal(size=(2, 20, 3)).astype(np.float32)
    path = tmp_path / "net.tflite"
    write_tflite(quantize(FloatLayer(directions=(_lstm(3, 5),)), samples), path, steps=20)
    return path


@pytest.fixture
def wide_net(tmp_path):
    """A .tflite file of one LSTM, 3 inputs and 300 hidden units."""
    samples = np.random.default_rng(1).normal(size=(1, 4, 3)).astype(np.float32)
    path = tmp_path / "wide.tflite"
    write_tflite(quantize(FloatLayer(directions=(_lstm(3, 300),)), samples), path, steps=4)
    return path


@pytest.fixture
def model(tmp_path):
    """A file in floating point: 3 inputs, 8 hidden units."""
    rng = np.random.default_rng(4)
    shapes = {"weight_ih_l0": (32, 3), "weight_hh_l0": (32, 8), "bias_ih_l0": 32, "bias_hh_l0": 32}
    path = tmp_path / "model.safetensors"
    save_file({k: rng.normal(0, 0.4, v).astype(np.float32) for k, v in shapes.items()}, path)
    return path


@pytest.fixture
def x(tmp_path):
    """Input of ``net``: 2 sequences of 4 steps."""
    path = tmp_path / "x.npy"
    values = np.random.default_rng(2).normal(size=(2, 4, 3))
    np.save(path, values.astype(np.float32))
    return path


def _onnx_lstm(path, operator="LSTM", nodes=1, second_input=False):
    """An .onnx file: LSTM nodes 3 -> 4 side by side, scaled by two; inputs [time, batch, 3]."""
    helper, rng = onnx.helper, np.random.default_rng(3)
    constants, made, outputs = [], [], []
    for number in range(nodes):
        for name, shape in (("W", (1, 16, 3)), ("R", (1, 16, 4))):
            values = rng.normal(0, 0.5, shape).astype(np.float32)
            constants.append(onnx.numpy_helper.from_array(values, f"{name}{number}"))
        taken = ["y" if second_input and number else "x", f"W{number}", f"R{number}"]
        attributes = {"hidden_size": 4}
        made.append(
            helper.make_node(operator, taken, [f"h{number}"], f"lstm{number}", **attributes)
        )
        made.append(helper.make_node("Add", [f"h{number}"] * 2, [f"out{number}"]))
        outputs.append(helper.make_tensor_value_info(f"out{number}", 1, None))
    names = ["x", "y"] if second_input else ["x"]
    inputs = [helper.make_tensor_value_info(name, 1, ["time", "batch", 3]) for name in names]
    graph = helper.make_graph(made, "graph", inputs, outputs, constants)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.fixture
def onnx_lstm(tmp_path):
    """Makes an .onnx file of the given operator, number of nodes and inputs."""

    def make(**options):
        return _onnx_lstm(tmp_path / "net.onnx", **options)

    return make
