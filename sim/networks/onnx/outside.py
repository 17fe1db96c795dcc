"""Tensors that lie in files beside a model."""

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from sim.networks.network import NetworkError

__all__ = ["load_outside"]


def load_outside(path: Path, model: onnx.ModelProto) -> None:
    """Put the values of tensors in other files into the model.

    Parameters
    ----------
    path : Path
        The model's file.
    model : ModelProto
        The model as it was read, without them.

    Raises
    ------
    NetworkError
        A file is missing, too short, or not beside the model.
    """
    missing = {}
    for tensor in _tensors(model.graph):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        place = Path(entries.get("location", ""))
        if not place.parts or place.is_absolute() or ".." in place.parts:
            raise NetworkError(
                f"{path} keeps its tensor {tensor.name} in {place}, which must be a file beside it"
            )
        file = path.parent / place
        if not file.is_file():
            missing.setdefault(place, []).append(tensor.name)
            continue
        size, end = file.stat().st_size, _end(path, tensor.name, entries)
        if end > size:
            raise NetworkError(
                f"{path} keeps its tensor {tensor.name} in {file}, up to byte {end:,}, and that "
                f"has {size:,}; get the file anew"
            )
    if missing:
        place, names = next(iter(missing.items()))
        raise NetworkError(
            f"{path} keeps {len(names)} of its tensors in another file, which is missing: put "
            f"{place} into the folder {path.parent.absolute()}, or save the model as one file"
        )
    try:
        load_external_data_for_model(model, str(path.parent))
    except Exception as error:
        # onnx raises classes of its own, which differ between versions, for links and the like.
        raise NetworkError(
            f"{path} keeps tensors in another file, which cannot be read; save it as one file"
        ) from error


def _end(path: Path, name: str, entries: dict[str, str]) -> int:
    """The byte up to which a tensor reaches in its file."""
    try:
        return int(entries.get("offset", 0)) + int(entries.get("length", 0))
    except ValueError:
        raise NetworkError(
            f"{path} says no number where its tensor {name} lies in another file"
        ) from None


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Tensors in other files, to any depth."""
    yield from (tensor for tensor in graph.initializer if uses_external_data(tensor))
    for node in graph.node:
        for attribute in node.attribute:
            for tensor in (attribute.t, *attribute.tensors):
                if uses_external_data(tensor):
                    yield tensor
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)
