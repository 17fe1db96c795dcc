"""What a file of PyTorch weights holds."""

from pathlib import Path

from sim.networks.network import ForeignError, NetworkError
from sim.networks.pytorch.reader import Weights, open_pt, open_safetensors
from sim.networks.summary import FileSummary, LayerSummary, layer_summary

__all__ = ["summarise_pt", "summarise_safetensors"]


def summarise_safetensors(path: Path) -> FileSummary:
    """A .safetensors file.

    Raises
    ------
    NetworkError
        No such file, or another kind of file.
    """
    return _summarise(".safetensors", "weights in a safetensors file", open_safetensors(path))


def summarise_pt(path: Path) -> FileSummary:
    """A .pt file, also one that holds more than weights.

    Raises
    ------
    NetworkError
        No such file, or a damaged one.
    """
    try:
        return _summarise(".pt", "weights that torch.save wrote", open_pt(path))
    except ForeignError as error:
        return FileSummary(kind=".pt", what=error.what, refused=str(error))


def _summarise(kind: str, what: str, weights: Weights) -> FileSummary:
    layers, runs = [], []
    for module in weights.modules:
        try:
            network = weights.network(module.name)
        except NetworkError as error:
            layers.append(
                LayerSummary(
                    name=module.name,
                    kind=module.title.removeprefix("nn."),
                    inputs=module.inputs,
                    hidden=module.hidden,
                    directions=module.directions,
                    refused=str(error).removeprefix(f"{weights.path}: "),
                )
            )
            continue
        runs.append((module.name,))
        layers += [
            layer_summary(module.name, layer, number) for number, layer in enumerate(network.layers)
        ]
    refused = None
    if not runs:
        try:
            weights.network()
        except NetworkError as error:
            refused = str(error)
    others = len(weights.shapes) - sum(
        name.startswith(module.prefix) and name.removeprefix(module.prefix).count(".") == 0
        for name in weights.shapes
        for module in weights.modules
    )
    return FileSummary(
        kind=kind,
        what=f"{what}: {len(weights.shapes)} tensors, {others} of them of other layers",
        layers=tuple(layers),
        networks=tuple(runs),
        refused=refused,
    )
