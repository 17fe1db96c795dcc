"""What a file holds, what of it will run where, what is refused and why, and what to type next."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from hw.config import CONFIGS, Config
from sim.explore.compiling.reading import is_image, tell_image
from sim.networks.container import read_container
from sim.networks.loader import CONTAINER, SEVERAL, file_kind
from sim.networks.network import ForeignError
from sim.networks.onnx.summary import summarise_onnx
from sim.networks.pytorch.summary import summarise_pt, summarise_safetensors
from sim.networks.summary import FileSummary, LayerSummary, layer_summary
from sim.networks.tflite.summary import summarise_tflite

__all__ = ["inspect_file"]


def inspect_file(path: Path) -> dict:
    """What is in a file, ready for JSON; also of one that no run takes.

    Returns
    -------
    dict
        ``what`` it is, ``inputs``, ``outputs`` and ``states`` of a model, ``layers``, ``networks``
        (names of layers that are one network), ``host`` (operators that run there, counted),
        ``notes``, ``refused`` (why it does not run, or None), ``configurations`` (for each, whether
        it holds all networks, why not, and the share of the weights that stays in it), and
        ``next``: the command to type, None where the file does not run. Of an image and of a
        manifest: what ``tell_image`` tells, whose ``kind`` is ``image``.

    Raises
    ------
    NetworkError
        No such file, or one that cannot be looked into.
    """
    if is_image(path):
        return tell_image(path)
    try:
        found = _SUMMARIES[file_kind(path)](path)
    except ForeignError as error:
        found = FileSummary(kind=path.suffix.lower(), what=error.what, refused=str(error))
    figures = {"file": str(path), **asdict(found)}
    runs = [] if found.refused else _runs(found)
    figures["configurations"] = (
        [_holds(config, runs) for config in CONFIGS.values()] if runs else []
    )
    figures["next"] = _next(path, found, figures["configurations"])
    return figures


def _runs(found: FileSummary) -> list[list[LayerSummary]]:
    """Layers that are in the machine together: those of a network, but nodes of a model alone."""
    running = [layer for layer in found.layers if layer.refused is None]
    if found.kind == ".onnx":
        return [[layer] for layer in running]
    grouped = ([layer for layer in running if layer.name in names] for names in found.networks)
    return [layers for layers in grouped if layers]


def _summarise_container(path: Path) -> FileSummary:
    parts = read_container(path)
    layers = [
        layer_summary(part.name, layer, number)
        for part in parts
        for number, layer in enumerate(part.network.layers)
    ]
    several = f", {len(parts)} of them" if len(parts) > 1 else ""
    nodes = [node for part in parts for node in part.nodes]
    notes = (f"the layers are the LSTM nodes {', '.join(nodes)} of a model",) if nodes else ()
    return FileSummary(
        kind=CONTAINER,
        what=f"integer networks that refrain quantize wrote{several}",
        layers=tuple(layers),
        networks=tuple((part.name,) for part in parts),
        notes=notes,
    )


_SUMMARIES: dict[str, Callable[[Path], FileSummary]] = {
    ".onnx": summarise_onnx,
    ".tflite": summarise_tflite,
    ".safetensors": summarise_safetensors,
    ".pt": summarise_pt,
    CONTAINER: _summarise_container,
}


def _holds(config: Config, runs: list[list[LayerSummary]]) -> dict:
    """Whether a configuration holds every network, and what share of the weights stays in it."""
    reasons = [reason for layers in runs for layer in layers for reason in _too_much(config, layer)]
    share = None if reasons else min(_resident_share(config, layers) for layers in runs)
    return {
        "name": config.name,
        "holds": not reasons,
        "why_not": reasons[0] if reasons else None,
        "weights_resident": share,
    }


def _too_much(config: Config, layer: LayerSummary) -> list[str]:
    reasons = [
        f"{layer.name} has {size} {what}, and at most {limit} fit"
        for size, limit, what in (
            (layer.inputs, config.max_input, "inputs"),
            (layer.hidden, config.max_hidden, "hidden units"),
        )
        if size > limit
    ]
    bits, width = layer.formats.get("code_bits"), config.act_width
    if bits is not None and bits != width:
        reasons.append(f"{layer.name} has codes of {bits} bits, and its codes have {width}")
    if layer.weight_bits is not None and layer.weight_bits > config.multiplier.weight_width:
        reasons.append(
            f"{layer.name} has weights of {layer.weight_bits} bits, and its multipliers take "
            f"{config.multiplier.weight_width}"
        )
    return reasons


def _resident_share(config: Config, layers: list[LayerSummary]) -> float:
    """Share of a network's column words that stay in the weight memory; the rest is streamed."""
    kept = total = 0
    for layer in layers:
        columns, blocks = layer.inputs + layer.hidden, config.blocks(layer.hidden)
        for _ in range(layer.directions):
            kept += min(blocks, (config.weight_words - kept) // columns) * columns
            total += blocks * columns
    return kept / total


def _next(path: Path, found: FileSummary, configurations: list[dict]) -> str | None:
    """The command line that gets furthest with the file; None where none does."""
    if found.refused is not None or not found.networks:
        return None
    fitting = [row["name"] for row in configurations if row["holds"]]
    if not fitting:
        return None
    config = "" if "edge" in fitting else f" --config {fitting[0]}"
    samples = "x.npz" if len(found.inputs) - len(found.states) > 1 else "x.npy"
    lstms = {layer.name for layer in found.layers if "LSTM" in layer.kind}
    several = found.kind in SEVERAL and len(lstms) > 1
    node = f" --node {found.networks[0][0]}" if several else ""
    return f"refrain run {path} --input {samples}{node}{config}"
