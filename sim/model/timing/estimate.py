"""When things happen in the machine: cycles and stalls of a run, from its image and its events.

The gates are a handful of queues, so their time is a recurrence over blocks: an operation issues
when the one before it has, when its list and its weights are there, and when its accumulators are
free. Exact for resident weights and an ideal memory, in every mode. Streamed weights are followed
burst by burst, right to within two per cent at a fixed latency.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hw import latency as after
from hw.config import Config
from sim.image.image import Image
from sim.model.timing.columns import SequenceColumns
from sim.model.timing.layer import LayerTiming
from sim.model.timing.modes import ModeSequence
from sim.model.timing.plain import PlainSequence

__all__ = ["estimate"]

_CAUSES = "load", "input", "hidden", "weights", "cell", "drain"


def estimate(
    image: Image,
    config: Config,
    latency: int = 1,
    columns: Sequence[Iterable[SequenceColumns] | None] | None = None,
) -> tuple[int, dict[str, int]]:
    """Cycles from start to done, and cycles in which the lanes waited, by cause.

    Parameters
    ----------
    image : Image
        What runs.
    config : Config
        The machine.
    latency : int
        Cycles from a read address to its first beat; 1 is ideal.
    columns : iterable of SequenceColumns or None for each direction, or None
        Events of each sequence; None for a direction whose every step multiplies every column.
    """
    stalls = Counter(dict.fromkeys(_CAUSES, 0))
    clock = 0
    for k, placement in enumerate(image.placements):
        layer = LayerTiming.of(placement, image, config, latency)
        begin = clock + layer.load()
        stalls["load"] += begin - clock
        clock = begin
        for index, run in enumerate(_sequences(layer, columns and columns[k])):
            if index:
                clock += 1
                stalls["load"] += 1
            stalls.update(run.stalls)
            rest = run.last_unit + after.UNIT_QUEUE + after.PACKER + 1
            end = rest if index < layer.sequences - 1 else max(rest + 1, layer.drained(run))
            stalls["drain"] += end - run.last_issue
            clock += end
    return clock, dict(stalls)


def _sequences(layer: LayerTiming, columns: Iterable[SequenceColumns] | None):
    """Each sequence of a layer."""
    # Each initial state has an address of its own, and so bursts of its own.
    alike = not layer.flag("load_state")
    layers = (replace(layer, sequence=k) for k in range(layer.sequences))
    if columns is None:
        if alike:
            return [PlainSequence(layer).run()] * layer.sequences
        return (PlainSequence(each).run() for each in layers)
    if layer.even and alike:
        return [ModeSequence(layer, next(iter(columns))).run()] * layer.sequences
    return (ModeSequence(*pair).run() for pair in zip(layers, columns, strict=True))
