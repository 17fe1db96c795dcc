"""Streams of ONNX models, against ONNX Runtime stepped by hand."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.streams import Stream, as_stream
from sim.networks.whole import float_lstm

CALLS = 9


def step(maker, *, batch=1, names=("h0", "c0", "hn", "cn"), gain=False):
    """One step a call, batch first, with a layer before and one after the LSTM."""
    h0, c0, hn, cn = names
    nodes = [
        maker.node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        maker.lstm("t", ["w", hn, cn], "", h0, c0),
        maker.node("Squeeze", ["w", "one"], ["s"]),
        maker.node("Transpose", ["s"], ["u"], perm=[1, 0, 2]),
        maker.node("Mul", ["u", "gain" if gain else "two"], ["y"]),
    ]
    inputs = [maker.tensor("x", batch, 1, 5)]
    inputs += [maker.tensor(name, 1, batch, 4) for name in (h0, c0)]
    inputs += [maker.tensor("gain")] * gain
    outputs = [maker.tensor("y", batch, 1, 4), *(maker.tensor(n, 1, batch, 4) for n in (hn, cn))]
    constants = [*maker.weights(), maker.constant("one", [1])]
    constants += [] if gain else [maker.constant("two", np.float32(2))]
    return maker.save(nodes, inputs, outputs, constants)


def frames(*shape):
    return np.random.default_rng(1).normal(size=(CALLS, *shape)).astype(np.float32)


def by_hand(path, x, h=None, c=None, **more):
    """ONNX Runtime, a call at a time."""
    session = onnxruntime.InferenceSession(path)
    zero = np.zeros((1, x.shape[1], 4), np.float32)
    h, c = zero if h is None else h, zero if c is None else c
    found = []
    for each in x:
        y, h, c = session.run(None, {"x": each, "h0": h, "c0": c, **more})
        found.append((y, h, c))
    return [np.stack(values) for values in zip(*found, strict=True)]


def stream_of(path, given, *states):
    return as_stream(OnnxModel(path), states, [given])


@pytest.mark.parametrize("shape", [(1, 1, 5), (1, 5), (5,)])
def test_a_sequence_of_calls_is_what_stepping_by_hand_gives(maker, shape):
    path, x = step(maker), frames(*shape)
    stream, notes = stream_of(path, x)
    got = stream.run({"x": x}, float_lstm)
    for value, wanted in zip(got.values(), by_hand(path, x.reshape(CALLS, 1, 1, 5)), strict=True):
        assert value.shape == wanted.shape
        np.testing.assert_allclose(value, wanted, atol=1e-5)
    assert notes == (
        "a stream of 9 calls with the states h0=hn, c0=cn, as names and graph say; "
        "--state IN=OUT says otherwise",
    )


def test_states_begin_at_what_is_given(maker):
    path, x = step(maker), frames(1, 1, 5)
    h, c = np.random.default_rng(2).normal(0, 0.5, (2, 1, 1, 4)).astype(np.float32)
    given = {"x": x, "h0": h, "c0": c}
    stream, _ = stream_of(path, given)
    got = stream.run(given, float_lstm)
    for value, wanted in zip(got.values(), by_hand(path, x, h, c), strict=True):
        np.testing.assert_allclose(value, wanted, atol=1e-5)


def test_what_has_the_shape_of_a_call_is_the_same_in_every_call(maker):
    path, x, gain = step(maker, gain=True), frames(1, 1, 5), np.array(3, np.float32)
    stream, _ = stream_of(path, {"x": x, "gain": gain})
    got = stream.run({"x": x, "gain": gain}, float_lstm)["y"]
    np.testing.assert_allclose(got, by_hand(path, x, gain=gain)[0], atol=1e-5)
    gains = np.arange(CALLS).astype(np.float32)
    got = stream.run({"x": x, "gain": gains}, float_lstm)["y"]
    assert not got[0].any()
    np.testing.assert_allclose(got[3], by_hand(path, x, gain=gain)[0][3], atol=1e-5)


def test_several_streams_at_once_are_a_batch(maker):
    path, x = step(maker, batch="b"), frames(3, 1, 5)
    stream, _ = stream_of(path, x)
    got = stream.run({"x": x}, float_lstm)
    for value, wanted in zip(got.values(), by_hand(path, x), strict=True):
        np.testing.assert_allclose(value, wanted, atol=1e-5)


def test_inputs_of_the_declared_shapes_are_one_call(maker):
    path = step(maker, batch="b")
    x = frames(1, 5)
    states = np.random.default_rng(2).normal(0, 0.5, (2, 1, CALLS, 4)).astype(np.float32)
    given = {"x": x, "h0": states[0], "c0": states[1]}
    stream, notes = stream_of(path, given)
    assert notes == () and stream.calls(given) is None
    assert (stream.run(given, float_lstm)["y"] == OnnxModel(path).run(given, float_lstm)["y"]).all()


def test_batches_of_a_fixed_size_with_their_states_are_no_stream(maker):
    path = step(maker)
    states = np.random.default_rng(2).normal(0, 0.5, (2, 1, CALLS, 4)).astype(np.float32)
    given = {"x": frames(1, 5), "h0": states[0], "c0": states[1]}
    stream, notes = stream_of(path, given)
    assert notes == ()
    assert stream.run(given, float_lstm)["y"].shape == (CALLS, 1, 4)


def test_what_may_be_a_batch_or_a_stream_is_refused(maker):
    path = step(maker, batch="b")
    with pytest.raises(NetworkError) as caught:
        stream_of(path, frames(1, 5))
    assert str(caught.value) == (
        f"{path}: the input x, [9, 1, 5], may be one call of 9 sequences or 9 calls of a stream; "
        f"for a stream give it as [9, 1, 1, 5], or name a state with --state; for one call give "
        f"the states"
    )
    stream, _ = stream_of(path, frames(1, 5), "h0=hn", "c0=cn")
    assert stream.run({"x": frames(1, 5)}, float_lstm)["y"].shape == (CALLS, 1, 1, 4)


def test_wires_say_what_names_do_not(maker):
    path = step(maker, names=("p", "q", "m", "n"))
    stream, notes = stream_of(path, frames(1, 1, 5))
    assert stream.states == {"p": "m", "q": "n"} and "p=m, q=n" in notes[0]


def test_a_state_that_is_not_found_is_asked_for(maker):
    nodes = [
        maker.node("Exp", ["p"], ["e"]),
        maker.lstm("x", ["y", "r"], "", "e"),
    ]
    inputs = [maker.tensor("x", 1, 1, 5), maker.tensor("p", 1, 1, 4)]
    outputs = [maker.tensor("y", 1, 1, 1, 4), maker.tensor("r", 1, 1, 4)]
    path = maker.save(nodes, inputs, outputs, maker.weights())
    with pytest.raises(NetworkError) as caught:
        stream_of(path, {"x": frames(1, 1, 5)})
    assert str(caught.value) == (
        f"{path} needs the input p; if it is a state that an output gives back, say which with "
        f"--state p=OUT, OUT being r"
    )
    stream, notes = stream_of(path, {"x": frames(1, 1, 5)}, "p=r")
    assert stream.run({"x": frames(1, 1, 5)}, float_lstm)["r"].shape == (CALLS, 1, 1, 4)
    assert notes == ("a stream of 9 calls with the states p=r",)


def test_inputs_of_different_numbers_of_calls_are_refused(maker):
    path = step(maker, gain=True)
    with pytest.raises(NetworkError) as caught:
        stream_of(path, {"x": frames(1, 1, 5), "gain": np.ones(4, np.float32)})
    assert str(caught.value) == f"{path}: 9 calls of the input x do not fit 4 of gain"


def test_what_reaches_the_layer_is_one_sequence(maker):
    path, x = step(maker), frames(1, 1, 5)
    stream, _ = stream_of(path, x)
    ((seen,),) = stream.capture({"x": x}).values()
    assert (seen.x == x[:, 0, 0]).all() and seen.calls == CALLS
    np.testing.assert_array_equal(seen.h0, np.zeros((1, 1, 4)))


def test_texts_come_out_for_every_call(maker):
    node = maker.node
    nodes = [
        maker.lstm("x", ["y", "hn"], "", "h0"),
        node("ArgMax", ["hn"], ["i"], axis=2, keepdims=0),
        node(
            "LabelEncoder",
            ["i"],
            ["label"],
            domain="ai.onnx.ml",
            keys_int64s=[0, 1, 2, 3],
            values_strings=list("abcd"),
        ),
    ]
    inputs = [maker.tensor("x", 1, 1, 5), maker.tensor("h0", 1, 1, 4)]
    outputs = [maker.tensor("hn", 1, 1, 4), maker.tensor("label", 1, 1, kind=TensorProto.STRING)]
    path = maker.save(nodes, inputs, outputs, maker.weights())
    stream = Stream(OnnxModel(path), {"h0": "hn"})
    got = stream.run({"x": frames(1, 1, 5)}, float_lstm)
    assert got["label"].shape == (CALLS, 1, 1)
    best = got["hn"].argmax(axis=-1)
    assert (got["label"] == np.array(list("abcd"))[best]).all()
