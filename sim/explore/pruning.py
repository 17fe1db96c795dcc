"""From networks in floating point and data to pruned ones, what they lost, and files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hw.config import Config
from sim.explore.files import as_numbers, write_whole
from sim.explore.nodes import named_inputs
from sim.explore.outputs import real_values
from sim.explore.quantising import Subject, check_holds, model_subjects, write_quantized
from sim.explore.running import check_alone
from sim.explore.tuning.metrics import Metric
from sim.explore.tuning.problems import Examples, divide
from sim.explore.written import measure_written
from sim.networks.codes import sqnr
from sim.networks.container import Part
from sim.networks.float_lstm import check_sequences
from sim.networks.loader import CONTAINER, file_kind, load_network
from sim.networks.network import (
    FloatLayer,
    FloatNetwork,
    IntegerLayer,
    IntegerNetwork,
    NetworkError,
)
from sim.networks.pruning.groups import column_counts, kept_columns
from sim.networks.pruning.models import Replaced, Stack, prune_model
from sim.networks.quantizer import quantize
from sim.networks.recording import Recorder
from sim.networks.streams import as_stream
from sim.networks.whole import WholeModel

__all__ = ["Pruned", "check_output", "prune_file", "write_pruned"]

_KINDS = {".onnx": (".onnx",), ".safetensors": (".safetensors", ".pt")}
"""What a file in floating point is written from, by its suffix."""
_INTEGERS = (".tflite", CONTAINER)


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """A network that was pruned.

    Members
    -------
    path : Path
        The file that it comes from.
    node : str or None
        Which LSTM of it.
    model : WholeModel
        What was read; LSTM layers alone are a ``Stack``.
    whole, pruned : WholeModel
        As it was, and as it is, both as a stream where it runs call by call.
    parts : dict of Examples
        ``calibration``, which it was pruned on, and ``held_out``; inputs by name.
    figures : dict
        ``layers``, a row for each; ``groups``, ``zero_groups`` and ``zero_share`` of all of them;
        ``held_out``, a row for the network as it was and one for the pruned one.
    """

    path: Path
    node: str | None
    model: WholeModel
    whole: WholeModel
    pruned: Replaced
    parts: Mapping[str, Examples]
    figures: dict[str, Any]


def prune_file(
    path: Path,
    data: Examples,
    config: Config,
    keep: float = 0.5,
    *,
    share: float = 0.75,
    node: str | None = None,
    states: tuple[str, ...] = (),
    metric: Metric | None = None,
    output: Path | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Pruned:
    """Prune the LSTM layers of a file, and measure what that loses on data held out.

    Parameters
    ----------
    path : Path
        An ``.onnx``, ``.safetensors`` or ``.pt`` file.
    data : Examples
        Inputs, ``[n, time, I]`` for LSTM layers alone, and labels where the metric takes them.
    config : Config
        The machine: its lanes say how many rows a block has.
    keep : float
        Share of the columns that each block keeps.
    share : float
        Share of the data that it is pruned on; the rest is held out.
    node : str or None
        Which LSTM, where there are several; all of a model without.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call, see ``as_stream``.
    metric : Metric or None
        What is measured of the first output beside its signal-to-noise ratio.
    output : Path or None
        A file that it will be written to, which is refused now if it cannot hold it.
    tell : function of (done, total)
        Called after every layer.

    Raises
    ------
    NetworkError
        The network is in integers already, ``keep`` leaves nothing, or the data do not fit.
    """
    if not 0 < share < 1:
        raise NetworkError(f"the calibration share must be between 0 and 1, not {share:g}")
    model = _open(path, node, data, states)
    if output is not None:
        check_output(output, model, node)
    _check_keep(model, node, keep)
    parts = divide(replace(data, inputs=_numbers(data.inputs)), share)
    whole = _streamed(model, states, parts)
    parts = {
        name: replace(part, inputs=named_inputs(whole, part.inputs)) for name, part in parts.items()
    }
    chosen = None if isinstance(model, Stack) else node
    inputs = [parts["calibration"].inputs]
    pruned = prune_model(whole, inputs, config.units_per_block, keep, node=chosen, tell=tell)
    held = parts["held_out"]
    figures = _measure(whole, pruned, held, metric, config.units_per_block)
    figures = {"keep": keep, "lanes": config.lanes, **figures}
    how = {"path": path, "node": node, "model": model, "parts": parts}
    return Pruned(**how, whole=whole, pruned=pruned, figures=figures)


def _open(path: Path, node: str | None, data: Examples, states: tuple[str, ...]) -> WholeModel:
    weights = file_kind(path) in _KINDS[".safetensors"]
    network = load_network(path, node if weights else None)
    if isinstance(network, FloatNetwork):
        check_alone(data.inputs, states=states)
        inputs = network.layers[0].directions[0].input_size
        check_sequences("the data", data.inputs, inputs)
        return Stack(path, network)
    if isinstance(network, IntegerNetwork) or any(
        isinstance(layer, IntegerLayer) for layer in network.lstm_layers.values()
    ):
        raise NetworkError(
            f"{path}: the network is in integers already; prune the one in floating point that "
            f"it was made from"
        )
    if node is not None and node not in network.lstm_layers:
        names = ", ".join(network.lstm_layers)
        raise NetworkError(f"{path} has no LSTM node {node}; it has {names}")
    return network


def _check_keep(model: WholeModel, node: str | None, keep: float) -> None:
    """Refuse, before anything runs, a share that leaves nothing."""
    for name, layer in model.lstm_layers.items():
        if node is None or name == node or isinstance(model, Stack):
            for lstm in layer.directions:
                kept_columns(lstm, keep)


def _numbers(inputs):
    """Integers of an array for layers alone are numbers, never codes."""
    return as_numbers(inputs) if isinstance(inputs, np.ndarray) else inputs


def _streamed(model: WholeModel, states, parts: Mapping[str, Examples]) -> WholeModel:
    if isinstance(model, Stack):
        return model
    return as_stream(model, states, [part.inputs for part in parts.values()])[0]


def _measure(
    whole: WholeModel, pruned: Replaced, held: Examples, metric: Metric | None, units: int
) -> dict[str, Any]:
    """Figures, as of ``Pruned``, on held-out data."""
    recorders = Recorder(), Recorder()
    outputs = [
        _first_output(model, held.inputs, recorder)
        for model, recorder in zip((whole, pruned), recorders, strict=True)
    ]
    made = [recorder.made() for recorder in recorders]
    layers = [
        _layer_row(name, layer, units, [each.get(name, ()) for each in made])
        for name, layer in pruned.layers.items()
    ]
    groups, zero = (sum(row[name] for row in layers) for name in ("groups", "zero_groups"))
    rows = [
        {"network": "as it was", "sqnr_db": None},
        {"network": "pruned", "sqnr_db": _ratio(outputs[:1], outputs[1:])},
    ]
    if metric is not None and metric.name != "sqnr":
        for row, output in zip(rows, outputs, strict=True):
            row[metric.name] = metric.score(output, outputs[0], held.labels, "held_out").value
    return {
        "layers": layers,
        "groups": groups,
        "zero_groups": zero,
        "zero_share": zero / groups,
        "held_out": rows,
    }


def _layer_row(name: str, layer: FloatLayer, units: int, made: list) -> dict[str, Any]:
    """A layer's groups, and the ratio of what it ``made`` as it was and pruned."""
    counts = [column_counts(lstm.W, lstm.R, units) for lstm in layer.directions]
    groups, zero = (sum(each) for each in zip(*counts, strict=True))
    return {
        "layer": name,
        "inputs": layer.directions[0].input_size,
        "hidden": layer.directions[0].hidden_size,
        "directions": len(layer.directions),
        "groups": groups,
        "zero_groups": zero,
        "zero_share": zero / groups,
        "sqnr_db": _ratio(*made),
    }


def _first_output(model: WholeModel, inputs: Mapping, recorder: Recorder) -> np.ndarray:
    """Real values of the first output, which must be numbers."""
    name = model.outputs[0]
    output = real_values(model, name, model.run(inputs, recorder)[name])
    if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu" or not output.size:
        raise NetworkError(
            f"{model.path}: the first output {name} must hold numbers to be compared; export the "
            f"model with its scores as the first output"
        )
    return output


def _ratio(truth, found) -> float | None:
    """Signal-to-noise ratio of arrays in dB; None where they are none, not alike or the same."""
    if not truth or [each.shape for each in truth] != [each.shape for each in found]:
        return None
    ratio = sqnr(*(np.concatenate([each.ravel() for each in part]) for part in (truth, found)))
    return ratio if np.isfinite(ratio) else None


def check_output(path: Path, model: WholeModel, node: str | None = None) -> None:
    """Refuse, before anything is pruned, a file that cannot hold a model with a layer, or all.

    Raises
    ------
    NetworkError
        With the kinds of files that can be written.
    """
    suffix, kind = path.suffix.lower(), file_kind(model.path)
    if suffix not in _INTEGERS and kind not in _KINDS.get(suffix, ()):
        own = ".onnx" if kind == ".onnx" else ".safetensors"
        raise NetworkError(
            f"{path} cannot be written from {model.path}: a pruned network is written as {own} in "
            f"floating point, or as .tflite or {CONTAINER} in integers"
        )
    if suffix == ".onnx":
        from sim.networks.onnx.writer import check_places

        check_places(model, None if node is None else [node])


def write_pruned(done: Pruned, path: Path) -> dict[str, Any]:
    """Write a pruned network; figures of its integers, where it is written in integers.

    Parameters
    ----------
    done : Pruned
        The network.
    path : Path
        ``.onnx`` or ``.safetensors``, as the file that it comes from; ``.tflite`` or ``.refrain``
        quantises it on the data that it was pruned on.

    Returns
    -------
    dict
        ``integers``, a row for each network of a file of integers: the signal-to-noise ratio of
        its last ``h`` on held-out data, before and after, against floating point as it was.

    Raises
    ------
    NetworkError
        The file cannot hold it.
    """
    check_output(path, done.model, done.node)
    suffix = path.suffix.lower()
    if suffix in _INTEGERS:
        return _write_integers(done, path)
    # Here, as each brings its library with it.
    if suffix == ".onnx":
        from sim.networks.onnx.writer import onnx_bytes

        write_whole(path, onnx_bytes(done.model, done.pruned.layers))
        return {}
    from sim.networks.pytorch.reader import open_pt, open_safetensors
    from sim.networks.pytorch.writer import safetensors_bytes

    opened = (open_pt if file_kind(done.path) == ".pt" else open_safetensors)(done.path)
    network = FloatNetwork(layers=tuple(done.pruned.lstm_layers.values()))
    write_whole(path, safetensors_bytes(opened, network, done.node))
    return {}


def _write_integers(done: Pruned, path: Path) -> dict[str, Any]:
    calibration, held = (done.parts[name].inputs for name in ("calibration", "held_out"))
    subjects, before = (_subjects(done, model, calibration) for model in (done.pruned, done.whole))
    check_holds(path, done.path, subjects)
    truths = {each.name: each for each in _subjects(done, done.whole, held)}
    parts, rows = [], []
    for one, other in zip(subjects, before, strict=True):
        networks = [quantize(each.network, each.seen) for each in (other, one)]
        parts.append(Part(name=one.name, network=networks[1], nodes=one.nodes))
        truth = truths.get(one.name)
        ratios = [
            None if truth is None else measure_written(truth.network, each, truth.seen)["sqnr_db"]
            for each in networks
        ]
        rows.append({"network": one.name, "sqnr_db_before": ratios[0], "sqnr_db_after": ratios[1]})
    first = subjects[0].seen[0]
    write_quantized(path, parts, first.x.shape[1] // first.calls)
    return {"integers": rows}


def _subjects(done: Pruned, model: WholeModel, inputs: Mapping) -> tuple[Subject, ...]:
    if not isinstance(done.whole, Stack):
        return model_subjects(model, inputs, done.node)
    (subject,) = model_subjects(model, inputs)
    return (replace(subject, name=done.node or "lstm", nodes=()),)
