import tempfile

import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file

from sim.cli.sentences import MOST, one_line


def test_a_short_sentence_stays_as_it_is():
    sentence = "x.npy has the shape [1, 2], and [batch, time, 3] is needed — give another"
    assert one_line(sentence) == sentence


def test_lines_become_one_and_control_characters_are_written_out():
    assert one_line("a\nb\r\n  c\td") == "a b c d"
    assert one_line("a\x1b[31mb\x00\u202ec\udc80") == "a\\x1b[31mb\\x00\\u202ec\\udc80"


def test_the_longest_word_loses_its_middle_first():
    path = f"/home/{'a' * 500}/model.onnx"
    sentence = one_line(f"{path} has no input y; its inputs are x, z")
    assert sentence.startswith("/home/aaa") and "...aaa" in sentence
    assert sentence.endswith("/model.onnx has no input y; its inputs are x, z")
    assert len(sentence) < 250


def test_a_list_that_is_too_long_loses_its_middle():
    names = [f"encoder.layers.{number}.weight" for number in range(1000)]
    sentence = one_line(f"net.onnx has the nodes {', '.join(names)}; choose one with --node")
    assert len(sentence) == MOST
    assert sentence.startswith("net.onnx has the nodes encoder.layers.0.weight, ")
    assert sentence.endswith("encoder.layers.999.weight; choose one with --node")
    assert sentence.count("...") == 1


NAMES = ["y" * 10_000, "a\nb\r\x1b[31m\x00", "\u202e\u2028\x85", "'\"\\{}%s[red]"]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_in_an_onnx_model_are_shown_in_one_line(refused, tmp_path, x, name):
    helper = onnx.helper
    node = helper.make_node("GRU", ["x", name], [f"{name}2"], name)
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(each, 1, [1, 1, 3]) for each in ("x", name)],
        [helper.make_tensor_value_info(f"{name}2", 1, None)],
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    sentence = refused("run", path, "--input", x)
    assert sentence.isprintable() and len(sentence) <= MOST and path.name in sentence


@pytest.mark.parametrize("name", NAMES[:1] + NAMES[2:])
def test_hostile_names_in_a_safetensors_file_are_shown_in_one_line(refused, tmp_path, x, name):
    ends = ("weight_ih_l0", "weight_hh_l0")
    path = tmp_path / "net.safetensors"
    save_file({f"{name}{number}.{end}": np.zeros(3) for number in "12" for end in ends}, path)
    sentence = refused("run", path, "--input", x)
    assert sentence.isprintable() and len(sentence) <= MOST and path.name in sentence


@pytest.mark.parametrize("name", NAMES[1:])
def test_hostile_names_of_arrays_are_shown_in_one_line(refused, tmp_path, onnx_lstm, name):
    name = name.replace("\x00", "")
    np.savez(tmp_path / "x.npz", **dict.fromkeys(("x", name), np.zeros((4, 1, 3), np.float32)))
    sentence = refused("run", onnx_lstm(), "--input", tmp_path / "x.npz")
    assert sentence.isprintable() and len(sentence) <= MOST and "has no input" in sentence


def test_an_array_larger_than_the_memory_is_refused(refused, tmp_path, net, monkeypatch):
    def fail(path):
        raise MemoryError

    monkeypatch.setattr("sim.explore.files.read_arrays", fail)
    sentence = refused("run", net, "--input", net)
    assert sentence == "there is not enough memory for this: an array is too large"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError("x.npy cannot be written"), "x.npy cannot be written"),
        (OSError(13, "Permission denied", "x.npy"), "x.npy: Permission denied"),
        (
            OSError(28, "No space left on device"),
            "a file could not be used (No space left on device); temporary files are made in "
            f"{tempfile.gettempdir()}",
        ),
    ],
)
def test_what_the_system_refuses_is_said_with_its_place(refused, net, monkeypatch, error, sentence):
    def fail(path):
        raise error

    monkeypatch.setattr("sim.explore.files.read_arrays", fail)
    assert refused("run", net, "--input", net) == sentence


def test_names_of_a_model_are_printed_as_they_are_and_steer_nothing(refrain, tmp_path, x):
    helper, name = onnx.helper, "[/a][red]:smile:\x1b[31m\n"
    rng = np.random.default_rng(0)
    constants = [
        onnx.numpy_helper.from_array(rng.normal(0, 0.5, shape).astype(np.float32), each)
        for each, shape in (("W", (1, 16, 3)), ("R", (1, 16, 4)))
    ]
    node = helper.make_node("LSTM", [name, "W", "R"], [f"{name}2"], f"{name}3", hidden_size=4)
    given = helper.make_tensor_value_info(name, 1, ["time", "batch", 3])
    made = helper.make_tensor_value_info(f"{name}2", 1, None)
    graph = helper.make_graph([node], "g", [given], [made], constants)
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    shown = "[/a][red]:smile:\\x1b[31m\\n"
    for command in (["inspect", path], ["run", path, "--input", x, "--config", "tiny"]):
        status, out, err = refrain(*command)
        assert (status, err) == (0, "") and shown in out and "\x1b" not in out
