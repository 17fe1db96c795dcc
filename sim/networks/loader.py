"""Networks from files of any kind that this project reads."""

from pathlib import Path

from sim.networks.network import FloatNetwork, ForeignError, IntegerNetwork, NetworkError
from sim.networks.paths import cannot_read
from sim.networks.whole import WholeModel

__all__ = ["CONTAINER", "SEVERAL", "file_kind", "load_network"]

CONTAINER = ".refrain"
"""Suffix of the project's own files of integer networks."""
_CONTAINER_MARK = b'{"__metadata__":{"refrain":'
"""What stands in them behind the eight bytes that a safetensors file begins with."""


# A reader is loaded for its first file: ONNX Runtime alone takes longer than a small run.
def _read_tflite(path: Path) -> IntegerNetwork | WholeModel:
    from sim.networks.tflite.model import load_tflite

    return load_tflite(path)


def _read_onnx(path: Path) -> WholeModel:
    from sim.networks.onnx.model import OnnxModel

    return OnnxModel(path)


def _read_safetensors(path: Path, node: str | None) -> FloatNetwork:
    from sim.networks.pytorch.reader import read_safetensors

    return read_safetensors(path, node)


def _read_pt(path: Path, node: str | None) -> FloatNetwork:
    from sim.networks.pytorch.reader import read_pt

    return read_pt(path, node)


def _read_container(path: Path, node: str | None) -> IntegerNetwork:
    from sim.networks.container import pick, read_container

    return pick(path, read_container(path), node).network


_READERS = {".tflite": _read_tflite, ".onnx": _read_onnx}
_CHOOSING = {
    ".safetensors": _read_safetensors,
    ".pt": _read_pt,
    CONTAINER: _read_container,
}
SEVERAL = tuple(_CHOOSING)
"""Kinds of files that may hold several networks, of which one is chosen by its name."""
_SAME = {
    **dict.fromkeys((".pth", ".ckpt", ".pt2", ".bin", ".torch", ".ptl", ".tar"), ".pt"),
    ".lite": ".tflite",
}
"""Other suffixes that files of a kind have; not all of these files are of that kind."""
_KERAS = 'model.export("model.onnx", format="onnx") in Keras 3 writes an .onnx file'
_PICKLE = (
    "a pickle, which may run anything when it is opened: write the weights alone, in PyTorch by "
    'torch.save(model.state_dict(), "weights.pt")'
)
_ADVICE = {
    ".h5": f"a Keras model: {_KERAS}",
    ".hdf5": f"a Keras model: {_KERAS}",
    ".keras": f"a Keras model: {_KERAS}",
    ".pb": "a TensorFlow graph: python -m tf2onnx.convert --saved-model DIR --output model.onnx",
    ".mlmodel": "a Core ML model: export its source to ONNX, or its weights as .safetensors",
    ".mlpackage": "a Core ML model: export its source to ONNX, or its weights as .safetensors",
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".joblib": _PICKLE,
    ".gguf": "a GGUF file: export the model to ONNX, or its weights as .safetensors",
    ".msgpack": "weights of Flax: write them as .safetensors with the names of an nn.LSTM",
    ".npz": "NumPy arrays: write the weights as .safetensors with the names of an nn.LSTM",
    ".npy": "a NumPy array: it can be an --input; the network is another file",
    ".ort": "an ONNX Runtime format: give the .onnx model that it was made from",
    ".trt": "a TensorRT engine: give the .onnx model that it was made from",
    ".engine": "a TensorRT engine: give the .onnx model that it was made from",
    ".xml": "an OpenVINO model: give the .onnx model that it was made from",
    ".params": "weights of MXNet: export the model to ONNX",
    ".pdmodel": "a Paddle model: paddle2onnx writes an .onnx file",
    ".pdiparams": "weights of Paddle: paddle2onnx writes an .onnx file",
}
"""What other files are, and what makes a file of them that can be read."""
_MARKS = {b"\x89HDF": ".h5", b"GGUF": ".gguf", b"\x93NUMPY": ".npy"}
"""What some of them begin with, whatever their names."""


def load_network(
    path: str | Path, node: str | None = None
) -> IntegerNetwork | FloatNetwork | WholeModel:
    """What a file holds: .tflite and .refrain integers, .pt floats, .onnx a whole model.

    The suffix says what the file should be. A file without a known suffix is recognised by its
    first bytes.

    Parameters
    ----------
    path : path
        The file.
    node : str or None
        Which network, where a file holds several.

    Raises
    ------
    NetworkError
        No such file, a file that is not what its name says, or a network that is not supported;
        ``node`` is given where nothing can be chosen.
    """
    path = Path(path)
    kind = file_kind(path)
    if kind in _CHOOSING:
        return _CHOOSING[kind](path, node)
    if node is not None:
        raise NetworkError(
            f"{path} is one network, which runs whole; --node chooses among those of a "
            f".safetensors, .pt or .refrain file"
        )
    return _READERS[kind](path)


def file_kind(path: Path) -> str:
    """The suffix of a file's kind: ``.tflite``, ``.onnx``, ``.safetensors``, ``.pt``, ``.refrain``.

    Raises
    ------
    NetworkError
        No such file, a file that is not what its name says, or one that cannot be read; the
        sentence says what to do.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    if not head:
        raise NetworkError(f"{path} is empty")
    suffix, found = path.suffix.lower(), _recognise(head)
    suffix = next((each for mark, each in _MARKS.items() if head.startswith(mark)), suffix)
    known = {*_READERS, *_CHOOSING}
    if suffix in (".npz", ".keras"):
        # Zip archives, as files of PyTorch are.
        found = None
    named = _SAME.get(suffix, suffix)
    if found and suffix in known and named != found:
        raise NetworkError(f"{path} is not what its name says: it holds a {found} file; rename it")
    kind = found if found and suffix not in known else named
    if kind not in known:
        raise _foreign(path, suffix)
    return kind


def _recognise(head: bytes) -> str | None:
    """The suffix that the first bytes call for; an ONNX file has no such mark."""
    if head[4:8] == b"TFL3":
        return ".tflite"
    if head[8:].startswith(_CONTAINER_MARK):
        return CONTAINER
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**40:
        return ".safetensors"
    if head[:4] == b"PK\x03\x04" or head[:4] == b"\x80\x02\x8a\x0a":
        # A zip archive, and the number that older files of PyTorch begin with.
        return ".pt"
    return None


def _foreign(path: Path, suffix: str) -> NetworkError:
    """The refusal of a file of no kind that is read: what it may be, and what to do with it."""
    readable = "a .tflite, .onnx, .safetensors or .pt file"
    if suffix not in _ADVICE:
        return NetworkError(f"{path} is not a network that can be read: give {readable}")
    what, _, _ = _ADVICE[suffix].partition(":")
    return ForeignError(what, f"{path} is {_ADVICE[suffix]}; {readable} can be read")
