from importlib import import_module

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as node_cases

from sim.networks.float_lstm import run_layer
from sim.networks.network import NetworkError
from sim.networks.onnx.reader import find_lstm_nodes, load_onnx, read_onnx_lstm
from sim.networks.onnx.walk import node_name

INPUTS, H, T, B = 5, 4, 7, 3
NAMES = ("X", "W", "R", "B", "", "h0", "c0", "P")


def arrays(directions=1, seed=0, batch=B):
    rng = np.random.default_rng(seed)
    shapes = {
        "W": (directions, 4 * H, INPUTS),
        "R": (directions, 4 * H, H),
        "B": (directions, 8 * H),
        "h0": (directions, batch, H),
        "c0": (directions, batch, H),
        "P": (directions, 3 * H),
    }
    return {name: rng.normal(0, 0.7, shape).astype(np.float32) for name, shape in shapes.items()}


def lstm_node(inputs=("X", "W", "R"), **attributes):
    names = [name if name in inputs else "" for name in NAMES]
    while not names[-1]:
        names.pop()
    return helper.make_node(
        "LSTM", names, ["Y", "Y_h", "Y_c"], "rnn", **{"hidden_size": H, **attributes}
    )


def refusal(node, constants):
    with pytest.raises(NetworkError) as caught:
        read_onnx_lstm(node, constants)
    return str(caught.value)


def onnxruntime_outputs(node, constants, x):
    values = [numpy_helper.from_array(v, k) for k, v in constants.items() if k in node.input]
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, x.shape)],
        [onnx.ValueInfoProto(name=name) for name in node.output],
        values,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"X": x})


@pytest.mark.parametrize("inputs", ["XWR", "XWRB"])
@pytest.mark.parametrize("states", [(), ("h0",), ("c0",), ("h0", "c0")])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_layers_equal_onnx_runtime_on_random_weights(direction, states, inputs):
    directions = 2 if direction == "bidirectional" else 1
    constants = arrays(directions)
    # A layer has one initial state for all sequences.
    for name in ("h0", "c0"):
        constants[name][:] = constants[name][:, :1]
    node = lstm_node((*inputs, *states), direction=direction)
    x = np.random.default_rng(1).normal(size=(T, B, INPUTS)).astype(np.float32)
    y, h, c = onnxruntime_outputs(node, constants, x)
    got = run_layer(read_onnx_lstm(node, constants), x.swapaxes(0, 1))
    y = y.transpose(2, 0, 1, 3).reshape(B, T, directions * H)
    for wanted, value in zip((y, h, c), got, strict=True):
        np.testing.assert_allclose(value, wanted, atol=1e-5, rtol=0)


def test_the_order_of_the_gates_is_seen_by_the_comparison():
    constants = arrays()
    x = np.random.default_rng(1).normal(size=(T, B, INPUTS)).astype(np.float32)
    y, _, _ = onnxruntime_outputs(lstm_node(), constants, x)
    for swap in ([0, 1, 3, 2], [1, 0, 2, 3], [0, 2, 1, 3]):
        wrong = {
            name: value.reshape(1, 4, H, -1)[:, swap].reshape(value.shape)
            for name, value in constants.items()
            if name in ("W", "R")
        }
        got, _, _ = run_layer(read_onnx_lstm(lstm_node(), wrong), x.swapaxes(0, 1))
        assert np.abs(got - y[:, 0].swapaxes(0, 1)).max() > 0.01


@pytest.mark.parametrize("name", ["h0", "c0"])
def test_a_state_that_is_no_constant_belongs_to_the_run(name):
    constants = arrays()
    del constants[name]
    (lstm,) = read_onnx_lstm(lstm_node(("X", "W", "R", name)), constants).directions
    assert getattr(lstm, name) is None


def test_default_activations_may_be_written_out():
    node = lstm_node(activations=["Sigmoid", "Tanh", "Tanh"], input_forget=0, layout=0)
    assert len(read_onnx_lstm(node, arrays()).directions) == 1


@pytest.mark.parametrize(
    "attributes, sentence",
    [
        (
            {"activations": ["HardSigmoid", "Tanh", "Tanh"]},
            "LSTM node rnn has the activations hardsigmoid, tanh, tanh; "
            "only sigmoid, tanh, tanh is supported; train the network with them",
        ),
        (
            {"activation_alpha": [0.2]},
            "LSTM node rnn has activation_alpha, which is not supported; "
            "train the network with plain sigmoid and tanh",
        ),
        (
            {"activation_beta": [0.2]},
            "LSTM node rnn has activation_beta, which is not supported; "
            "train the network with plain sigmoid and tanh",
        ),
        (
            {"clip": 3.0},
            "LSTM node rnn has a clip of its gates, which is not supported; export it without clip",
        ),
        (
            {"input_forget": 1},
            "LSTM node rnn has coupled gates (input_forget), which is not supported; "
            "train the network without them",
        ),
        ({"direction": "sideways"}, "LSTM node rnn has the unknown direction 'sideways'"),
        ({"layout": 2}, "LSTM node rnn has an unknown layout"),
        ({"magic": 1}, "LSTM node rnn has the attribute magic, which is not supported"),
        ({"hidden_size": 9}, "LSTM node rnn has a hidden_size of 9 but weights for 4"),
        (
            {"direction": "bidirectional"},
            "W of LSTM node rnn must have the shape (2, 16, 5), not (1, 16, 5)",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(attributes, sentence):
    assert refusal(lstm_node(**attributes), arrays()) == sentence


def test_peepholes_of_zero_are_none():
    constants = arrays()
    constants["P"][:] = 0
    layer = read_onnx_lstm(lstm_node(("X", "W", "R", "P")), constants)
    assert layer.directions[0].hidden_size == H


def test_a_projection_is_refused():
    constants = arrays()
    constants["R"] = constants["R"][:, :, :2]
    assert refusal(lstm_node(), constants) == (
        "LSTM node rnn has a projection of its 4 units to 2, which the accelerator does not have; "
        "train the network without it (proj_size=0)"
    )


def test_peepholes_are_refused():
    assert refusal(lstm_node(("X", "W", "R", "P")), arrays()) == (
        "LSTM node rnn has peephole connections, which the accelerator does not have; "
        "train the network without them"
    )


@pytest.mark.parametrize(
    "name, what", [("W", "input weights"), ("R", "recurrent weights"), ("B", "a bias")]
)
def test_weights_that_are_no_constants_are_refused(name, what):
    constants = arrays()
    del constants[name]
    assert refusal(lstm_node(("X", "W", "R", "B")), constants) == (
        f"LSTM node rnn has {what} computed at run time, which is not supported; "
        f"export the model with constant weights"
    )


def test_a_state_for_each_sequence_is_refused_as_a_constant():
    assert refusal(lstm_node(("X", "W", "R", "h0")), arrays()) == (
        "LSTM node rnn has a constant initial state that differs between sequences"
    )


@pytest.mark.parametrize("layout, shape", [(0, (2, B, H)), (1, (B, 2, H))])
def test_a_constant_state_follows_the_layout(layout, shape):
    rows = np.random.default_rng(0).normal(size=(2, H)).astype(np.float32)
    state = np.broadcast_to(rows[None] if layout else rows[:, None], shape)
    node = lstm_node(("X", "W", "R", "h0"), layout=layout, direction="bidirectional")
    layer = read_onnx_lstm(node, arrays(2) | {"h0": state})
    assert [lstm.h0.tolist() for lstm in layer.directions] == rows.tolist()


def test_a_state_of_another_shape_is_refused():
    assert refusal(lstm_node(("X", "W", "R", "c0")), arrays() | {"c0": np.zeros((1, 1, 9))}) == (
        "the initial state c0 of LSTM node rnn has the shape (1, 1, 9)"
    )


def test_weights_that_are_no_numbers_are_refused():
    constants = arrays()
    constants["R"][0, 0, 0] = np.nan
    assert refusal(lstm_node(), constants) == (
        "R of LSTM node rnn holds a value that is not a finite number"
    )


def conformance_cases():
    # Importing the module fills the list; the other operators' cases stay unbuilt.
    import_module("onnx.backend.test.case.node.lstm")
    return {case.name: case for case in node_cases._NodeTestCases if "lstm" in case.name}


CASES = conformance_cases()


def test_there_are_six_conformance_cases():
    assert sorted(CASES) == [
        "test_lstm_batchwise",
        "test_lstm_bidirectional",
        "test_lstm_defaults",
        "test_lstm_reverse",
        "test_lstm_with_initial_bias",
        "test_lstm_with_peepholes",
    ]


@pytest.mark.parametrize("name", sorted(CASES))
def test_conformance_cases_pass_or_are_refused_by_name(name):
    node = CASES[name].model.graph.node[0]
    inputs, outputs = CASES[name].data_sets[0]
    values = dict(zip([n for n in node.input if n], inputs, strict=True))
    if "peepholes" in name:
        assert refusal(node, values) == (
            "LSTM node Y_h has peephole connections, which the accelerator does not have; "
            "train the network without them"
        )
        return
    layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
    x = values["X"] if layout else values["X"].swapaxes(0, 1)
    layer = read_onnx_lstm(node, values)
    y, h, c = run_layer(layer, x)
    y = y.reshape(*x.shape[:2], len(layer.directions), -1)
    got = (y, h.swapaxes(0, 1), c.swapaxes(0, 1)) if layout else (y.transpose(1, 2, 0, 3), h, c)
    named = [value for value, name in zip(got, node.output, strict=False) if name]
    for wanted, value in zip(outputs, named, strict=True):
        np.testing.assert_allclose(value, wanted, atol=1e-6)


def model_of(*nodes):
    graph = helper.make_graph(list(nodes), "graph", [], [])
    return helper.make_model(graph)


def test_nodes_are_found_in_the_graphs_order():
    nodes = [helper.make_node("LSTM", ["X", "W", "R"], [f"Y{k}"]) for k in range(3)]
    model = model_of(nodes[0], helper.make_node("Relu", ["Y0"], ["Z"]), *nodes[1:])
    assert [node_name(node) for node in find_lstm_nodes(model)] == ["Y0", "Y1", "Y2"]


def test_a_model_without_an_lstm_is_refused():
    with pytest.raises(NetworkError) as caught:
        find_lstm_nodes(model_of(helper.make_node("GRU", ["X", "W", "R"], ["Y"])))
    assert str(caught.value) == (
        "the model has no LSTM node but the GRU node Y; "
        "Refrain runs LSTM layers: train the network with LSTM layers in their place"
    )


def test_a_node_inside_a_loop_is_refused():
    inner = helper.make_graph(
        [helper.make_node("LSTM", ["X", "W", "R"], ["Y"], "rnn")], "g", [], []
    )
    outer = helper.make_node("Loop", ["n", "b"], ["V"], "decode", body=inner)
    with pytest.raises(NetworkError) as caught:
        find_lstm_nodes(model_of(outer))
    assert str(caught.value) == (
        "LSTM node rnn lies inside the Loop node decode and cannot be taken out of it; export one "
        "step of the Loop as a model, with its states as inputs and outputs"
    )


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07", bytes(range(256))])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(NetworkError) as caught:
        load_onnx(path)
    assert str(caught.value) == f"{path} is not an ONNX model"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NetworkError) as caught:
        load_onnx(tmp_path / "none.onnx")
    assert str(caught.value) == (
        f"{tmp_path / 'none.onnx'} cannot be read: No such file or directory"
    )
