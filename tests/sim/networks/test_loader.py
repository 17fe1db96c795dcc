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
        assert (
            refusal(path) == f"{path} is not what its name says: it holds a {held} file; rename it"
        )


@pytest.mark.parametrize(
    "suffix, what",
    [
        (".tflite", "a TensorFlow Lite file"),
        (".onnx", "an ONNX model"),
    ],
)
def test_a_text_is_refused_whatever_its_name(tmp_path, suffix, what):
    path = tmp_path / f"text{suffix}"
    path.write_text("once upon a time there was a network")
    assert refusal(path) == f"{path} is not {what}"


def test_a_text_is_no_safetensors_file(tmp_path):
    path = tmp_path / "text.safetensors"
    path.write_text("once upon a time there was a network")
    assert refusal(path).startswith(f"{path} is not a safetensors file, or it is damaged (")


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


@pytest.mark.parametrize(
    "name, what, helps",
    [
        ("net.h5", "a Keras model", 'model.export("model.onnx", format="onnx")'),
        ("net.hdf5", "a Keras model", 'model.export("model.onnx", format="onnx")'),
        ("net.keras", "a Keras model", 'model.export("model.onnx", format="onnx")'),
        ("saved_model.pb", "a TensorFlow graph", "python -m tf2onnx.convert"),
        ("net.mlmodel", "a Core ML model", "export its source to ONNX"),
        ("net.pkl", "a pickle, which may run anything", "torch.save(model.state_dict()"),
        ("net.gguf", "a GGUF file", "export the model to ONNX"),
        ("net.npz", "NumPy arrays", "write the weights as .safetensors"),
        ("net.xml", "an OpenVINO model", "give the .onnx model"),
    ],
)
def test_files_of_other_programs_are_told_what_to_export(tmp_path, name, what, helps):
    path = tmp_path / name
    path.write_text("content")
    sentence = refusal(path)
    assert sentence.startswith(f"{path} is {what}") and helps in sentence
    assert sentence.endswith("; a .tflite, .onnx, .safetensors or .pt file can be read")


@pytest.mark.parametrize(
    "head, what", [(b"\x89HDF\r\n", "a Keras model"), (b"GGUF", "a GGUF file")]
)
def test_files_of_other_programs_are_recognised_without_their_suffix(tmp_path, head, what):
    path = tmp_path / "weights.bin"
    path.write_bytes(head + bytes(32))
    if what == "a GGUF file":
        path = path.rename(tmp_path / "weights")
    assert refusal(path).startswith(f"{path} is {what}")


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.ckpt", "pytorch_model.bin", "net"])
@pytest.mark.parametrize("held", ["plain.pt", "legacy.pt"])
def test_weights_of_pytorch_are_read_under_each_of_their_names(nets, tmp_path, name, held):
    path = tmp_path / name
    shutil.copy(nets.data / "pytorch" / held, path)
    assert isinstance(load_network(path), FloatNetwork)


def test_one_of_several_lstms_is_chosen(nets):
    path = nets.data / "pytorch" / "two.pt"
    assert refusal(path).endswith("choose one with --node: decoder, encoder")
    assert load_network(path, "encoder").layers[0].directions[0].hidden_size == 4


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_nothing_can_be_chosen_where_a_file_is_one_network(files, suffix):
    with pytest.raises(NetworkError) as caught:
        load_network(files[suffix], "encoder")
    assert str(caught.value) == (
        f"{files[suffix]} is one network, which runs whole; --node chooses among those of a "
        f".safetensors, .pt or .refrain file"
    )
