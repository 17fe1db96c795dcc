"""From networks in floating point and samples to integer networks, what they lost, and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.explore.files import write_whole
from sim.explore.judging import judge_network
from sim.explore.nodes import named_inputs
from sim.explore.running import check_alone
from sim.explore.written import measure_written
from sim.networks.chains import join_chains
from sim.networks.container import Part, container_bytes
from sim.networks.loader import CONTAINER, SEVERAL, file_kind, load_network
from sim.networks.network import FloatNetwork, IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.quantizer import quantize
from sim.networks.recording import Recorder
from sim.networks.streams import as_stream
from sim.networks.tflite.writer import check_expressible, write_tflite
from sim.networks.whole import Seen, WholeModel

__all__ = [
    "Subject",
    "chains",
    "check_holds",
    "load_subjects",
    "model_subjects",
    "quantize_measured",
    "write_quantized",
]

_ALIKE = 2.0**-9
"""How far values may be apart that are the same but for the rounding of float16."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One network to be quantised.

    Members
    -------
    name : str
        Its name in the file that it comes from.
    network : FloatNetwork
        Its layers.
    seen : tuple of Seen
        What reaches them of the samples.
    nodes : tuple of str
        LSTM nodes of a model that its layers are, one for each.
    """

    name: str
    network: FloatNetwork
    seen: tuple[Seen, ...]
    nodes: tuple[str, ...] = ()


def load_subjects(
    path: Path,
    samples: np.ndarray | Mapping[str, np.ndarray],
    node: str | None = None,
    states: tuple[str, ...] = (),
) -> tuple[Subject, ...]:
    """What a file has to be quantised: a network of weights, or each chain of LSTM nodes.

    Nodes of which one feeds the next are one network. A node that is named is one alone.

    Parameters
    ----------
    path : Path
        The file.
    samples : array or dict of array
        Inputs of the whole model for an ONNX model, of the first layer otherwise.
    node : str or None
        Which LSTM node of a model, or which LSTM of weights.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call, see ``as_stream``.

    Raises
    ------
    NetworkError
        The node is not there or must be named, or the network is not in floating point.
    """
    if file_kind(path) in SEVERAL:
        network = load_network(path, node)
        if isinstance(network, FloatNetwork):
            if not isinstance(samples, np.ndarray):
                raise NetworkError("the samples must be one array in a .npy file")
            check_alone(states=states)
            return (Subject(name=node or "lstm", network=network, seen=(Seen(x=samples),)),)
    else:
        network = load_network(path)
    if isinstance(network, IntegerNetwork) or any(
        isinstance(layer, IntegerLayer) for layer in network.lstm_layers.values()
    ):
        raise NetworkError(f"{path}: the network is in integers already; run it as it is")
    names = list(network.lstm_layers)
    if node is not None and node not in names:
        raise NetworkError(f"{path} has no LSTM node {node}; it has {', '.join(names)}")
    network, _ = as_stream(network, states, [samples])
    return model_subjects(network, named_inputs(network, samples), node)


def model_subjects(
    model: WholeModel, inputs: Mapping[str, np.ndarray], node: str | None = None
) -> tuple[Subject, ...]:
    """Each chain of LSTM layers of a model that inputs reach, or the one layer that is named.

    Raises
    ------
    NetworkError
        The inputs reach none, or their states do not go on alike.
    """
    seen, made = _capture(model, inputs)
    # Of layers in branches of the model, those that the samples take are quantised.
    if not seen or (node is not None and node not in seen):
        first = node or next(iter(model.lstm_layers))
        raise NetworkError(
            f"{model.path}: nothing of the samples reaches the LSTM node {first}; "
            f"give samples that take its branch"
        )
    groups = [(node,)] if node is not None else chains(model, seen, made)
    return tuple(_subject(model, group, seen) for group in groups)


def _subject(model: WholeModel, nodes: tuple[str, ...], seen: Mapping) -> Subject:
    layers = tuple(model.lstm_layers[name] for name in nodes)
    each = [seen[name] for name in nodes]
    if any(len(calls) != len(each[0]) for calls in each):
        raise NetworkError(
            f"{model.path}: the LSTM nodes {', '.join(nodes)} follow each other, but their "
            f"states do not go on alike; choose one with --node"
        )
    calls = zip(*each, strict=True)
    stacked = tuple(
        Seen(
            x=first.x,
            h0=first.h0,
            c0=first.c0,
            later=tuple((each.h0, each.c0) for each in others),
            calls=first.calls,
        )
        for first, *others in calls
    )
    return Subject(name=nodes[0], network=FloatNetwork(layers=layers), seen=stacked, nodes=nodes)


def _capture(model: WholeModel, inputs: Mapping) -> tuple[dict, dict]:
    """What reaches each LSTM layer, a ``Seen`` for each call, and what comes out of it."""
    recorder = Recorder()
    model.run(inputs, recorder)
    return recorder.seen(), recorder.made()


def chains(model: WholeModel, seen: Mapping, made: Mapping) -> list[tuple[str, ...]]:
    """The LSTM layers that ran, by name, those together of which one feeds only the next.

    Parameters
    ----------
    model : WholeModel
        Its ``leaders`` say which layers may follow which.
    seen : dict of list of Seen
        What reached each layer: the values must be what the leader made.
    made : dict of list of array [batch, time, directions * H]
        What each layer made, call by call.
    """
    leaders = {
        name: leader
        for name, leader in model.leaders.items()
        if name in seen and leader in seen and _same([call.x for call in seen[name]], made[leader])
    }
    return join_chains(seen, leaders)


def _same(taken: Sequence[np.ndarray], made: Sequence[np.ndarray]) -> bool:
    return len(taken) == len(made) and all(
        x.shape == y.shape and np.allclose(x, y, rtol=_ALIKE, atol=_ALIKE)
        for x, y in zip(taken, made, strict=True)
    )


def quantize_measured(
    subject: Subject, percentile: float | None = None, **how
) -> tuple[Part, dict]:
    """The integer network, and figures: its formats, and those of ``measure_written``.

    Sentences about layers that are far from floating point are under ``warnings``.

    ``how`` are ``weight_bits``, ``activation_bits`` and ``row_scales`` of ``quantize``.

    Raises
    ------
    NetworkError
        The samples are unusable, or the network has no integer form.
    """
    result = quantize(subject.network, subject.seen, percentile, **how)
    names = subject.nodes or [f"layer {number}" for number in range(len(result.layers))]
    judged = judge_network(names, subject.network, result, subject.seen)
    layers = [
        {
            "layer": number,
            "inputs": layer.input_size,
            "hidden": lstm.hidden_size,
            "directions": len(layer.directions),
            "code_bits": lstm.h.bits,
            "x_scale": lstm.x.scale,
            "x_zero": lstm.x.zero_point,
            "h_scale": lstm.h.scale,
            "h_zero": lstm.h.zero_point,
            "c_power": lstm.c_power,
        }
        for number, layer in enumerate(result.layers)
        for lstm in layer.directions[:1]
    ]
    part = Part(name=subject.name, network=result, nodes=subject.nodes)
    figures = {"layers": layers, **measure_written(subject.network, result, subject.seen)}
    warnings = [each.sentence for each in judged if each.sentence is not None]
    return part, {**figures, "warnings": warnings} if warnings else figures


def check_holds(
    path: Path, model: Path, subjects: Sequence[Subject], row_scales: bool = False
) -> None:
    """Refuse, before anything is quantised, networks that a file does not hold.

    Raises
    ------
    NetworkError
        With the LSTM nodes that are there, and what to do.
    """
    if path.suffix.lower() == CONTAINER:
        return
    if row_scales:
        raise NetworkError(
            f"{path} cannot hold scales of rows, as a .tflite LSTM operator has one for each gate; "
            f"write them with -o {path.with_suffix(CONTAINER).name}"
        )
    if len(subjects) > 1:
        named = "; ".join(" -> ".join(subject.nodes) for subject in subjects)
        raise NetworkError(
            f"{model} has LSTM nodes that do not follow each other: {named}; choose one with "
            f"--node, or write all of them with -o {path.with_suffix(CONTAINER).name}"
        )


def write_quantized(path: Path, parts: Sequence[Part], steps: int) -> None:
    """Write networks: a ``.refrain`` file of any, else a ``.tflite`` file of one.

    Parameters
    ----------
    path : Path
        The file.
    parts : sequence of Part
        The networks.
    steps : int
        Steps of a sequence, which a ``.tflite`` file fixes.

    Raises
    ------
    NetworkError
        A ``.tflite`` file cannot say it.
    """
    if path.suffix.lower() == CONTAINER:
        write_whole(path, container_bytes(parts))
        return
    (part,) = parts
    try:
        check_expressible(part.network)
    except NetworkError as error:
        other = path.with_suffix(CONTAINER).name
        raise NetworkError(f"{error}; a {CONTAINER} file holds it: -o {other}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tflite(part.network, path, steps=steps)
