"""Files that come in, read with clear refusals, and go out, written whole or not at all."""

import io
import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from boards.locks import try_lock
from boards.writing import written
from sim.networks.network import NetworkError, Quantization
from sim.networks.paths import cannot_read
from sim.networks.quantizer import to_codes

__all__ = [
    "arrays_bytes",
    "as_numbers",
    "check_folder",
    "check_writable",
    "codes",
    "held",
    "read_array",
    "read_arrays",
    "write_all",
    "write_whole",
]

_MAGIC = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")
"""What array files begin with: .npy, .npz, and one without arrays."""


def read_array(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file.

    Raises
    ------
    NetworkError
        The file is missing or is not one array.
    """
    arrays = read_arrays(path)
    if not isinstance(arrays, np.ndarray):
        raise NetworkError(f"{path} holds arrays by name; one array in a .npy file is needed here")
    return arrays


def read_arrays(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a ``.npy`` file, or the arrays of a ``.npz`` file by name.

    Raises
    ------
    NetworkError
        The file is missing, is neither or is damaged, or its arrays are larger than the memory.
    """
    try:
        with path.open("rb") as file:
            return _load(path, file)
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    except MemoryError:
        raise NetworkError(f"{path} holds an array that is larger than the memory") from None


def _load(path: Path, file: BinaryIO) -> np.ndarray | dict[str, np.ndarray]:
    with warnings.catch_warnings():
        # NumPy parses headers as Python, which warns about what a damaged one looks like.
        warnings.simplefilter("ignore")
        try:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            _check_sizes(loaded)
            arrays = {name: loaded[name] for name in loaded.files}
        except (OSError, MemoryError):
            raise
        except Exception as error:
            # NumPy, zipfile, zlib and Python's tokenizer raise whatever the damage leads to.
            file.seek(0)
            if not file.read(6).startswith(_MAGIC):
                raise NetworkError(f"{path} is not a NumPy array file (.npy or .npz)") from None
            raise NetworkError(f"{path} is a damaged array file: {_reason(error)}") from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise NetworkError(f"{path} holds {name}, which is not a NumPy array")
    return arrays


def _check_sizes(archive: np.lib.npyio.NpzFile):
    """Refuse arrays that could not all be in the memory, before any is decompressed."""
    total = sum(each.file_size for each in archive.zip.infolist())
    if total > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise MemoryError


def _reason(error: Exception) -> str:
    """The first sentence of a library's message."""
    text = str(error.args[0] if error.args else "").strip() or type(error).__name__
    return text.splitlines()[0].split(". ")[0].rstrip(".")


def codes(x: np.ndarray, input_size: int, form: Quantization) -> np.ndarray:
    """Sequences as codes ``[batch, time, I]``: codes as they are, floating point quantised.

    This is what a network in integers takes an array for; see ``as_numbers`` for one that is not.

    Raises
    ------
    NetworkError
        The array has another shape or type, is empty, or holds a value that is not finite.
    """
    shape = list(x.shape)
    if x.dtype != form.dtype and not np.issubdtype(x.dtype, np.floating):
        raise NetworkError(
            f"the input must be {np.dtype(form.dtype)} or floating point, not {x.dtype}"
        )
    if x.ndim != 3 or x.shape[2] != input_size:
        raise NetworkError(
            f"the input must have the shape [batch, time, {input_size}], not {shape}"
        )
    if not x.size:
        raise NetworkError(f"the input is empty: its shape is {shape}")
    if x.dtype == form.dtype:
        return x
    if not np.isfinite(x).all():
        place = np.argwhere(~np.isfinite(x))[0].tolist()
        raise NetworkError(
            f"the input holds {x[tuple(place)]} at {place}; every value must be finite"
        )
    return to_codes(x, form)


def as_numbers(x: np.ndarray) -> np.ndarray:
    """What a network in floating point takes an array for: integers are numbers, never codes."""
    return x.astype(np.float64) if x.dtype.kind in "iu" else x


def check_writable(path: Path):
    """Refuse, before any long work, a file that could not be written; leaves nothing behind.

    Raises
    ------
    OSError
        With a sentence for the user.
    """
    if path.is_dir():
        raise OSError(f"{path} cannot be written: it is a folder")
    _probe(path, path.absolute().parent)


def check_folder(path: Path):
    """Refuse, before any long work, a folder in which nothing could be written.

    Raises
    ------
    OSError
        With a sentence for the user.
    """
    _probe(path, path.absolute())


def _probe(path: Path, folder: Path):
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise OSError(f"{path} cannot be written: {folder} is not a folder")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def held(path: Path, what: str, remedy: str = "name another place") -> Iterator[None]:
    """Keep a file that grows line by line to one process; it is made where there is none.

    Parameters
    ----------
    path : Path
        The file.
    what, remedy : str
        What works with it, and what helps otherwise, for a refusal.

    Raises
    ------
    NetworkError
        Another process works with it; one that was killed does not.
    OSError
        It cannot be written, with a sentence for the user.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}; {remedy}") from None
    with file:
        if not try_lock(file.fileno()):
            raise NetworkError(
                f"{path} is in use by another {what}: wait for its end; or else {remedy}"
            )
        yield


def write_whole(path: Path, content: bytes):
    """Write a file in one step: whoever looks finds the old file or the whole new one.

    Folders on the way to it are made.

    Raises
    ------
    OSError
        With a sentence for the user that names the file; nothing is left behind.
    """
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            # mkstemp makes files that only their owner can read.
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def write_all(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files of one folder: all of them, or none where one cannot be written.

    They are written to a hidden folder in it first, where a full disk is met; then they take their
    places one after the other. Other files of the folder stay. Names may lead into folders of it,
    which are made where they do not exist.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    contents : dict of bytes
        By the name of the file.

    Raises
    ------
    OSError
        With a sentence for the user; nothing is changed.
    """
    paths = [folder / name for name in contents]
    _check_places(folder, paths)
    with written(folder):
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
                made = [Path(temporary, name) for name in contents]
                for path, content in zip(made, contents.values(), strict=True):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                for path, place in zip(made, paths, strict=True):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    path.replace(place)
        except BaseException:
            if new:
                shutil.rmtree(folder)
            raise
    return paths


def _check_places(folder: Path, paths: Sequence[Path]):
    """Refuse files that a folder is in the way of, and folders that a file is in the way of."""
    for path in paths:
        if path.is_dir():
            raise OSError(f"{path} cannot be written: it is a folder")
        for above in path.parents[: len(path.relative_to(folder).parts) - 1]:
            if above.exists() and not above.is_dir():
                raise OSError(f"{path} cannot be written: {above} is not a folder")


def arrays_bytes(arrays: Mapping[str, np.ndarray], *, archive: bool = False) -> bytes:
    """The content of a ``.npy`` file for one array, of a ``.npz`` file for several.

    With ``archive`` it is that of a ``.npz`` file for one, too.
    """
    buffer = io.BytesIO()
    if len(arrays) == 1 and not archive:
        (array,) = arrays.values()
        np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue()
    # Not np.savez, to whom names are arguments: some are its own.
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()
