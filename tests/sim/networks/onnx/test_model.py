import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.whole import float_lstm
from sim.workloads import silero
from sim.workloads.packages import fetch

INPUTS, H, T, B = 5, 4, 7, 3


def compare(path, inputs, atol=1e-5):
    """Run both ways; the model."""
    model = OnnxModel(path)
    session = onnxruntime.InferenceSession(str(path))
    wanted = session.run(None, inputs)
    got = model.run(inputs, float_lstm)
    assert list(got) == [value.name for value in session.get_outputs()]
    for name, value in zip(got, wanted, strict=True):
        assert got[name].dtype == value.dtype
        np.testing.assert_allclose(got[name], value, atol=atol, rtol=0, err_msg=name)
    return model


def sequences(seed=1, batch=B):
    return np.random.default_rng(seed).normal(size=(T, batch, INPUTS)).astype(np.float32)


@pytest.fixture
def two(maker):
    """Relu -> bidirectional LSTM -> reshape -> LSTM -> tanh, and a path around both."""
    nodes = [
        maker.node("Relu", ["x"], ["a"]),
        maker.node("Exp", ["a"], ["early"]),
        maker.lstm("a", ["y1", "h1", ""], direction="bidirectional"),
        maker.node("Transpose", ["y1"], ["t"], perm=[0, 2, 1, 3]),
        maker.node("Constant", [], ["shape"], value=numpy_helper.from_array(np.array([0, 0, -1]))),
        maker.node("Reshape", ["t", "shape"], ["b"]),
        maker.node("Slice", ["h1", "zero", "one", "zero"], ["h1_first"]),
        maker.lstm("b", ["y2", "", "c2"], "", "h1_first", "", prefix="q"),
        maker.node("Squeeze", ["y2", "one"], ["s"]),
        maker.node("Add", ["s", "bias"], ["z"]),
        maker.node("ReduceMax", ["early"], ["top"]),
        maker.node("Mul", ["z", "top"], ["out"]),
    ]
    constants = [
        *maker.weights("p", INPUTS, 2),
        *maker.weights("q", 2 * H),
        maker.constant("bias", np.linspace(-1, 1, H), np.float32),
        maker.constant("zero", np.array([0])),
        maker.constant("one", np.array([1])),
    ]
    return maker.save(
        nodes, [maker.tensor("x", T, B, INPUTS)], ["out", "c2", "early", "bias"], constants
    )


def test_a_graph_of_two_lstms_equals_onnx_runtime(two):
    model = compare(two, {"x": sequences()})
    assert list(model.lstm_layers) == ["prnn", "qrnn"]
    assert [len(layer.directions) for layer in model.lstm_layers.values()] == [2, 1]
    assert model.inputs == ("x",)


def test_every_other_node_runs_once(two):
    piece = OnnxModel(two)._pieces.first
    counts = [len(nodes) for nodes in piece.graph._segments(list(piece.lstms.values()))]
    assert counts == [3, 3, 3]


def test_the_caller_computes_the_lstm_nodes(two):
    calls = []

    def zeros(name, layer, x, h0, c0):
        calls.append((name, x.shape, None if h0 is None else h0.shape, c0))
        directions = len(layer.directions)
        state = np.zeros((directions, B, H))
        return np.zeros((B, T, directions * H)), state, state

    outputs = OnnxModel(two).run({"x": sequences()}, zeros)
    assert calls == [("prnn", (B, T, INPUTS), None, None), ("qrnn", (B, T, 2 * H), (1, B, H), None)]
    top = np.exp(sequences()).max()
    bias = OnnxModel(two).run({"x": sequences()}, zeros)["bias"]
    np.testing.assert_allclose(outputs["out"], np.broadcast_to(bias * top, (T, B, H)), rtol=1e-6)


def test_the_activations_that_reach_each_lstm_are_captured(two):
    captured = OnnxModel(two).capture({"x": sequences()})
    (first,), (second,) = captured["prnn"], captured["qrnn"]
    assert (first.x == np.maximum(sequences(), 0).swapaxes(0, 1)).all()
    assert first.h0 is None and first.c0 is None
    assert second.x.shape == (B, T, 2 * H) and second.h0.shape == (1, B, H)


def test_a_result_of_another_shape_is_the_callers_mistake(two):
    with pytest.raises(ValueError, match=r"^y of LSTM node prnn has the shape \(3, 7, 4\)$"):
        OnnxModel(two).run({"x": sequences()}, lambda *_: (np.zeros((B, T, H)), None, None))


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_precisions_keep_their_type(maker, kind):
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    constants = [
        numpy_helper.from_array(numpy_helper.to_array(t).astype(dtype), t.name)
        for t in maker.weights("p", INPUTS)
    ]
    nodes = [
        maker.node("Neg", ["x"], ["a"]),
        maker.lstm("a", ["y"]),
        maker.node("Neg", ["y"], ["z"]),
    ]
    path = maker.save(nodes, [maker.tensor("x", T, B, INPUTS, kind=kind)], ["z"], constants)
    got = OnnxModel(path).run({"x": sequences()}, float_lstm)["z"]
    assert got.dtype == dtype
    path = maker.save(nodes, [maker.tensor("x", T, B, INPUTS)], ["z"], maker.weights("p", INPUTS))
    wanted = OnnxModel(path).run({"x": sequences()}, float_lstm)["z"]
    np.testing.assert_allclose(got, wanted, atol=1e-2 if dtype == np.float16 else 1e-6)


def test_states_that_are_inputs_reach_the_lstm(maker):
    state = [np.random.default_rng(k).normal(size=(1, B, H)).astype(np.float32) for k in (2, 3)]
    shapes = [maker.tensor(name, 1, B, H) for name in ("h", "c")]
    nodes = [maker.lstm("x", ["y", "hn", "cn"], "", "h", "c")]
    path = maker.save(
        nodes,
        [maker.tensor("x", T, B, INPUTS), *shapes],
        ["y", "hn", "cn"],
        maker.weights("p", INPUTS),
    )
    compare(path, {"x": sequences(), "h": state[0], "c": state[1]})


def test_batch_first_equals_time_first(maker):
    # ONNX Runtime has no layout 1, so the model with layout 0 is the reference.
    state = np.random.default_rng(2).normal(size=(2, B, H)).astype(np.float32)
    outputs = []
    for layout, axes in ((0, (1, 2, 0, 3)), (1, (0, 1, 2, 3))):
        shape = (B, T, INPUTS) if layout else (T, B, INPUTS)
        state_shape = (B, 2, H) if layout else (2, B, H)
        nodes = [
            maker.lstm("x", ["y", "hn", "cn"], "", "h", layout=layout, direction="bidirectional"),
            maker.node("Transpose", ["y"], ["z"], perm=np.argsort(axes).tolist()),
        ]
        inputs = [maker.tensor("x", *shape), maker.tensor("h", *state_shape)]
        path = maker.save(nodes, inputs, ["y", "hn", "cn"], maker.weights("p", INPUTS, 2))
        x = sequences().swapaxes(0, 1) if layout else sequences()
        h = state.swapaxes(0, 1) if layout else state
        outputs.append(OnnxModel(path).run({"x": x, "h": h}, float_lstm))
    time_first, batch_first = outputs
    assert (batch_first["y"] == time_first["y"].transpose(2, 0, 1, 3)).all()
    for name in ("hn", "cn"):
        assert (batch_first[name] == time_first[name].swapaxes(0, 1)).all()


def test_weights_made_of_constants_are_folded(maker):
    W, R, bias = maker.weights("p", INPUTS)
    for tensor, name in ((W, "Wt"), (bias, "half")):
        tensor.name = name
    nodes = [
        maker.node("Mul", ["Wt", "three"], ["pW"]),
        maker.node("Add", ["half", "half"], ["pB"]),
        maker.lstm("x", ["y"]),
    ]
    three = maker.constant("three", np.float32(3))
    path = maker.save(nodes, [maker.tensor("x", T, B, INPUTS)], ["y"], [W, R, bias, three])
    compare(path, {"x": sequences()})


def test_weights_made_of_inputs_are_refused(maker):
    W, R, bias = maker.weights("p", INPUTS)
    W.name = "Wt"
    nodes = [maker.node("Mul", ["Wt", "k"], ["pW"]), maker.lstm("x", ["y"])]
    path = maker.save(
        nodes, [maker.tensor("x", T, B, INPUTS), maker.tensor("k")], ["y"], [W, R, bias]
    )
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path)
    assert str(caught.value) == (
        f"{path}: LSTM node prnn has input weights computed at run time, which is not supported; "
        f"export the model with constant weights"
    )


def test_branches_see_what_was_made_before_the_lstm(maker):
    branches = {
        f"{name}_branch": helper.make_graph(
            [
                maker.node(op, ["early"], [f"{name}_mid"]),
                maker.node("Add", [f"{name}_mid", "limit"], [f"{name}_out"]),
            ],
            name,
            [],
            [maker.tensor(f"{name}_out", None)],
        )
        for name, op in (("then", "Neg"), ("else", "Exp"))
    }
    nodes = [
        maker.node("Tanh", ["x"], ["early"]),
        maker.lstm("x", ["y"]),
        maker.node("ReduceMax", ["y"], ["m"], keepdims=0),
        maker.node("Greater", ["m", "limit"], ["is"]),
        maker.node("If", ["is"], ["z"], **branches),
    ]
    limit = maker.constant("limit", np.float32(0))
    path = maker.save(
        nodes, [maker.tensor("x", T, B, INPUTS)], ["z"], [*maker.weights("p", INPUTS), limit]
    )
    compare(path, {"x": sequences()})


def test_local_functions_are_expanded(maker):
    function = helper.make_function(
        "local",
        "Layer",
        ["a", "pW", "pR", "pB"],
        ["y"],
        [maker.node("Neg", ["a"], ["n"]), maker.lstm("n", ["y"])],
        [helper.make_opsetid("", 17)],
    )
    nodes = [maker.node("Layer", ["x", "pW", "pR", "pB"], ["y"], domain="local")]
    path = maker.save(
        nodes, [maker.tensor("x", T, B, INPUTS)], ["y"], maker.weights("p", INPUTS), [function]
    )
    compare(path, {"x": sequences()})


def test_nodes_of_one_name_are_told_apart(maker):
    first, second = maker.lstm("x", ["y1"]), maker.lstm("x", ["y2"], prefix="q")
    first.name = second.name = "same"
    constants = [*maker.weights("p", INPUTS), *maker.weights("q", INPUTS)]
    path = maker.save([first, second], [maker.tensor("x", T, B, INPUTS)], ["y1", "y2"], constants)
    # ONNX Runtime takes no such model as a whole.
    model = OnnxModel(path)
    assert list(model.lstm_layers) == ["y1", "y2"]
    outputs = model.run({"x": sequences()}, float_lstm)
    assert np.abs(outputs["y1"] - outputs["y2"]).max() > 0.1


def nan():
    x = sequences()
    x[0, 0, 0] = np.nan
    return x


@pytest.mark.parametrize(
    "inputs, sentence",
    [
        ({}, "{path} needs the input x"),
        ({"x": sequences(), "y": 1}, "{path} has no input y; its inputs are x"),
        ({"x": nan()}, "input x must hold finite numbers"),
        ({"x": np.full((7, 3, 5), "a")}, "input x must hold numbers, not <U1"),
    ],
)
def test_bad_inputs_are_refused(two, inputs, sentence):
    with pytest.raises(NetworkError) as caught:
        OnnxModel(two).run(inputs, float_lstm)
    assert str(caught.value) == sentence.format(path=two)


@pytest.mark.slow
def test_silero_vad_equals_onnx_runtime():
    x = np.random.default_rng(0).normal(0, 0.1, (40, 576)).astype(np.float32)
    state = np.random.default_rng(1).normal(0, 0.3, (2, 1, 1, 128)).astype(np.float32)
    inputs = {"input": x, "h": state[0], "c": state[1]}
    # c reaches 20 there, so its last digit is worth 2e-6.
    model = compare(fetch(silero.MODEL), inputs, atol=2e-5)
    (layer,) = model.lstm_layers.values()
    assert layer.directions[0].W.shape == (4, 128, 128)
    ((captured,),) = model.capture(inputs).values()
    assert captured.x.shape == (1, 40, 128)


def test_weights_that_others_use_too_are_folded(maker):
    W, R, bias = maker.weights("p", INPUTS)
    W.name = "Wt"
    nodes = [
        maker.node("Neg", ["Wt"], ["pW"]),
        maker.lstm("x", ["y"]),
        maker.node("ReduceSum", ["pW"], ["total"], keepdims=0),
        maker.node("Add", ["y", "total"], ["z"]),
    ]
    path = maker.save(nodes, [maker.tensor("x", T, B, INPUTS)], ["z", "pW"], [W, R, bias])
    compare(path, {"x": sequences()})
