"""Networks in integers that are kept: points that differ in modes or machines share one."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np

from boards.cache import CacheError, default_cache
from sim.explore.files import write_whole
from sim.explore.sweep.program import program_hash
from sim.networks.container import Part, container_bytes, read_container
from sim.networks.network import FloatLayer, FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.quantizer import quantize
from sim.networks.whole import Seen

__all__ = ["kept_quantize"]

_LEAST_SECONDS = 0.5
"""What is quantised in less is not worth a file."""


def kept_quantize(
    network: FloatNetwork | FloatLayer,
    samples: np.ndarray | Sequence[Seen],
    percentile: float | None = None,
    lengths: np.ndarray | None = None,
    **bits,
) -> IntegerNetwork:
    """What ``quantize`` gives, read from the user's cache where it was made before.

    A file is named by a hash of all that is given, of the program that quantises and of NumPy's
    version. Without a cache that can be written, nothing is kept.

    Parameters
    ----------
    network, samples, percentile, lengths, bits
        As of ``quantize``.

    Raises
    ------
    NetworkError
        As ``quantize``.
    """
    path = _path((network, samples, percentile, lengths, bits))
    found = None if path is None else _read(path)
    if found is not None:
        return found
    begin = time.perf_counter()
    made = quantize(network, samples, percentile, lengths, **bits)
    if path is not None and time.perf_counter() - begin >= _LEAST_SECONDS:
        _write(path, made)
    return made


def _path(given: tuple) -> Path | None:
    try:
        folder = default_cache() / "quantised"
    except CacheError:
        return None
    total = hashlib.sha256()
    for piece in _pieces((given, program_hash("sim/networks"), np.__version__)):
        total.update(len(piece).to_bytes(8) + piece)
    return folder / f"{total.hexdigest()[:32]}.refrain"


def _pieces(value) -> Iterator[bytes]:
    """All of a value as bytes, arrays whole; different values give different ones."""
    if isinstance(value, np.ndarray):
        yield f"{value.dtype}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif is_dataclass(value):
        yield type(value).__name__.encode()
        for field in fields(value):
            yield field.name.encode()
            yield from _pieces(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _pieces(sorted(value.items()))
    elif isinstance(value, list | tuple):
        yield f"{len(value)} values".encode()
        for each in value:
            yield from _pieces(each)
    else:
        yield repr(value).encode()


def _read(path: Path) -> IntegerNetwork | None:
    """The network of a file; None where there is none, or a damaged one."""
    try:
        (part,) = read_container(path)
    except (NetworkError, ValueError):
        return None
    return part.network


def _write(path: Path, network: IntegerNetwork):
    content = container_bytes([Part(name="network", network=network)])
    # This point has its network; where it cannot be kept, the next one makes it again.
    with suppress(OSError):
        write_whole(path, content)
