import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.whole import float_lstm

T, B = 6, 3


@pytest.fixture
def branches(maker):
    """Two layers of one name in the branches of an If that an input decides."""
    tensor, constant = maker.tensor, maker.constant

    def branch(name, nodes):
        return helper.make_graph(nodes, name, [], [tensor(f"{name}_out", None)])

    nodes = [
        maker.node("Equal", ["rate", "sixteen"], ["is"]),
        maker.node(
            "If",
            ["is"],
            ["z"],
            "which",
            then_branch=branch("t", [maker.lstm("x", ["t_out"], prefix="p")]),
            else_branch=branch("e", [maker.lstm("x", ["e_out"], prefix="q")]),
        ),
    ]
    for attribute in nodes[1].attribute:
        attribute.g.node[0].name = "rnn"
    constants = [constant("sixteen", 16), *maker.weights("p"), *maker.weights("q")]
    inputs = [tensor("x", T, "batch", maker.inputs), tensor("rate", kind=TensorProto.INT64)]
    return maker.save(nodes, inputs, ["z"], constants)


def given(rate, batch=B):
    x = np.random.default_rng(rate).normal(size=(T, batch, 5)).astype(np.float32)
    return {"x": x, "rate": np.array(rate)}


def test_each_run_takes_the_branch_of_its_inputs(branches):
    model = OnnxModel(branches)
    assert sorted(model.lstm_layers) == ["rnn", "rnn_2"]
    assert sorted(model.notes) == [
        "LSTM node rnn runs where If node which takes its else_branch",
        "LSTM node rnn_2 runs where If node which takes its then_branch",
    ]
    session = onnxruntime.InferenceSession(str(branches))
    taken = {}
    for rate in (16, 8, 16):
        (wanted,) = session.run(None, given(rate))
        got = model.run(given(rate), float_lstm)["z"]
        np.testing.assert_allclose(got, wanted, atol=1e-5, rtol=0)
        (taken[rate],) = model.capture(given(rate))
    assert set(taken.values()) == {"rnn", "rnn_2"}


def test_layers_of_one_name_in_two_branches_are_told_apart(branches):
    one, other = OnnxModel(branches).lstm_layers.values()
    assert np.abs(one.directions[0].W - other.directions[0].W).max() > 0.1


def test_a_branch_without_layers_is_refused_when_it_is_taken(maker):
    tensor = maker.tensor
    graphs = {
        "then_branch": [maker.lstm("x", ["out"])],
        "else_branch": [
            maker.node("Shape", ["x"], ["s"]),
            maker.node("Expand", ["one", "s"], ["out"]),
        ],
    }
    graphs = {
        name: helper.make_graph(nodes, name, [], [tensor("out", None)])
        for name, nodes in graphs.items()
    }
    node = maker.node("If", ["flag"], ["z"], "which", **graphs)
    inputs = [tensor("x", T, B, maker.inputs), tensor("flag", kind=TensorProto.BOOL)]
    constants = [*maker.weights(), maker.constant("one", 1, np.float32)]
    path = maker.save([node], inputs, ["z"], constants)
    model = OnnxModel(path)
    assert list(model.capture({"x": given(1)["x"], "flag": np.array(True)})) == ["prnn"]
    with pytest.raises(NetworkError) as caught:
        model.run({"x": given(1)["x"], "flag": np.array(False)}, float_lstm)
    assert str(caught.value) == (
        f"{path}: no LSTM layer runs for these inputs: If node which takes its else_branch; "
        f"give other inputs"
    )


def test_a_model_without_layers_says_what_it_has(maker):
    nodes = [maker.node("GRU", ["x", "W", "R"], ["z"], "gate", hidden_size=4)]
    path = maker.save(nodes, [maker.tensor("x", T, B, maker.inputs)], ["z"], [])
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path)
    assert str(caught.value) == (
        f"{path}: the model has no LSTM node but the GRU node gate; Refrain runs LSTM layers: "
        f"train the network with LSTM layers in their place"
    )


def test_what_was_rewritten_is_said(maker):
    H, size = maker.hidden, maker.inputs
    rng = np.random.default_rng(0)
    weights = [
        maker.constant(name, rng.normal(0, 0.7, shape), np.float32)
        for name, shape in (("W", (size, 4 * H)), ("R", (H, 4 * H)), ("b", (4 * H,)))
    ]
    node = maker.node
    nodes = [
        node("MatMul", ["x", "W"], ["xw"]),
        node("MatMul", ["h", "R"], ["hr"]),
        node("Add", ["xw", "hr"], ["sum"]),
        node("Add", ["sum", "b"], ["gates"]),
        node("Split", ["gates", "sizes"], ["i0", "f0", "g0", "o0"], axis=1),
        *(node("Sigmoid", [f"{name}0"], [name]) for name in "ifo"),
        node("Tanh", ["g0"], ["g"]),
        node("Mul", ["i", "g"], ["new"]),
        node("Mul", ["f", "c"], ["old"]),
        node("Add", ["new", "old"], ["cn"]),
        node("Tanh", ["cn"], ["tc"]),
        node("Mul", ["o", "tc"], ["hn"], "model/lstm/mul"),
    ]
    inputs = [maker.tensor(n, "batch", s) for n, s in (("x", size), ("h", H), ("c", H))]
    path = maker.save(
        nodes, inputs, ["hn", "cn"], [*weights, maker.constant("sizes", [H] * 4, np.int64)]
    )
    model = OnnxModel(path)
    assert model.notes == (
        "LSTM node model/lstm stands for one step of an LSTM that the model writes out as "
        "products, sigmoids and tangents",
    )
    values = {
        v.name: rng.normal(size=(B, v.type.tensor_type.shape.dim[1].dim_value)) for v in inputs
    }
    values = {name: value.astype(np.float32) for name, value in values.items()}
    wanted = onnxruntime.InferenceSession(str(path)).run(None, values)
    got = model.run(values, float_lstm)
    for value, name in zip(wanted, ("hn", "cn"), strict=True):
        np.testing.assert_allclose(got[name], value, atol=1e-5, rtol=0)


@pytest.mark.parametrize("per_row", [False, True])
def test_codes_around_a_layer_and_of_its_weights_are_real_numbers_in_it(maker, per_row):
    """QDQ: weights in int8, x and y through codes on the host."""
    node, constant = maker.node, maker.constant
    rng = np.random.default_rng(0)
    constants, nodes = [constant("s", 0.02, np.float32), constant("z", 3, np.int8)], []
    for name, size in (("W", maker.inputs), ("R", maker.hidden)):
        rows = 4 * maker.hidden
        scale = rng.uniform(0.004, 0.008, rows if per_row else ())
        constants += [
            constant(f"{name}q", rng.integers(-127, 128, (1, rows, size)), np.int8),
            constant(f"{name}s", scale, np.float32),
            constant(f"{name}z", np.full(scale.shape, 5), np.int8),
        ]
        names = [f"{name}q", f"{name}s", f"{name}z"]
        nodes.append(node("DequantizeLinear", names, [f"p{name}"], axis=1))
    constants.append(maker.weights()[2])
    for before, after in (("x", "xd"), ("y", "yd")):
        nodes += [
            node("QuantizeLinear", [before, "s", "z"], [f"{before}q"]),
            node("DequantizeLinear", [f"{before}q", "s", "z"], [after]),
        ]
    nodes.insert(4, maker.lstm("xd", ["y"]))
    path = maker.save(nodes, [maker.tensor("x", T, B, maker.inputs)], ["yd"], constants)
    model = OnnxModel(path)
    assert model.notes == ("the weights of LSTM node prnn were dequantised",)
    x = given(1)["x"]
    (wanted,) = onnxruntime.InferenceSession(str(path)).run(None, {"x": x})
    # One code of y may fall to the other side.
    np.testing.assert_allclose(model.run({"x": x}, float_lstm)["yd"], wanted, atol=0.021, rtol=0)
    assert np.abs(wanted).max() > 0.1
