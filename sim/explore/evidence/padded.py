"""Splits on the model in batches: sequences are padded, and only their valid steps counted.

What follows a sequence cannot change it, so this gives the bits and events of running sequences of
each length by themselves, many times faster.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hw.config import Config
from sim.image.compile import compile_network
from sim.image.image import Placement
from sim.image.residency import residency
from sim.image.weights import part_beats
from sim.model.activity import Activity
from sim.model.hits import block_hits
from sim.model.timing.columns import SequenceColumns, columns_of
from sim.networks.network import IntegerNetwork, NetworkError
from sim.networks.quantizer import from_codes, to_codes
from sim.workloads.workload import Split

__all__ = ["Padded", "run_padded"]

_BATCH = 64
"""Sequences of a batch: as many as the caches hold, and as much padding as their lengths differ."""


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Of each step: MACs, beats of words that lanes take and of those that are streamed, cycles."""

    macs: np.ndarray
    words: np.ndarray
    streamed: np.ndarray
    lanes: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Padded:
    """What a split gave.

    Members
    -------
    h : float64 [sequences, time, H]
        Outputs; those behind the end of a sequence mean nothing.
    network : IntegerNetwork
        What ran.
    activity : tuple of Activity
        Of each direction, layer by layer.
    hits : tuple of int32 [sequences, time, blocks], of x and of h, or None
        Of each direction with a map, the events of each block that have a word.
    valid : bool [sequences, time]
        The steps that count.
    config : Config
        The machine.
    """

    h: np.ndarray
    network: IntegerNetwork
    activity: tuple[Activity, ...]
    hits: tuple[tuple[np.ndarray, np.ndarray] | None, ...]
    valid: np.ndarray
    config: Config

    def _directions(self, part: np.ndarray | None = None) -> list[tuple[Placement, _Work]]:
        """Each direction in memory, with the work of its valid steps.

        Of those in ``part`` where that is given.
        """
        valid = self.valid if part is None else part
        image = compile_network(self.network, self.config, steps=1, sequences=1)
        return [
            (placement, _work(placement, self.config, activity, hits, valid))
            for placement, activity, hits in zip(
                image.placements, self.activity, self.hits, strict=True
            )
        ]

    def equals(self, other: "Padded") -> bool:
        """Whether every valid output is the same."""
        return bool((self.h[self.valid] == other.h[self.valid]).all())

    def shares(self) -> dict[str, float]:
        """Shares of the products, and of the bytes of weights if all are streamed, avoided.

        Bytes are compared with those of words that have all their beats.
        """
        done = np.zeros(2)
        dense = np.zeros(2)
        config = self.config
        for placement, work in self._directions():
            inputs, H = (placement.fields[name] for name in ("input_size", "hidden_size"))
            cost = np.array([4 * H, config.blocks(H) * config.column_bytes], float)
            done += (work.macs.sum(), work.words.sum() * config.bus_bytes)
            dense += cost * len(work.macs) * (inputs + H)
        return dict(zip(("macs", "bytes"), (1 - done / dense).tolist(), strict=True))

    def cycles(self, part: np.ndarray | None = None) -> float:
        """Cycles per step by the performance model: all layers, mean of the valid steps.

        Of those in ``part``, bool ``[sequences, time]``, where it is given.

        ``max(B E, streamed blocks * E * beats of a word, cell work)`` for each step and direction,
        with as many blocks resident as the machine holds. With a map, ``E`` is what each block has.
        """
        config, total = self.config, 0.0
        for placement, work in self._directions(part):
            cell = placement.fields["hidden_size"] * config.unit_cycles
            total += float(np.maximum(np.maximum(work.lanes, work.streamed), cell).mean())
        return total

    def streamed_words(self) -> int:
        """Column words that a dense step reads from DRAM."""
        image = compile_network(self.network, self.config, steps=1, sequences=1)
        return sum(_streamed_words(placement, self.config) for placement in image.placements)


def _streamed_words(placement: Placement, config: Config) -> int:
    """Stored words of the blocks that the weight memory does not hold."""
    fields = placement.fields
    streamed = ~residency(fields["resident_blocks"], config.blocks(fields["hidden_size"]))
    if placement.stored is not None:
        return int(placement.stored.block_words[streamed].sum())
    return int(streamed.sum()) * (fields["input_size"] + fields["hidden_size"])


def _work(
    placement: Placement,
    config: Config,
    activity: Activity,
    hits: tuple[np.ndarray, np.ndarray] | None,
    valid: np.ndarray,
) -> _Work:
    """What the lanes and the bus do in the valid steps of a direction."""
    fields = placement.fields
    hidden = fields["hidden_size"]
    blocks = config.blocks(hidden)
    streamed = ~residency(fields["resident_blocks"], blocks)
    beats = np.array(part_beats(fields))
    events = np.stack([activity.events_x[valid], activity.events_h[valid]])
    if hits is None:
        total = beats @ events
        return _Work(
            macs=4 * hidden * events.sum(axis=0),
            words=blocks * total,
            streamed=int(streamed.sum()) * total,
            lanes=blocks * events.sum(axis=0),
        )
    found = np.stack([part[valid] for part in hits])
    units = np.full(blocks, config.units_per_block)
    units[-1] = hidden - (blocks - 1) * config.units_per_block
    issued = np.maximum(found, (events > 0)[..., None])
    return _Work(
        macs=4 * (found.sum(axis=0) @ units),
        words=beats @ found.sum(axis=2),
        streamed=beats @ found[..., streamed].sum(axis=2),
        lanes=issued.sum(axis=(0, 2)),
    )


def run_padded(network: IntegerNetwork, split: Split, backend, modes) -> Padded:
    """Run a split in some modes on the model: batches of sequences that are about equally long.

    Raises
    ------
    NetworkError
        A direction runs backwards, so padding would come first.
    """
    directions = [each for layer in network.layers for each in layer.directions]
    if any(direction.reverse for direction in directions):
        raise NetworkError("a workload's network must not run backwards")
    x = to_codes(split.x, directions[0].x)
    h = np.zeros((*x.shape[:2], directions[-1].hidden_size), directions[-1].h.dtype)
    activity = tuple(_no_activity(x.shape[:2]) for _ in directions)
    image = compile_network(network, backend.config, steps=1, sequences=1, modes=modes)
    hits = tuple(_no_hits(x.shape[:2], each, backend.config) for each in image.placements)
    order = np.argsort(split.lengths, kind="stable")
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        steps = split.lengths[rows].max()
        done = backend.outputs(network, x[rows, :steps], None, modes, trace=True)
        h[rows, :steps] = done.h
        for total, each in zip(activity, done.activity, strict=True):
            for name, values in vars(total).items():
                if values is not None:
                    values[rows, :steps] = getattr(each, name)
        columns = columns_of(image, x[rows, :steps], done.layers, done.activity)
        for found, placement, each in zip(hits, image.placements, columns, strict=True):
            if found is not None:
                _note_hits(found, rows, placement, each)
    return Padded(
        h=from_codes(h, directions[-1].h),
        network=network,
        activity=activity,
        hits=hits,
        valid=np.arange(x.shape[1]) < split.lengths[:, None],
        config=backend.config,
    )


def _no_activity(shape: tuple[int, ...]) -> Activity:
    return Activity(
        mode=np.zeros(shape, np.uint8),
        events_x=np.zeros(shape, np.int32),
        events_h=np.zeros(shape, np.int32),
    )


def _no_hits(
    shape: tuple[int, ...], placement: Placement, config: Config
) -> tuple[np.ndarray, np.ndarray] | None:
    if placement.stored is None:
        return None
    blocks = config.blocks(placement.direction.hidden_size)
    return np.zeros((*shape, blocks), np.int32), np.zeros((*shape, blocks), np.int32)


def _note_hits(
    found: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
    placement: Placement,
    columns: Iterable[SequenceColumns],
):
    for row, sequence in zip(rows, columns, strict=True):
        for part, events in enumerate((sequence.x, sequence.h)):
            blocks = found[part].shape[2]
            found[part][row, : len(events)] = block_hits(placement, blocks, events, part)
