import numpy as np
import pytest


def test_a_missing_network_is_named(refused, tmp_path, x):
    path = tmp_path / "no.tflite"
    sentence = refused("run", path, "--input", x)
    assert sentence == f"{path} cannot be read: No such file or directory"


def test_a_missing_input_is_named(refused, tmp_path, net):
    path = tmp_path / "no.npy"
    sentence = refused("run", net, "--input", path)
    assert sentence == f"{path} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.tflite", "{} is not a TensorFlow Lite file"),
        ("a.onnx", "{} is not an ONNX model"),
        (
            "a.txt",
            "{} is not a network that can be read: give a .tflite, .onnx, .safetensors or .pt file",
        ),
    ],
)
def test_a_network_of_another_kind_is_refused(refused, tmp_path, x, name, sentence):
    path = tmp_path / name
    path.write_text("These are not the weights that you are looking for.")
    assert refused("run", path, "--input", x) == sentence.format(path)


def test_a_network_under_another_name_is_refused(refused, tmp_path, net, x):
    path = net.rename(tmp_path / "net.onnx")
    sentence = refused("run", path, "--input", x)
    assert sentence == f"{path} is not what its name says: it holds a .tflite file; rename it"


def test_an_input_of_another_kind_is_refused(refused, net):
    sentence = refused("run", net, "--input", net)
    assert sentence == f"{net} is not a NumPy array file (.npy or .npz)"


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 0, 3), np.int8), "the input is empty: its shape is [2, 0, 3]"),
        (np.zeros((4, 3)), "the input must have the shape [batch, time, 3], not [4, 3]"),
        (np.zeros((1, 4, 9)), "the input must have the shape [batch, time, 3], not [1, 4, 9]"),
        (np.zeros((1, 4, 3), int), "the input must be int8 or floating point, not int64"),
        (
            np.full((1, 4, 3), np.nan),
            "the input holds nan at [0, 0, 0]; every value must be finite",
        ),
    ],
)
def test_an_unusable_array_is_refused(refused, tmp_path, net, array, sentence):
    np.save(tmp_path / "bad.npy", array)
    output = tmp_path / "h.npy"
    assert refused("run", net, "--input", tmp_path / "bad.npy", "--output", output) == sentence
    assert not output.exists()


def test_nan_in_an_onnx_input_is_refused(refused, tmp_path, onnx_lstm):
    np.save(tmp_path / "bad.npy", np.full((4, 1, 3), np.inf, np.float32))
    sentence = refused("run", onnx_lstm(), "--input", tmp_path / "bad.npy")
    assert sentence == "input x must hold finite numbers"


def test_an_unsupported_operator_is_named(refused, tmp_path, x, onnx_lstm):
    path = onnx_lstm(operator="GRU")
    sentence = refused("run", path, "--input", x)
    assert sentence.startswith(f"{path}: ") and "LSTM" in sentence


def test_a_network_larger_than_the_configuration_is_refused(refused, wide_net, x):
    sentence = refused("run", wide_net, "--input", x, "--config", "tiny")
    assert sentence == ("layer 0 has 300 hidden units, and configuration tiny holds at most 256")


@pytest.mark.parametrize("option", ["--output", "--report", "--json"])
def test_a_place_that_cannot_be_written_is_refused(refused, net, x, option):
    path = x / "below" / "a.json"
    sentence = refused("run", net, "--input", x, option, path)
    assert sentence == f"{path} cannot be written: {x} is not a folder"


def test_a_folder_that_cannot_be_written_is_refused(refused, x):
    path = x / "verilog"
    sentence = refused("verilog", "tiny", "-o", path)
    assert sentence == f"{path} cannot be written: {x} is not a folder"


def test_an_unknown_configuration_is_refused(refused, net, x, tmp_path):
    expected = (
        "there is no configuration huge; the configurations are tiny, speech, small, edge, chip, "
        "or name a .toml file"
    )
    assert refused("run", net, "--input", x, "--config", "huge") == expected
    assert refused("verilog", "huge", "-o", tmp_path) == expected


def test_an_unknown_backend_is_refused(refused, net, x):
    sentence = refused("run", net, "--input", x, "--backend", "cloud")
    assert sentence == "there is no backend cloud; the backends are model, rtl, board"


def test_unknown_commands_and_options_are_refused(refused):
    assert refused("sing") == "No such command 'sing'."
    assert "--loud" in refused("configs", "--loud")


def test_inputs_by_name_are_refused_for_one_array(refused, net, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros(3))
    sentence = refused("run", net, "--input", tmp_path / "x.npz")
    assert sentence == "inputs by name are for whole models; this network takes one .npy array"


def test_several_inputs_need_names(refused, tmp_path, x, onnx_lstm):
    path = onnx_lstm(nodes=2, second_input=True)
    sentence = refused("run", path, "--input", x)
    assert sentence == f"{path} has the inputs x, y; give them by name in an .npz file"


def test_several_nodes_need_a_choice(refused, tmp_path, x, onnx_lstm):
    path = onnx_lstm(nodes=2)
    made = tmp_path / "made.tflite"
    arguments = ["quantize", path, "--calibration", x, "-o", made]
    sentence = refused(*arguments)
    assert sentence == (
        f"{path} has LSTM nodes that do not follow each other: lstm0; lstm1; choose one with "
        f"--node, or write all of them with -o made.refrain"
    )
    sentence = refused(*arguments, "--node", "lstm7")
    assert sentence == f"{path} has no LSTM node lstm7; it has lstm0, lstm1"
    assert not made.exists()


def test_an_integer_network_is_not_quantised_again(refused, net, x, tmp_path):
    sentence = refused("quantize", net, "--calibration", x, "-o", tmp_path / "a.tflite")
    assert sentence == f"{net}: the network is in integers already; run it as it is"


def test_without_a_compiler_the_rtl_backend_says_what_is_missing(refused, net, x, monkeypatch):
    monkeypatch.setenv("PATH", "")
    sentence = refused("run", net, "--input", x, "--backend", "rtl", "--config", "tiny")
    assert sentence == (
        "the C++ compiler g++ is missing and RTL simulation needs it; "
        "the NumPy model runs everything but RTL without it"
    )
