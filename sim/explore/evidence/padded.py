"""Splits on the model in batches: sequences are padded, and only their valid steps counted.

What follows a sequence cannot change it, so this gives the bits and events of running sequences of
each length by themselves, many times faster.
"""

from dataclasses import dataclass

import numpy as np

from hw.config import Config
from sim.image.compile import compile_network
from sim.image.image import Placement
from sim.image.weights import part_beats
from sim.model.activity import Activity
from sim.networks.network import IntegerNetwork, NetworkError
from sim.networks.quantizer import from_codes, to_codes
from sim.workloads.workload import Split

__all__ = ["Padded", "run_padded"]

_BATCH = 64
"""Sequences of a batch: as many as the caches hold, and as much padding as their lengths differ."""


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
    valid : bool [sequences, time]
        The steps that count.
    config : Config
        The machine.
    """

    h: np.ndarray
    network: IntegerNetwork
    activity: tuple[Activity, ...]
    valid: np.ndarray
    config: Config

    def _directions(self, part: np.ndarray | None = None) -> list[tuple[Placement, np.ndarray]]:
        """Each direction in memory, with the events of x and of h of its valid steps [2, steps].

        Of those in ``part`` where that is given.
        """
        valid = self.valid if part is None else part
        image = compile_network(self.network, self.config, steps=1, sequences=1)
        return [
            (placement, np.stack([each.events_x[valid], each.events_h[valid]]))
            for placement, each in zip(image.placements, self.activity, strict=True)
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
        for placement, events in self._directions():
            inputs, H = (placement.fields[name] for name in ("input_size", "hidden_size"))
            beats = np.array(part_beats(placement.fields)) / config.word_beats
            cost = np.array([4 * H, config.blocks(H) * config.column_bytes], float)
            done += cost * (events.sum(), beats @ events.sum(axis=1))
            dense += cost * events.shape[1] * (inputs + H)
        return dict(zip(("macs", "bytes"), (1 - done / dense).tolist(), strict=True))

    def cycles(self, part: np.ndarray | None = None) -> float:
        """Cycles per step by the performance model: all layers, mean of the valid steps.

        Of those in ``part``, bool ``[sequences, time]``, where it is given.

        ``max(B E, streamed blocks * E * beats of a word, cell work)`` for each step and direction,
        with as many blocks resident as the machine holds.
        """
        config, total = self.config, 0.0
        for placement, events in self._directions(part):
            hidden = placement.fields["hidden_size"]
            lanes = config.blocks(hidden) * events.sum(axis=0)
            bus = self._streamed(placement) * (np.array(part_beats(placement.fields)) @ events)
            cell = hidden * config.unit_cycles
            total += float(np.maximum(np.maximum(lanes, bus), cell).mean())
        return total

    def streamed_words(self) -> int:
        """Column words that a dense step reads from DRAM."""
        return sum(
            self._streamed(placement)
            * (placement.fields["input_size"] + placement.fields["hidden_size"])
            for placement, _ in self._directions()
        )

    def _streamed(self, placement: Placement) -> int:
        """Blocks of a direction that the weight memory does not hold."""
        fields = placement.fields
        return self.config.blocks(fields["hidden_size"]) - fields["resident_blocks"]


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
    return Padded(
        h=from_codes(h, directions[-1].h),
        network=network,
        activity=activity,
        valid=np.arange(x.shape[1]) < split.lengths[:, None],
        config=backend.config,
    )


def _no_activity(shape: tuple[int, ...]) -> Activity:
    return Activity(
        mode=np.zeros(shape, np.uint8),
        events_x=np.zeros(shape, np.int32),
        events_h=np.zeros(shape, np.int32),
    )
