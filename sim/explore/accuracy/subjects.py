"""What accuracy is measured of: networks of packages and workloads, each with several data sets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.explore.outputs import compare, real_values
from sim.explore.tuning.problems import digest
from sim.networks.loader import load_network
from sim.networks.network import FloatLayer, IntegerNetwork
from sim.networks.quantizer import quantize
from sim.networks.streams import as_stream, known_states
from sim.networks.whole import LstmFunction, WholeModel
from sim.workloads.packages import fetch
from sim.workloads.published.catalogue import Published
from sim.workloads.workload import Case, Say, Workload

__all__ = ["NETWORKS", "DataSet", "Subject", "network_subject", "workload_subject"]

NETWORKS = ("seizures", "ddddocr", "dtln-1", "silero-v4")
"""Published networks that are measured unless others are named: they took no part in choosing how
integers are chosen."""

_CALIBRATION = "calibration"


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What a subject runs on.

    Members
    -------
    name : str
        What it is called.
    run : function of LstmFunction
        Runs the subject, with this in the place of its LSTM layers; its outputs by name.
    judge : function of two dicts of outputs
        Figures of the second ones; the first ones are those of floating point.
    """

    name: str
    run: Callable[[LstmFunction], dict]
    judge: Callable[[Mapping, Mapping], dict]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network, and what it runs on.

    Members
    -------
    name : str
        What it is called.
    kind : str
        ``network`` or ``workload``.
    content : str
        A name for its weights and all of its data: equal only for equal ones.
    layers : dict of FloatLayer
        Its LSTM layers by name.
    quantize : function
        Takes options of ``sim.networks.quantizer.quantize``; a network of one layer for each of
        the layers, by name, calibrated on the first data set.
    sets : tuple of DataSet
        Data sets; the network is not calibrated on any but the first.
    stream : bool
        Its data sets are the calls of a stream.
    """

    name: str
    kind: str
    content: str
    layers: Mapping[str, FloatLayer] = field(repr=False)
    quantize: Callable[..., dict[str, IntegerNetwork]] = field(repr=False)
    sets: tuple[DataSet, ...] = field(repr=False)
    stream: bool = False


def network_subject(published: Published) -> Subject:
    """A network of a package; it is calibrated on the inputs of ``published.calibration``.

    Raises
    ------
    PackageError, NetworkError
        A file cannot be fetched, or is not read.
    """
    path = fetch(published.member)
    model = load_network(path)
    inputs = {_CALIBRATION: published.calibration or published.make, **published.others}
    made = {name: make() for name, make in inputs.items()}
    states = known_states(model).values()
    model, _ = as_stream(model, (), list(made.values()))
    shown = [name for name in model.outputs if name not in states]
    sets = tuple(_network_set(name, model, each, shown) for name, each in made.items())

    def quantise(**options) -> dict[str, IntegerNetwork]:
        seen = model.capture(made[_CALIBRATION])
        return {name: quantize(model.lstm_layers[name], seen[name], **options) for name in seen}

    return Subject(
        name=published.name,
        kind="network",
        content=digest(published.member.sha256, made),
        layers=model.lstm_layers,
        quantize=quantise,
        sets=sets,
        stream=published.calls,
    )


def _network_set(name: str, model: WholeModel, inputs: Mapping, shown: Sequence[str]) -> DataSet:
    def judge(reference: Mapping, outputs: Mapping) -> dict:
        pair = ({k: real_values(model, k, e[k]) for k in shown} for e in (reference, outputs))
        return {"outputs": compare(*pair).get("sqnr_db", {})}

    return DataSet(name=name, run=lambda lstm: model.run(inputs, lstm), judge=judge)


def workload_subject(workload: Workload, say: Say) -> Subject:
    """A workload: it is calibrated on its calibration data, and scored on data that are held out.

    Raises
    ------
    PackageError
        A file cannot be fetched.
    """
    case = workload.load(say)
    layers = {f"layer {number}": each for number, each in enumerate(case.network.layers)}
    splits = {_CALIBRATION: case.calibration, "held out": case.evaluation}
    parts = [vars(split) for split in splits.values()]
    weights = [vars(each) for layer in layers.values() for each in layer.directions]
    return Subject(
        name=workload.name,
        kind="workload",
        content=digest(*parts, *weights),
        layers=layers,
        quantize=lambda **options: _quantise_case(case, **options),
        sets=tuple(_workload_set(name, case, layers, split) for name, split in splits.items()),
    )


def _quantise_case(case: Case, **options) -> dict[str, IntegerNetwork]:
    split = case.calibration
    done = quantize(case.network, split.x, lengths=split.lengths, **options)
    # Layers are run one by one, from the real values of codes that the next takes as they are.
    return {
        f"layer {number}": IntegerNetwork(layers=(layer,))
        for number, layer in enumerate(done.layers)
    }


def _workload_set(name: str, case: Case, layers: Mapping, split) -> DataSet:
    def run(lstm: LstmFunction) -> dict:
        def through(x: np.ndarray) -> np.ndarray:
            for title, layer in layers.items():
                x = lstm(title, layer, x, None, None)[0]
            return x

        return {"h": split.run(through)}

    def judge(_, outputs: Mapping) -> dict:
        score = case.score(outputs["h"], split)
        return {"score": score.value, "standard_error": score.standard_error}

    return DataSet(name=name, run=run, judge=judge)
