"""Networks from files of any kind that this project reads."""

from pathlib import Path

from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.paths import cannot_read
from sim.networks.whole import WholeModel

__all__ = ["load_network"]


# A reader is loaded for its first file: ONNX Runtime alone takes longer than a small run.
def _read_tflite(path: Path) -> IntegerNetwork:
    from sim.networks.tflite.reader import read_tflite

    return read_tflite(path)


def _read_onnx(path: Path) -> WholeModel:
    from sim.networks.onnx.model import OnnxModel

    return OnnxModel(path)


def _read_safetensors(path: Path) -> FloatNetwork:
    from sim.networks.pytorch.reader import read_safetensors

    return read_safetensors(path)


def _read_pt(path: Path) -> FloatNetwork:
    from sim.networks.pytorch.reader import read_pt

    return read_pt(path)


_READERS = {
    ".tflite": _read_tflite,
    ".onnx": _read_onnx,
    ".safetensors": _read_safetensors,
    ".pt": _read_pt,
    ".pth": _read_pt,
}


def load_network(path: str | Path) -> IntegerNetwork | FloatNetwork | WholeModel:
    """What a file holds: .tflite integers, .safetensors and .pt floats, .onnx a whole model.

    The suffix says what the file should be. A file without a known suffix is recognised by its
    first bytes.

    Raises
    ------
    NetworkError
        No such file, a file that is not what its name says, or a network that is not supported.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    if not head:
        raise NetworkError(f"{path} is empty")
    named, found = path.suffix.lower(), _recognise(head)
    if named == ".pth":
        named = ".pt"
    if found and named in _READERS and named != found:
        raise NetworkError(f"{path} is not what its name says: it holds a {found} file")
    kind = named if named in _READERS else found
    if kind is None:
        raise NetworkError(
            f"{path} is not a network that can be read: "
            f"give a .tflite, .onnx, .safetensors or .pt file"
        )
    return _READERS[kind](path)


def _recognise(head: bytes) -> str | None:
    """The suffix that the first bytes call for; an ONNX file has no such mark."""
    if head[4:8] == b"TFL3":
        return ".tflite"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**40:
        return ".safetensors"
    if head[:4] == b"PK\x03\x04":
        return ".pt"
    return None
