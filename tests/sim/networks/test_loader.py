import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from sim.networks.loader import load_network
from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.onnx.model import OnnxModel


@pytest.fixture
def files(nets, tmp_path):
    """One file of each kind, by suffix."""
    arrays = {"W": np.zeros((1, 8, 3), np.float32), "R": np.zeros((1, 8, 2), np.float32)}
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, (1, 1, 3))
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["X", "W", "R"], ["Y"], hidden_size=2)],
        "graph",
        [x],
        [onnx.ValueInfoProto(name="Y")],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "a.onnx")
    state = {"weight_ih_l0": arrays["W"][0], "weight_hh_l0": arrays["R"][0]}
    save_file(state, tmp_path / "a.safetensors")
    shutil.copy(nets.data / "lstm_64_128_int8.tflite", tmp_path / "a.tflite")
    return {path.suffix: path for path in tmp_path.iterdir()}


def refusal(path):
    with pytest.raises(NetworkError) as caught:
        load_network(path)
    return str(caught.value)


@pytest.mark.parametrize(
    "suffix, kind",
    [(".tflite", IntegerNetwork), (".onnx", OnnxModel), (".safetensors", FloatNetwork)],
)
def test_each_kind_is_read(files, suffix, kind):
    assert isinstance(load_network(files[suffix]), kind)
    assert isinstance(load_network(str(files[suffix])), kind)


@pytest.mark.parametrize("suffix", [".tflite", ".safetensors"])
def test_a_file_without_a_known_suffix_is_recognised(files, tmp_path, suffix):
    other = tmp_path / "model.bin"
    shutil.copy(files[suffix], other)
    assert type(load_network(other)) is type(load_network(files[suffix]))


@pytest.mark.parametrize("named", [".tflite", ".onnx", ".safetensors", ".pt"])
@pytest.mark.parametrize("held", [".tflite", ".safetensors"])
def test_a_file_that_is_not_what_its_name_says_is_refused(files, tmp_path, named, held):
    if named != held:
        path = tmp_path / f"wrong{named}"
        shutil.copy(files[held], path)
        assert refusal(path) == f"{path} is not what its name says: it holds a {held} file"


@pytest.mark.parametrize(
    "suffix, what",
    [
        (".tflite", "a TensorFlow Lite file"),
        (".onnx", "an ONNX model"),
        (".safetensors", "a safetensors file"),
    ],
)
def test_a_text_is_refused_whatever_its_name(tmp_path, suffix, what):
    path = tmp_path / f"text{suffix}"
    path.write_text("once upon a time there was a network")
    assert refusal(path) == f"{path} is not {what}"


def test_an_onnx_model_under_another_name_is_refused(files, tmp_path):
    path = tmp_path / "wrong.tflite"
    shutil.copy(files[".onnx"], path)
    assert refusal(path) == f"{path} is not a TensorFlow Lite file"


def test_missing_empty_and_unknown_files_are_named(tmp_path):
    path = tmp_path / "net.tflite"
    assert refusal(path) == f"{path} cannot be read: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path} cannot be read: Is a directory"
    path.touch()
    assert refusal(path) == f"{path} is empty"
    other = tmp_path / "net.doc"
    other.write_text("text")
    assert refusal(other) == (
        f"{other} is not a network that can be read: "
        f"give a .tflite, .onnx, .safetensors or .pt file"
    )
