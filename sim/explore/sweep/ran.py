"""What a network does on held-out data in some modes, whatever the size of its machine."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hw.config import Config
from sim.explore.evidence.padded import run_padded
from sim.explore.outputs import real_values
from sim.explore.running import precision
from sim.explore.sweep.points import Point
from sim.explore.sweep.quantised import kept_quantize
from sim.explore.sweep.subjects import Subject
from sim.explore.tuning.problems import PARTS, FileProblem
from sim.explore.workloads import quantize_case
from sim.image.image import State
from sim.image.modes import NORMAL, Modes
from sim.model.backend import ModelBackend
from sim.networks.float_lstm import run_float
from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.quantizer import to_codes
from sim.workloads.scores import Score
from sim.workloads.workload import Case

__all__ = ["Call", "Ran", "Steps", "formats", "functional", "ran"]

_HELD_OUT = PARTS[1]

_SEQUENCES = 4
"""Sequences that are timed."""

_STEPS = 100
"""Steps of each of them that are timed, at most."""

_CALLS = 16
"""Calls of a layer that are timed, at most, of a model that runs call by call."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A run of a network on its backend, for the model of time.

    Members
    -------
    stream : int
        Calls of the same number follow each other on one backend.
    network : IntegerNetwork
        What ran.
    x : int8 [sequences, steps, I]
        Its input.
    options : dict
        Of ``RunOptions``.
    """

    stream: int
    network: IntegerNetwork
    x: np.ndarray
    options: dict


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Columns that were multiplied by one network.

    Members
    -------
    network : IntegerNetwork
        What ran.
    events : tuple of int32 [2, n]
        For each direction, layer by layer, the columns of x and of h of every step.
    """

    network: IntegerNetwork
    events: tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of a run: the same on machines of every size.

    Members
    -------
    score : Score
        On the held-out data.
    steps : tuple of Steps
        One for each network that has a place of its own.
    calls : tuple of Call
        What is timed.
    """

    score: Score
    steps: tuple[Steps, ...]
    calls: tuple[Call, ...]


def functional(point: Point) -> tuple:
    """What of a point changes bits or events: points that agree in it share a ``Ran``."""
    config = point.config
    precise = (config.act_width, config.row_scales, repr(config.multiplier))
    return (point.subject, point.network_bits, point.percentile, repr(point.mode), *precise)


def formats(point: Point) -> tuple:
    """What of a point changes its network: points that agree in it quantise alike."""
    config = point.config
    widths = (point.network_bits, config.multiplier.weight_width, config.act_width)
    return (point.subject, point.percentile, *widths, config.row_scales)


def ran(subject: Subject, point: Point, case: Case | None = None) -> Ran:
    """Run a point's network on the held-out data.

    Parameters
    ----------
    subject : Subject
        Network and data.
    point : Point
        Precision and modes.
    case : Case or None
        That of a workload, where it is at hand.

    Raises
    ------
    NetworkError
        The data do not fit the network, or the network not the precision.
    """
    if subject.workload is None:
        machine = _largest(point.config)
        return _swept(subject, machine, point.network_bits, point.percentile).ran(point.modes())
    return _ran_workload(subject, _case(subject.workload) if case is None else case, point)


@lru_cache(maxsize=2)
def _case(name: str) -> Case:
    return Subject(name=name, workload=name).case()


def _largest(config: Config) -> Config:
    """A machine that computes the same, and holds layers of any size."""
    # Its bus and its memory do not matter, as what they cost is asked of another machine.
    return replace(config, max_input=4096, max_hidden=4096, lanes=256, bus_width=64)


def _ran_workload(subject: Subject, case: Case, point: Point) -> Ran:
    if point.percentile is not None:
        raise NetworkError("--state and --percentile are for a network file")
    config, modes = _largest(point.config), point.modes()
    network = quantize_case(case, kept_quantize, **precision(config, point.network_bits))
    split = case.evaluation
    done = run_padded(network, split, ModelBackend(config), modes)
    events = tuple(
        np.stack([each.events_x[done.valid], each.events_h[done.valid]]) for each in done.activity
    )
    calls = []
    form = network.layers[0].directions[0].x
    for row, length in list(zip(split.x, split.lengths, strict=True))[:_SEQUENCES]:
        codes = to_codes(row[None, : min(length, _STEPS)], form)
        calls.append(Call(stream=0, network=network, x=codes, options={"modes": modes}))
    return Ran(
        score=case.score(done.h, split),
        steps=(Steps(network=network, events=events),),
        calls=tuple(calls),
    )


class _Recorder:
    """A backend that remembers what ran on it, all weights streamed."""

    def __init__(self, backend: ModelBackend, record: list | None = None, stream: int = 0):
        self.backend, self.config = backend, backend.config
        self.record = [] if record is None else record
        self._stream, self._siblings = stream, 0

    def sibling(self) -> "_Recorder":
        """As the backend's."""
        self._siblings += 1
        return _Recorder(self.backend.sibling(), self.record, self._siblings)

    def run(self, network: IntegerNetwork, x: np.ndarray, **options):
        """As the backend's."""
        options.pop("resident", None)
        result = self.backend.run(network, x, resident=False, trace=True, **options)
        self.record.append((self._stream, network, x, options, result.trace))
        return result


class _Swept(FileProblem):
    """A network file whose outputs are compared with floating point: precision is swept, too.

    A network that comes in integers is compared with its own normal mode.
    """

    def __init__(self, subject: Subject, config: Config, bits: int | None, percentile: float):
        network, parts = subject.load()
        how = {"percentile": percentile, "states": subject.states, "by": kept_quantize}
        super().__init__(subject.network, network, parts, subject.judge(), config, bits, **how)
        self.backend = _Recorder(self.backend)
        self._reference = None

    def ran(self, modes: Modes) -> Ran:
        """What modes give on the held-out part."""
        if self._reference is None:
            self._reference = self._compared_with()
        self.backend = _Recorder(self.backend.backend)
        outputs, _ = self._run(modes, _HELD_OUT)
        labels = self.parts[_HELD_OUT].labels
        score = self._metric.score(outputs, self._reference, labels, _HELD_OUT)
        record = self.backend.record
        steps, calls = _steps_of(record), _calls_of(record)
        return Ran(score=score, steps=steps, calls=calls)

    def _compared_with(self) -> np.ndarray:
        """Outputs in floating point; in integers and normal mode where there are none."""
        inputs = self.parts[_HELD_OUT].inputs
        if isinstance(self._given, FloatNetwork):
            return run_float(self._given, inputs)[0]
        if not isinstance(self._given, IntegerNetwork):
            found = self.model.reference(inputs)
            if found is not None:
                name = self.model.outputs[0]
                return real_values(self.model, name, found[name])
        return self._run(NORMAL, _HELD_OUT)[0]


@lru_cache(maxsize=2)
def _swept(subject: Subject, config: Config, bits: int | None, percentile: float) -> _Swept:
    return _Swept(subject, config, bits, percentile)


def _steps_of(record: list[tuple]) -> tuple[Steps, ...]:
    """Columns by network, of all its calls."""
    found = {}
    for _, network, _, _, trace in record:
        events = [np.stack([each.events_x.ravel(), each.events_h.ravel()]) for each in trace]
        found.setdefault(id(network), (network, []))[1].append(events)
    return tuple(
        Steps(
            network=network,
            events=tuple(np.concatenate(each, axis=1) for each in zip(*events, strict=True)),
        )
        for network, events in found.values()
    )


def _calls_of(record: list[tuple]) -> tuple[Call, ...]:
    """The first calls of each network, short."""
    found, count = [], {}
    for stream, network, x, options, _ in record:
        count[id(network)] = count.get(id(network), 0) + 1
        if count[id(network)] > _CALLS:
            continue
        initial = options.get("initial")
        # Cut only where no call goes on from the end of this one.
        few = x if len(x) == 1 and initial is not None else x[:_SEQUENCES, :_STEPS]
        if initial is not None:
            short = [State(h=each.h[: len(few)], c=each.c[: len(few)]) for each in initial]
            options = {**options, "initial": short}
        found.append(Call(stream=stream, network=network, x=few, options=options))
    return tuple(found)
