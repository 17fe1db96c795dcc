import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.whole import float_lstm

T = 7


def tail(maker, *, first="x"):
    """Batch first: transpose, LSTM, transpose."""
    return [
        maker.node("Transpose", [first], ["a"], perm=[1, 0, 2]),
        maker.lstm("a", ["y", "hn"]),
        maker.node("Squeeze", ["y", "one"], ["s"]),
        maker.node("Transpose", ["s"], ["z"], perm=[1, 0, 2]),
    ]


def fixed(maker, batch, outputs=("z", "hn")):
    constants = [*maker.weights(), maker.constant("one", [1])]
    return maker.save(tail(maker), [maker.tensor("x", batch, T, 5)], outputs, constants)


def sequences(count, time=T):
    return np.random.default_rng(1).normal(size=(count, time, 5)).astype(np.float32)


@pytest.mark.parametrize("batch, count", [(1, 6), (2, 6), (3, 3)])
def test_sequences_beyond_a_fixed_batch_run_one_batch_after_the_other(maker, batch, count):
    x = sequences(count)
    path = fixed(maker, batch)
    got = OnnxModel(path).run({"x": x}, float_lstm)
    session = onnxruntime.InferenceSession(path)
    parts = [session.run(None, {"x": x[k : k + batch]}) for k in range(0, count, batch)]
    np.testing.assert_allclose(got["z"], np.concatenate([p[0] for p in parts], 0), atol=1e-5)
    np.testing.assert_allclose(got["hn"], np.concatenate([p[1] for p in parts], 1), atol=1e-5)


def test_all_sequences_are_captured(maker):
    (seen,) = OnnxModel(fixed(maker, 2)).capture({"x": sequences(6)}).values()
    assert [call.x.shape for call in seen] == [(2, T, 5)] * 3
    assert (np.concatenate([call.x for call in seen]) == sequences(6)).all()


def test_states_are_cut_along_their_own_batch(maker):
    inputs = [maker.tensor("x", T, 1, 5), maker.tensor("h", 1, 1, 4), maker.tensor("k")]
    nodes = [maker.node("Mul", ["x", "k"], ["a"]), maker.lstm("a", ["y", "hn"], "", "h")]
    path = maker.save(nodes, inputs, ["y", "hn"], maker.weights())
    x = sequences(4).swapaxes(0, 1)
    h = np.random.default_rng(2).normal(size=(1, 4, 4)).astype(np.float32)
    k = np.array(0.5, np.float32)
    got = OnnxModel(path).run({"x": x, "h": h, "k": k}, float_lstm)
    session = onnxruntime.InferenceSession(path)
    for row in range(4):
        part = slice(row, row + 1)
        y, hn = session.run(None, {"x": x[:, part], "h": h[:, part], "k": k})
        np.testing.assert_allclose(got["y"][:, :, part], y, atol=1e-5)
        np.testing.assert_allclose(got["hn"][:, part], hn, atol=1e-5)


def test_a_state_of_one_batch_is_given_to_every_batch(maker):
    inputs = [maker.tensor("x", T, 1, 5), maker.tensor("h", 1, 1, 4)]
    nodes = [maker.lstm("x", ["y"], "", "h")]
    model = OnnxModel(maker.save(nodes, inputs, ["y"], maker.weights()))
    h = np.full((1, 1, 4), 0.5, np.float32)
    x = np.repeat(sequences(1), 2, 0).swapaxes(0, 1)
    y = model.run({"x": x, "h": h}, float_lstm)["y"]
    assert y.shape == (T, 1, 2, 4) and (y[:, :, 0] == y[:, :, 1]).all()


def test_more_steps_than_the_file_fixes_are_refused(maker):
    path = fixed(maker, 1)
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": sequences(1, 2 * T)}, float_lstm)
    assert str(caught.value) == (
        f"{path}: axis 1 of the input x must have the size 7, as the file fixes it, for it is not "
        f"the batch of the LSTM nodes; export the model with an axis of any size"
    )


def test_an_axis_that_cannot_be_followed_must_be_the_first(maker):
    constants = [*maker.weights(), maker.constant("one", [1]), maker.constant("to", [T, 1, 5])]
    nodes = [maker.node("Reshape", ["x", "to"], ["r"]), maker.lstm("r", ["y"])]
    path = maker.save(nodes, [maker.tensor("x", 1, 5, T)], ["y"], constants)
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": np.ones((1, 10, T), np.float32)}, float_lstm)
    assert "axis 1 of the input x must have the size 5" in str(caught.value)
    assert "cannot be told to be the batch" in str(caught.value)
    with pytest.raises(NetworkError) as caught:
        x = np.random.default_rng(0).normal(size=(3, 5, T)).astype(np.float32)
        OnnxModel(path).run({"x": x}, float_lstm)
    assert str(caught.value) == (
        f"{path}: it cannot be known which axis of the output y, [7, 1, 1, 4], is the batch; give "
        f"1 sequence at a time, or export the model with a batch of any size"
    )


@pytest.mark.parametrize(
    "x, sentence",
    [
        (sequences(1)[0], "the input x must have the shape [2, 7, 5], not [7, 5]"),
        (sequences(3), "the input x must have the shape [2, 7, 5], not [3, 7, 5]"),
        (sequences(4, 14), "the input x must have the shape [2, 7, 5], not [4, 14, 5]"),
        (sequences(2)[..., :4], "the input x must have the shape [2, 7, 5], not [2, 7, 4]"),
        (sequences(0), "the input x must have the shape [2, 7, 5], not [0, 7, 5]"),
    ],
)
def test_other_shapes_are_refused_before_onnx_runtime_sees_them(maker, x, sentence):
    path = fixed(maker, 2)
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": x}, float_lstm)
    assert str(caught.value) == f"{path}: {sentence}"


def test_open_sizes_may_differ_though_exporters_write_all_of_them_as_a_question_mark(maker):
    inputs = [maker.tensor("x", "?", "?", 5)]
    path = maker.save([maker.lstm("x", ["y"])], inputs, ["y"], maker.weights())
    x = sequences(3).swapaxes(0, 1)
    assert x.shape[0] != x.shape[1]
    outputs = OnnxModel(path).run({"x": x}, float_lstm)
    assert outputs["y"].shape[0] == len(x)


def test_sizes_of_one_name_must_agree(maker):
    inputs = [maker.tensor("x", "time", "batch", 5), maker.tensor("h", 1, "batch", 4)]
    path = maker.save([maker.lstm("x", ["y"], "", "h")], inputs, ["y"], maker.weights())
    x = sequences(3).swapaxes(0, 1)
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": x, "h": np.zeros((1, 2, 4), np.float32)}, float_lstm)
    assert str(caught.value) == (
        f"{path}: the size batch is 3 in the input x but 2 in the input h; they must agree"
    )


def half(maker):
    kind = TensorProto.FLOAT16
    weights = maker.weights(dtype=np.float16)
    return maker.save(
        [maker.lstm("x", ["y"])], [maker.tensor("x", T, 1, 5, kind=kind)], ["y"], weights
    )


def test_numbers_are_cast_to_what_the_model_declares(maker):
    model = OnnxModel(half(maker))
    x = sequences(1).swapaxes(0, 1)
    wanted = model.run({"x": x.astype(np.float16)}, float_lstm)["y"]
    assert (model.run({"x": x}, float_lstm)["y"] == wanted).all()
    whole = np.rint(4 * x)
    wanted = model.run({"x": whole}, float_lstm)["y"]
    assert (model.run({"x": whole.astype(np.int8)}, float_lstm)["y"] == wanted).all()


def test_numbers_that_the_type_cannot_hold_are_refused(maker):
    x = sequences(1).swapaxes(0, 1)
    x[3, 0, 2] = -7e4
    with pytest.raises(NetworkError) as caught:
        OnnxModel(half(maker)).run({"x": x}, float_lstm)
    assert str(caught.value) == "input x holds -70000, which float16 cannot hold"


@pytest.mark.parametrize("wrong", [0.5, 300, -1])
def test_whole_numbers_are_not_rounded(maker, wrong):
    inputs = [maker.tensor("x", T, 1, 5), maker.tensor("n", 2, kind=TensorProto.UINT8)]
    path = maker.save([maker.lstm("x", ["y"])], inputs, ["y", "n"], maker.weights())
    x = sequences(1).swapaxes(0, 1)
    assert OnnxModel(path).run({"x": x, "n": np.array([2.0, 7])}, float_lstm)["n"].dtype == "u1"
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": x, "n": np.array([2, wrong])}, float_lstm)
    assert str(caught.value) == "input n must hold whole numbers that uint8 can hold"
