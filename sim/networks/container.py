"""The project's own file of integer networks: all that a .tflite file cannot say.

It is a safetensors file, so any program can look into it and reading it runs nothing. Arrays are
its tensors; everything else is JSON in its metadata. Every field of ``IntegerLstm`` is stored under
its own name, so a value is what it was, bit for bit.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

import numpy as np
import safetensors
import safetensors.numpy

from sim.networks.check import check_integer
from sim.networks.network import (
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    NetworkError,
    Quantization,
)
from sim.networks.paths import cannot_read
from sim.networks.wording import reason

__all__ = ["Part", "container_bytes", "pick", "read_container"]

_VERSION = 1
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One network of a file.

    Members
    -------
    name : str
        What ``--node`` takes.
    network : IntegerNetwork
        Its layers.
    nodes : tuple of str
        LSTM nodes of the model that its layers are, one for each; empty where they come from no
        model.
    """

    name: str
    network: IntegerNetwork
    nodes: tuple[str, ...] = ()


def container_bytes(parts: Iterable[Part]) -> bytes:
    """The content of a file of networks.

    Raises
    ------
    NetworkError
        A network contradicts itself, or two have one name.
    """
    arrays: dict[str, np.ndarray] = {}
    described = []
    for number, part in enumerate(parts):
        check_integer(part.network)
        if any(part.name == other["name"] for other in described):
            raise NetworkError(f"two networks of one file have the name {part.name!r}")
        layers = [
            [
                _describe(f"{number}/{depth}/{direction}", lstm, arrays)
                for direction, lstm in enumerate(layer.directions)
            ]
            for depth, layer in enumerate(part.network.layers)
        ]
        described.append({"name": part.name, "nodes": list(part.nodes), "layers": layers})
    content = json.dumps({"version": _VERSION, "networks": described})
    return safetensors.numpy.save(arrays, metadata={"refrain": content})


def _describe(where: str, lstm: IntegerLstm, arrays: dict[str, np.ndarray]) -> dict:
    """A direction as JSON; its arrays go among ``arrays``, and their names stand for them."""
    described = {}
    for field in fields(lstm):
        value = getattr(lstm, field.name)
        if isinstance(value, np.ndarray):
            arrays[f"{where}/{field.name}"] = np.ascontiguousarray(value)
            value = {"tensor": f"{where}/{field.name}"}
        elif isinstance(value, Quantization):
            value = {"format": asdict(value)}
        elif isinstance(value, np.generic):
            value = value.item()
        described[field.name] = value
    return described


def read_container(path: str | Path) -> tuple[Part, ...]:
    """The networks of a file.

    Raises
    ------
    NetworkError
        No such file, another kind of file, a damaged one, or one of a newer version.
    """
    path = Path(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            content = (file.metadata() or {}).get("refrain")
            names = file.keys()
            arrays = {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    except safetensors.SafetensorError as error:
        raise NetworkError(
            f"{path} is not a file of integer networks, or it is damaged ({reason(error)}); "
            f"write it anew with refrain quantize"
        ) from None
    if content is None:
        raise NetworkError(f"{path} holds no integer networks; refrain quantize writes such a file")
    try:
        parts = _parts(content, arrays)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    except _DAMAGE as error:
        raise NetworkError(
            f"{path} is damaged ({reason(error)}); write it anew with refrain quantize"
        ) from None
    return parts


def _parts(content: str, arrays: Mapping[str, np.ndarray]) -> tuple[Part, ...]:
    described = json.loads(content)
    version = described["version"]
    if version != _VERSION:
        raise NetworkError(
            f"it has version {version} of the format, and {_VERSION} is known here; read it with "
            f"the refrain that wrote it, or write it anew with refrain quantize"
        )
    parts = tuple(_part(each, arrays) for each in described["networks"])
    if not parts:
        raise ValueError("there is no network in it")
    for part in parts:
        check_integer(part.network)
    return parts


def _part(described: Mapping, arrays: Mapping[str, np.ndarray]) -> Part:
    name, nodes = described["name"], tuple(described["nodes"])
    if not all(isinstance(each, str) for each in (name, *nodes)):
        raise ValueError("a name is no text")
    layers = tuple(
        IntegerLayer(directions=tuple(_direction(each, arrays) for each in directions))
        for directions in described["layers"]
    )
    if nodes and len(nodes) != len(layers):
        raise ValueError(f"{name} has {len(layers)} layers for {len(nodes)} nodes")
    return Part(name=name, network=IntegerNetwork(layers=layers), nodes=nodes)


def _direction(described: Mapping, arrays: Mapping[str, np.ndarray]) -> IntegerLstm:
    kinds = {field.name: field.type for field in fields(IntegerLstm)}
    values = {}
    for name, value in described.items():
        if name not in kinds:
            raise ValueError(f"it has {name}, which is not known")
        values[name] = _restore(value, arrays)
        if not _fits(values[name], kinds[name]):
            raise ValueError(f"{name} is of a wrong type")
    return IntegerLstm(**values)


def _restore(value, arrays: Mapping[str, np.ndarray]):
    """What ``_describe`` made JSON of."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return arrays[value["tensor"]]
    form = Quantization(**value["format"])
    for field in fields(form):
        if not _fits(getattr(form, field.name), field.type):
            raise ValueError(f"{field.name} of a format is of a wrong type")
    return form


def _fits(value, kind) -> bool:
    """Whether a value is of a field's type, numbers exactly."""
    if get_origin(kind) is UnionType:
        return any(_fits(value, each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        return type(value) is tuple and all(_fits(each, inner[0]) for each in value)
    return type(value) is kind


def pick(path: Path, parts: tuple[Part, ...], node: str | None) -> Part:
    """The network that is named, or the only one.

    Raises
    ------
    NetworkError
        There is none of that name, or there are several.
    """
    names = ", ".join(part.name or '""' for part in parts)
    if node is None:
        if len(parts) > 1:
            raise NetworkError(f"{path} holds several networks; choose one with --node: {names}")
        return parts[0]
    for part in parts:
        if part.name == node:
            return part
    raise NetworkError(f"{path} holds no network named {node!r}; those it holds are: {names}")
