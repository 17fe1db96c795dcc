"""What is said of files of every kind: those that run, and those that do not."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

from hw.config import CONFIGS
from sim.explore.inspecting import inspect_file
from sim.networks.container import Part, container_bytes
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError
from sim.networks.quantizer import quantize

DATA = Path(__file__).parents[2] / "data"
H = 4


def inspected(path):
    """What is said, as JSON keeps it."""
    return json.loads(json.dumps(inspect_file(path)))


def facts(figures, *names):
    return [tuple(layer[name] for name in names) for layer in figures["layers"]]


def network(*sizes, directions=1):
    rng, layers, inputs = np.random.default_rng(0), [], sizes[0]
    for hidden in sizes[1:]:
        lstms = tuple(
            FloatLstm(
                W=rng.normal(0, 0.3, (4, hidden, inputs)).astype(np.float32),
                R=rng.normal(0, 0.3, (4, hidden, hidden)).astype(np.float32),
                bias=np.zeros((4, hidden), np.float32),
                reverse=bool(number),
            )
            for number in range(directions)
        )
        layers.append(FloatLayer(directions=lstms))
        inputs = hidden * directions
    samples = rng.normal(size=(2, 6, sizes[0])).astype(np.float32)
    return FloatNetwork(layers=tuple(layers)), samples


def test_an_onnx_model_that_runs(tmp_path, onnx_graph):
    graph = onnx_graph()
    graph.inputs += ["h0", "c0"]
    first = graph.lstm("a", "x", 3, states=["h0", "c0"])
    second = graph.lstm("b", graph.joined(first), 4, 2)
    graph.nodes.append(helper.make_node("Relu", [second], ["y"]))
    figures = inspected(graph.save(tmp_path / "net.onnx", "y"))
    assert figures["what"] == "an ONNX model, opset 17"
    assert figures["inputs"][0] == {"name": "x", "shape": ["time", "batch", 3], "kind": "float32"}
    assert [port["name"] for port in figures["inputs"]] == ["x", "h0", "c0"]
    assert [port["name"] for port in figures["outputs"]] == ["y"]
    assert facts(figures, "name", "inputs", "hidden", "directions", "begins", "refused") == [
        ("a", 3, 4, 1, "the inputs h0, c0", None),
        ("b", 4, 4, 2, "zero", None),
    ]
    assert figures["networks"] == [["a", "b"]]
    assert figures["host"] == {"Relu": 1, "Squeeze": 1}
    assert figures["refused"] is None
    assert figures["next"] == f"refrain run {tmp_path / 'net.onnx'} --input x.npz"


def test_states_that_a_model_gives_back_are_told(tmp_path, onnx_graph):
    graph = onnx_graph()
    graph.inputs += ["h0", "c0"]
    graph.lstm("a", "x", 3, states=["h0", "c0"])
    for name in ("h", "c"):
        graph.nodes.append(helper.make_node("Identity", [f"a_{name}"], [f"{name}n"]))
    path = graph.save(tmp_path / "net.onnx", "a_y", "hn", "cn")
    figures = inspected(path)
    assert figures["states"] == {"h0": "hn", "c0": "cn"}
    assert figures["next"] == f"refrain run {path} --input x.npy"


@pytest.mark.parametrize("fill, begins", [(None, "zero"), (0.0, "zero"), (0.5, "computed")])
def test_states_of_the_size_of_the_input_are_zero_where_they_are_filled_with_it(
    tmp_path, onnx_graph, fill, begins
):
    graph = onnx_graph()
    # PyTorch writes zeros of [1, batch, H] so, from the shape of x.
    graph.constant("one", np.array([1]))
    graph.constant("units", np.array([4]))
    options = {} if fill is None else {"value": numpy_helper.from_array(np.float32([fill]))}
    graph.nodes += [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["batch"]),
        helper.make_node("Concat", ["one", "batch", "units"], ["size"], axis=0),
        helper.make_node("ConstantOfShape", ["size"], ["zeros"], **options),
    ]
    graph.lstm("a", "x", 3, states=["zeros", "zeros"])
    (layer,) = inspected(graph.save(tmp_path / "net.onnx", "a_y"))["layers"]
    assert layer["begins"] == begins


def test_a_state_that_is_computed_or_constant_is_said_to_be(tmp_path, onnx_graph):
    for name, begins in (("Abs", "computed from the input h0"), ("constant", "constants")):
        graph = onnx_graph()
        graph.inputs.append("h0")
        if name == "Abs":
            graph.nodes.append(helper.make_node("Abs", ["h0"], ["state"]))
        else:
            graph.constant("state", np.full((1, 1, H), 0.5, np.float32))
        graph.lstm("a", "x", 3, states=["state", "state"])
        (layer,) = inspected(graph.save(tmp_path / "net.onnx", "a_y"))["layers"]
        assert layer["begins"] == begins


def gru(path):
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
        for name, shape in (("W", (1, 12, 3)), ("R", (1, 12, 4)))
    ]
    nodes = [
        helper.make_node("GRU", ["x", "W", "R"], ["g"], "gru", hidden_size=4),
        helper.make_node("Relu", ["g"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", 1, ["time", "batch", 3])
    graph = helper.make_graph(nodes, "graph", [x], [onnx.ValueInfoProto(name="y")], weights)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_an_onnx_model_that_does_not_run_is_described_and_the_reason_is_given(tmp_path):
    figures = inspected(gru(tmp_path / "net.onnx"))
    assert facts(figures, "name", "kind", "inputs", "hidden", "refused") == [
        ("gru", "GRU", 3, 4, "it is a GRU, and LSTM layers run")
    ]
    assert figures["host"] == {"Relu": 1}
    assert figures["refused"].startswith(f"{tmp_path / 'net.onnx'}: the model has no LSTM node but")
    assert figures["configurations"] == [] and figures["next"] is None


def test_the_node_that_is_refused_has_the_reason(tmp_path, onnx_graph):
    graph = onnx_graph()
    graph.lstm("good", "x", 3)
    graph.lstm("bad", "x", 3)
    graph.nodes[-1].attribute.append(helper.make_attribute("input_forget", 1))
    figures = inspected(graph.save(tmp_path / "net.onnx", "good_y", "bad_y"))
    good, bad = figures["layers"]
    assert good["refused"] is None and "input_forget" in bad["refused"]
    assert "bad" in figures["refused"]


def test_a_tflite_file_that_runs():
    path = DATA / "lstm_64_128_int8.tflite"
    figures = inspected(path)
    (layer,) = figures["layers"]
    assert (layer["inputs"], layer["hidden"], layer["formats"]["code_bits"]) == (64, 128, 8)
    assert layer["weight_bits"] == 8
    assert figures["inputs"][0]["kind"].startswith("int8, scale ")
    assert figures["host"] == {} and figures["refused"] is None
    assert figures["next"] == f"refrain run {path} --input x.npy"


def test_a_damaged_file_cannot_be_looked_into(tmp_path):
    for suffix in (".tflite", ".onnx", ".safetensors", ".pt", ".refrain"):
        path = tmp_path / f"net{suffix}"
        path.write_bytes(b"\x00\x01\x02\x03TFL3" + b"\xff" * 40 if suffix == ".tflite" else b"text")
        with pytest.raises(NetworkError) as caught:
            inspect_file(path)
        assert str(caught.value).startswith(str(path))


def test_weights_of_pytorch_with_an_lstm_a_gru_and_a_projection(tmp_path):
    def weights(prefix, rows, hidden, **more):
        return {
            f"{prefix}weight_ih_l0": np.zeros((rows * hidden, 3), np.float32),
            f"{prefix}weight_hh_l0": np.zeros((rows * hidden, hidden), np.float32),
            **more,
        }

    path = tmp_path / "net.safetensors"
    hr = {"p.weight_hr_l0": np.zeros((2, 4), np.float32)}
    arrays = weights("l.", 4, 4) | weights("g.", 3, 4) | weights("p.", 4, 4) | hr
    save_file(arrays | {"head.weight": np.zeros((2, 2), np.float32)}, path)
    figures = inspected(path)
    assert facts(figures, "name", "kind", "inputs", "hidden") == [
        ("g", "GRU", 3, 4),
        ("l", "LSTM", 3, 4),
        ("p", "LSTM", 3, 4),
    ]
    assert "nn.GRU g is not supported" in figures["layers"][0]["refused"]
    assert figures["layers"][1]["refused"] is None
    assert "proj_size=2" in figures["layers"][2]["refused"]
    assert figures["networks"] == [["l"]]
    assert figures["what"] == "weights in a safetensors file: 8 tensors, 1 of them of other layers"
    assert figures["next"] == f"refrain run {path} --input x.npy --node l"


def test_several_lstms_are_listed_and_one_is_proposed():
    figures = inspected(DATA / "pytorch" / "two.pt")
    assert facts(figures, "name", "hidden") == [("decoder", 5), ("encoder", 4)]
    assert figures["next"].endswith("--input x.npy --node decoder")


@pytest.mark.parametrize(
    "name, what",
    [
        ("module.pt", "a whole module (__main__.Net) that torch.save wrote"),
        ("script.pt", "a TorchScript archive"),
        ("program.pt2", "an exported program (.pt2)"),
    ],
)
def test_files_of_pytorch_that_are_no_weights_are_named(name, what):
    figures = inspected(DATA / "pytorch" / name)
    assert figures["what"] == what
    assert 'torch.save(model.state_dict(), "weights.pt")' in figures["refused"]


def test_a_file_of_another_program_is_named(tmp_path):
    path = tmp_path / "net.h5"
    path.write_bytes(b"\x89HDF\r\n")
    figures = inspected(path)
    assert figures["what"] == "a Keras model" and 'format="onnx"' in figures["refused"]


def test_a_refrain_file(tmp_path):
    both, samples = network(3, 4, directions=2)
    stacked, _ = network(3, 5, 6)
    parts = [
        Part(name="a", network=quantize(both, samples, weight_bits=4), nodes=("/a/LSTM",)),
        Part(name="b", network=quantize(stacked, samples)),
    ]
    path = tmp_path / "nets.refrain"
    path.write_bytes(container_bytes(parts))
    figures = inspected(path)
    assert facts(figures, "name", "layer", "hidden", "directions", "weight_bits") == [
        ("a", 0, 4, 2, 4),
        ("b", 0, 5, 1, 8),
        ("b", 1, 6, 1, 8),
    ]
    assert figures["networks"] == [["a"], ["b"]]
    assert figures["notes"] == ["the layers are the LSTM nodes /a/LSTM of a model"]
    assert figures["next"] == f"refrain run {path} --input x.npy --node a"


def configurations(tmp_path, *sizes, bits=8):
    floats, samples = network(*sizes)
    path = tmp_path / "net.refrain"
    integers = quantize(floats, samples, activation_bits=bits)
    path.write_bytes(container_bytes([Part(name="a", network=integers)]))
    return inspected(path), {row["name"]: row for row in inspected(path)["configurations"]}


def test_configurations_that_are_too_small_say_what_is_too_much(tmp_path):
    figures, rows = configurations(tmp_path, 3, 300)
    assert list(rows) == list(CONFIGS)
    assert rows["tiny"]["why_not"] == "a has 300 hidden units, and at most 256 fit"
    assert not rows["tiny"]["holds"] and rows["edge"]["holds"]
    assert figures["next"].endswith("--input x.npy")


def test_codes_of_another_width_do_not_fit(tmp_path):
    figures, rows = configurations(tmp_path, 3, 4, bits=6)
    assert rows["edge"]["why_not"] == "a has codes of 6 bits, and its codes have 8"
    assert figures["next"] is None


def test_the_share_of_weights_that_stay_is_that_of_the_machine(tmp_path):
    # tiny: 2,048 column words; a layer of 100 units in blocks of 2 has 50 blocks of 103 words.
    _, rows = configurations(tmp_path, 3, 100, 20)
    assert CONFIGS["tiny"].units_per_block == 2
    words = 50 * 103 + 10 * 120
    assert rows["tiny"]["weights_resident"] == pytest.approx(19 * 103 / words)


def test_no_such_file_is_refused(tmp_path):
    with pytest.raises(NetworkError) as caught:
        inspect_file(tmp_path / "none.onnx")
    assert str(caught.value).startswith(f"{tmp_path / 'none.onnx'} cannot be read: No such file")


def test_an_onnx_model_whose_weights_are_missing_is_described(tmp_path, onnx_graph):
    path = onnx_graph()
    path.lstm("a", "x", 3)
    path = path.save(tmp_path / "net.onnx", "a_y")
    options = {"location": "net.data", "size_threshold": 0, "convert_attribute": False}
    onnx.save(onnx.load(path), path, save_as_external_data=True, **options)
    assert inspected(path)["refused"] is None
    (tmp_path / "net.data").unlink()
    figures = inspected(path)
    assert facts(figures, "name", "inputs", "hidden", "refused") == [("a", 3, 4, None)]
    assert figures["refused"].startswith(str(path))
