"""What ``quantize`` wrote, given back to the model that it was made from."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sim.networks.chains import join_chains
from sim.networks.loader import CONTAINER, file_kind, load_network
from sim.networks.network import FloatLayer, IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.whole import WholeModel

__all__ = ["given_networks"]


def given_networks(path: Path, model: WholeModel) -> dict[str, IntegerNetwork]:
    """Networks of one layer for LSTM nodes of a model, by name, from a file of integers.

    Parameters
    ----------
    path : Path
        A ``.refrain`` file, which knows its nodes, or a ``.tflite`` file of LSTM operators, whose
        layers must be of the sizes of one node or one chain of the model.
    model : WholeModel
        Its LSTM layers are in floating point.

    Raises
    ------
    NetworkError
        The file holds no such networks; a node is not in the model, or differs in size; the layers
        of a ``.tflite`` file fit nowhere or in several places.
    """
    if any(isinstance(layer, IntegerLayer) for layer in model.lstm_layers.values()):
        raise NetworkError(
            f"{model.path} is in integers already; --quantized is for floating point"
        )
    if file_kind(path) == CONTAINER:
        return _from_container(path, model)
    network = load_network(path)
    if not isinstance(network, IntegerNetwork):
        raise NetworkError(
            f"{path} holds no integer network; give a .refrain or .tflite file of refrain quantize"
        )
    places = [names for names in _places(model) if _fit(model, names, network.layers)]
    sizes = ", ".join(_size(layer) for layer in network.layers)
    if len(places) != 1:
        where = " and ".join(" -> ".join(names) for names in places[:3])
        reason = f"several of {model.path}: {where}" if places else f"none of {model.path}"
        raise NetworkError(
            f"{path} has LSTM layers of the sizes {sizes}, as {reason}; quantize into a .refrain "
            f"file, which knows its nodes"
        )
    return _alone(places[0], network.layers)


def _from_container(path: Path, model: WholeModel) -> dict[str, IntegerNetwork]:
    # Loaded where there is such a file: a run of any other does without its library.
    from sim.networks.container import read_container

    found = {}
    for part in read_container(path):
        if not part.nodes:
            raise NetworkError(
                f"{path}: the network {part.name} comes from weights and belongs to no node of "
                f"{model.path}"
            )
        for name, layer in zip(part.nodes, part.network.layers, strict=True):
            if name not in model.lstm_layers:
                known = ", ".join(model.lstm_layers)
                raise NetworkError(
                    f"{path} has the LSTM node {name}, and {model.path} has {known}; give the "
                    f"model that it was made from"
                )
            if not _fit(model, (name,), (layer,)):
                raise NetworkError(
                    f"{path} has the LSTM node {name} as {_size(layer)}, and in {model.path} it "
                    f"is {_size(model.lstm_layers[name])}; give the model that it was made from"
                )
        found |= _alone(part.nodes, part.network.layers)
    return found


def _alone(names: Sequence[str], layers: Sequence[IntegerLayer]) -> dict[str, IntegerNetwork]:
    return {
        name: IntegerNetwork(layers=(layer,)) for name, layer in zip(names, layers, strict=True)
    }


def _places(model: WholeModel) -> Iterator[tuple[str, ...]]:
    """Every node, and every run of nodes that follow each other."""
    for chain in join_chains(model.lstm_layers, model.leaders):
        for start in range(len(chain)):
            for end in range(start + 1, len(chain) + 1):
                yield chain[start:end]


def _fit(model: WholeModel, names: Sequence[str], layers: Sequence[IntegerLayer]) -> bool:
    return len(names) == len(layers) and all(
        _shape(model.lstm_layers[name]) == _shape(layer)
        for name, layer in zip(names, layers, strict=True)
    )


def _shape(layer: FloatLayer | IntegerLayer) -> list[tuple]:
    return [(each.input_size, each.hidden_size, each.reverse) for each in layer.directions]


def _size(layer: FloatLayer | IntegerLayer) -> str:
    first = layer.directions[0]
    both = " in both directions" if len(layer.directions) == 2 else ""
    return f"{first.input_size} -> {first.hidden_size}{both}"
