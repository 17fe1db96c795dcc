import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.whole import float_lstm

T, B = 7, 3


def sequences(batch=B):
    return np.random.default_rng(1).normal(size=(T, batch, 5)).astype(np.float32)


def with_lengths(maker, direction):
    directions = 1 + (direction == "bidirectional")
    inputs = [
        maker.tensor("x", "t", "b", 5),
        maker.tensor("lens", "n", kind=TensorProto.INT32),
        maker.tensor("h", directions, "m", 4),
        maker.tensor("c", directions, "m", 4),
    ]
    nodes = [maker.lstm("x", ["y", "hn", "cn"], "lens", "h", "c", direction=direction)]
    return maker.save(nodes, inputs, ["y", "hn", "cn"], maker.weights(directions=directions))


def inputs_of(lens, directions=1):
    h, c = np.random.default_rng(2).normal(0, 0.5, (2, directions, len(lens), 4))
    return {
        "x": sequences(len(lens)),
        "lens": np.array(lens, np.int32),
        "h": h.astype(np.float32),
        "c": c.astype(np.float32),
    }


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lens", [[7, 7, 7], [7, 2, 5], [3, 3, 1]])
def test_lengths_give_what_onnx_runtime_gives(maker, direction, lens):
    path = with_lengths(maker, direction)
    inputs = inputs_of(lens, 1 + (direction == "bidirectional"))
    wanted = onnxruntime.InferenceSession(path).run(None, inputs)
    got = OnnxModel(path).run(inputs, float_lstm)
    for name, value in zip(got, wanted, strict=True):
        np.testing.assert_allclose(got[name], value, atol=1e-5, rtol=0, err_msg=name)


def test_a_sequence_without_steps_gives_zeros(maker):
    got = OnnxModel(with_lengths(maker, "forward")).run(inputs_of([4, 0, 7]), float_lstm)
    assert not got["y"][:, :, 1].any() and not got["hn"][:, 1].any() and not got["cn"][:, 1].any()
    assert got["y"][3, :, 0].any() and not got["y"][4:, :, 0].any()


def test_what_is_captured_has_no_padding(maker):
    (seen,) = OnnxModel(with_lengths(maker, "forward")).capture(inputs_of([7, 2, 7])).values()
    assert [call.x.shape for call in seen] == [(1, 2, 5), (2, T, 5)]
    given = inputs_of([7, 2, 7])
    assert (seen[0].h0 == given["h"][:, 1:2]).all() and (seen[1].c0 == given["c"][:, ::2]).all()


@pytest.mark.parametrize(
    "lens, sentence",
    [
        ([7, 8, 2], "must be from 0 to the 7 steps that x has, not 8"),
        ([7, -1, 2], "must be from 0 to the 7 steps that x has, not -1"),
        ([0, 0, 0], "must not all be 0: nothing would run"),
    ],
)
def test_lengths_that_cannot_be_are_refused(maker, lens, sentence):
    path = with_lengths(maker, "forward")
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run(inputs_of(lens), float_lstm)
    assert str(caught.value) == f"{path}: sequence_lens of LSTM node prnn {sentence}"


def test_another_number_of_lengths_is_refused(maker):
    path = with_lengths(maker, "forward")
    inputs = {**inputs_of([7, 7, 7]), "lens": np.array([7, 7], np.int32)}
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run(inputs, float_lstm)
    assert str(caught.value) == (
        f"{path}: sequence_lens of LSTM node prnn must hold a length for each of 3 sequences, "
        f"but has the shape [2]"
    )


def test_a_state_of_another_size_is_refused(maker):
    path = with_lengths(maker, "forward")
    inputs = {**inputs_of([7, 7, 7]), "h": np.zeros((1, 2, 4), np.float32)}
    inputs["c"] = inputs["h"]
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run(inputs, float_lstm)
    assert str(caught.value) == (
        f"{path}: the initial state of LSTM node prnn has the shape [1, 2, 4], which does not fit "
        f"3 sequences of 1 directions and 4 hidden units"
    )
