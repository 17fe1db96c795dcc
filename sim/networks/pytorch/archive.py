"""State dicts in files of ``torch.save``, without PyTorch and without running what they hold."""

import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from sim.networks.network import ForeignError, NetworkError
from sim.networks.paths import cannot_read
from sim.networks.pytorch.pickles import Global, Object, Reference, read_pickle
from sim.networks.wording import reason

__all__ = ["Tensor", "read_state_dicts"]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""What a file of PyTorch before 1.6 begins with, as a pickle."""
_STORAGES = {
    **{"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "u2"},
    **{"LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1"},
    **{"ByteStorage": "u1", "BoolStorage": "?"},
}
# Of zipfile, NumPy and the reading of values that are not what they should be; RuntimeError is
# zipfile's for members that are encrypted or compressed in a way that it does not know.
_DAMAGE = (
    *(zipfile.BadZipFile, EOFError, struct.error, RuntimeError),
    *(ValueError, LookupError, TypeError, AttributeError, OverflowError),
)
_DEPTH = 6
"""Dictionaries inside each other that are searched for state dicts."""
_RECONSTRUCT = ("numpy._core.multiarray _reconstruct", "numpy.core.multiarray _reconstruct")
"""What pickles of NumPy 2, and those before, call for an array."""
_SAVE = 'torch.save(model.state_dict(), "weights.pt")'
_ATTACKS = frozenset(
    {"os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "importlib", "runpy", "pty"}
    | {"ctypes", "webbrowser", "code", "pickle", "_pickle", "marshal", "timeit", "io", "_io"}
)
"""Modules whose functions no checkpoint has a use for."""
_ATTACKING_BUILTINS = frozenset(
    {"eval", "exec", "compile", "open", "input", "breakpoint", "__import__", "globals"}
    | {"getattr", "setattr", "delattr"}
)


@dataclass(frozen=True)
class Tensor:
    """A tensor that a file describes; its values are read when they are asked for.

    Members
    -------
    storage : array [n]
        All values of the storage that it is a view of.
    kind : str
        PyTorch's name of the storage, such as ``FloatStorage``.
    offset, shape, strides
        Which of the values it has, counted in values.
    """

    storage: np.ndarray
    kind: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """Its values, float32 where they are in a type that NumPy has not.

        Raises
        ------
        ValueError
            The view lies outside of its storage or repeats values of it.
        """
        count = prod(self.shape)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        numbers = (self.offset, *self.shape, *self.strides)
        if count and (min(numbers) < 0 or last >= len(self.storage) or count > len(self.storage)):
            raise ValueError("it lies outside of its storage")
        steps = [s * self.storage.itemsize for s in self.strides]
        start = self.storage[self.offset :] if count else self.storage[:0]
        view = np.lib.stride_tricks.as_strided(start, self.shape, steps, writeable=False)
        if self.kind == "BFloat16Storage":
            return (view.astype(np.uint32) << 16).view(np.float32)
        return view.astype(view.dtype.newbyteorder("="))


def read_state_dicts(path: Path) -> dict[str, dict[str, Tensor]]:
    """State dicts in a file of ``torch.save``, by the keys that lead to them.

    A state dict that is all of the file has the name ``""``, one in a checkpoint a name such as
    ``model_state_dict``. What is no tensor is left out.

    Raises
    ------
    NetworkError
        No such file, another kind of file, or a whole module instead of its weights.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    try:
        archive = (_Zip if data[:2] == b"PK" else _Legacy)(path, data)
        _check_names(path, archive.pickle.names)
        found = dict(_state_dicts(path, archive, archive.pickle.value, set()))
    except NetworkError:
        raise
    except _DAMAGE as error:
        raise NetworkError(
            f"{path} is not a file of PyTorch weights, or it is damaged ({reason(error)}); "
            f"write it anew with {_SAVE}"
        ) from None
    if not found:
        what = _what(archive.pickle.value)
        raise NetworkError(f"{path} holds no state dict but {what}; write one with {_SAVE}")
    return found


def _what(value) -> str:
    """A value that is no state dict, in words."""
    if isinstance(value, Object):
        tensor = isinstance(value.maker, Global) and "_rebuild_" in value.maker.name
        return "one tensor" if tensor else f"an object ({_maker(value)})"
    if isinstance(value, dict):
        objects = [each for each in value.values() if isinstance(each, Object)]
        inside = f" but objects ({_maker(objects[0])})" if objects else ""
        return f"a dictionary without tensors{inside}"
    return f"a value of the type {type(value).__name__}"


class _Zip:
    """A file of PyTorch 1.6 and later: a pickle, and a member for each storage."""

    def __init__(self, path: Path, data: bytes):
        self._zip = zipfile.ZipFile(io.BytesIO(data))
        members = self._zip.namelist()
        # All lie in one folder, which has the name that the file was written under.
        self._root = members[0].split("/", 1)[0] + "/" if members else ""
        _check_members(path, {name.removeprefix(self._root) for name in members})
        order = self._read("byteorder") if f"{self._root}byteorder" in members else b""
        self._order = ">" if order == b"big" else "<"
        self.pickle = read_pickle(io.BytesIO(self._read("data.pkl")))

    def _read(self, name: str) -> bytes:
        info = self._zip.getinfo(self._root + name)
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} in it is compressed")
        return self._zip.read(info)

    def storage(self, kind: str, key: str) -> np.ndarray:
        """All values of a storage."""
        return _values(self._read(f"data/{key}"), kind, self._order)


class _Legacy:
    """A file of PyTorch before 1.6: pickles that follow each other, then the storages."""

    def __init__(self, path: Path, data: bytes):
        file = io.BytesIO(data)
        if read_pickle(file).value != _LEGACY_MAGIC:
            raise ValueError("it begins as no such file")
        read_pickle(file)
        system = read_pickle(file).value
        self._order = "<" if system["little_endian"] else ">"
        self.pickle = read_pickle(file)
        kinds = {r.id[2]: _storage_kind(r) for r in self.pickle.references}
        self._storages = {}
        for key in read_pickle(file).value:
            count = int.from_bytes(file.read(8), "little" if self._order == "<" else "big")
            size = count * np.dtype(_STORAGES[kinds[key]]).itemsize
            self._storages[key] = file.read(size)
            if len(self._storages[key]) != size:
                raise ValueError("it is cut short")

    def storage(self, kind: str, key: str) -> np.ndarray:
        """All values of a storage."""
        return _values(self._storages[key], kind, self._order)


def _values(data: bytes, kind: str, order: str) -> np.ndarray:
    dtype = np.dtype(_STORAGES[kind]).newbyteorder(order)
    return np.frombuffer(data, dtype, len(data) // dtype.itemsize)


def _storage_kind(reference: Reference) -> str:
    """``FloatStorage`` of ``("storage", torch FloatStorage, key, device, size)``."""
    word, kind, *_ = reference.id
    if word != "storage" or not isinstance(kind, Global):
        raise ValueError("it refers to something that is no storage")
    return kind.name.split()[-1]


def _check_members(path: Path, members: set[str]) -> None:
    """Refuse by name the archives that are no file of ``torch.save``."""
    if "data.pkl" in members and "constants.pkl" not in members:
        return
    if "constants.pkl" in members:
        what, load = "a TorchScript archive", f'model = torch.jit.load("{path.name}")'
    elif "archive_format" in members or "serialized_exported_program.json" in members:
        what = "an exported program (.pt2)"
        load = f'model = torch.export.load("{path.name}").module()'
    elif "model.weights.h5" in members:
        raise NetworkError(
            f'{path} is a Keras model; export it as ONNX: model.export("model.onnx", format="onnx")'
        )
    else:
        raise ValueError("it is a zip archive without data.pkl")
    raise ForeignError(
        what,
        f"{path} is {what}; only weights are read here, and these two lines write them: "
        f"{load}; {_SAVE}",
    )


def _check_names(path: Path, names: set[str]) -> None:
    """Refuse a file that would have a program run, though nothing here would run it."""
    for name in sorted(names):
        module, _, function = name.partition(" ")
        if module in _ATTACKS or (
            module in ("builtins", "__builtin__") and function in _ATTACKING_BUILTINS
        ):
            raise NetworkError(
                f"{path} asks to call {module}.{function} when it is opened, which no file of "
                f"weights does; nothing of it was run, and PyTorch should not open it either"
            )


def _state_dicts(
    path: Path, archive, value, seen: set[int], keys: tuple[str, ...] = ()
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Pairs of a name and a state dict, of which a checkpoint may hold several.

    ``seen`` has the identities of dictionaries that need not be searched again.
    """
    if isinstance(value, Object) and _is_module(value):
        item = "".join(f"[{key!r}]" for key in keys)
        raise ForeignError(
            f"a whole module ({_maker(value)}) that torch.save wrote",
            f"{path} holds a whole module ({_maker(value)}) and not its weights alone; these two "
            f'lines write them: model = torch.load("{path.name}", weights_only=False){item}; '
            f"{_SAVE}",
        )
    if not isinstance(value, dict) or id(value) in seen or len(keys) > _DEPTH:
        return
    seen.add(id(value))
    tensors, others = {}, {}
    for key, each in value.items():
        if isinstance(key, str):
            tensor = _tensor(archive, each)
            if tensor is None:
                others[key] = each
            else:
                tensors[key] = tensor
    if tensors:
        yield ".".join(keys), tensors
    for key, each in others.items():
        yield from _state_dicts(path, archive, each, seen, (*keys, key))


def _is_module(value: Object) -> bool:
    return isinstance(value.state, dict) and "_modules" in value.state


def _maker(value: Object) -> str:
    """The class or function of an object, as Python writes it."""
    return value.maker.name.replace(" ", ".") if isinstance(value.maker, Global) else "unnamed"


def _tensor(archive, value) -> Tensor | None:
    """The tensor that a value stands for, if it does."""
    if not isinstance(value, Object) or not isinstance(value.maker, Global):
        return None
    kind = value.maker.name
    if kind in _RECONSTRUCT:
        return _numpy_tensor(value.state)
    if kind in ("torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state"):
        return _tensor(archive, value.arguments[0])
    if kind == "torch._tensor _rebuild_from_type_v2":
        function, _, arguments, _ = value.arguments
        return _tensor(archive, Object(function, arguments))
    if kind not in ("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"):
        return None
    reference, offset, shape, strides, *_ = value.arguments
    return Tensor(
        storage=archive.storage(_storage_kind(reference), reference.id[2]),
        kind=_storage_kind(reference),
        offset=offset,
        shape=tuple(shape),
        strides=tuple(strides),
    )


def _numpy_tensor(state: tuple) -> Tensor | None:
    """A NumPy array of numbers as a tensor; None for any other."""
    _, shape, dtype, fortran, data = state
    if isinstance(data, Object):
        # Pickles before protocol 3 hold bytes as a text to be encoded.
        text, coding = data.arguments
        data = text.encode("latin-1") if coding == "latin1" else b""
    code, order = dtype.arguments[0], dtype.state[1]
    if not isinstance(data, bytes) or code not in ("f2", "f4", "f8"):
        return None
    values = np.frombuffer(data, np.dtype(code).newbyteorder(order))
    strides = [prod(shape[:k] if fortran else shape[k + 1 :]) for k in range(len(shape))]
    return Tensor(values, "NumPy", 0, tuple(shape), tuple(strides))
