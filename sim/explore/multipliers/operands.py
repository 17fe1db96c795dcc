"""Operands that a network gives its multipliers: event values and weights, as they come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.explore.workloads import quantize_case
from sim.model.plain import run_plain_direction
from sim.networks.network import IntegerNetwork, NetworkError
from sim.networks.quantizer import to_codes
from sim.workloads.catalogue import find_workload

__all__ = [
    "Histogram",
    "Part",
    "gather",
    "histograms",
    "streams",
    "uniform",
    "uniform_streams",
    "workload_parts",
]

_LARGEST = 255
_SEQUENCES = 16


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one half of a layer multiplies: ``x`` with ``W``, or ``h`` with ``R``.

    Members
    -------
    rows : int16 [sequences, steps, columns]
        Values less their zero point.
    weights : int8 [gate rows, columns]
        Weights.
    """

    rows: np.ndarray
    weights: np.ndarray

    def events(self, threshold: int | None) -> np.ndarray:
        """Event values of each step; 0 where a column is no event.

        None: of normal mode, every value. A number: of delta mode, differences above it.
        """
        if threshold is None:
            return self.rows
        reference = np.zeros_like(self.rows[:, 0])
        events = np.empty_like(self.rows)
        for step in range(self.rows.shape[1]):
            change = self.rows[:, step] - reference
            events[:, step] = np.where(np.abs(change) > threshold, change, 0)
            reference += events[:, step]
        # The first step of a sequence is a normal one.
        return events[:, 1:]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How often operands occur.

    Members
    -------
    values : float [511]
        Probability of event values -255 to 255.
    weights : float [255]
        Probability of weights -127 to 127.
    """

    values: np.ndarray
    weights: np.ndarray


def uniform(weight_limit: int = 127) -> Histogram:
    """All 8-bit values and all weights alike."""
    values, weights = np.zeros(511), np.zeros(255)
    values[_LARGEST - 128 : _LARGEST + 128] = 1 / 256
    weights[127 - weight_limit : 128 + weight_limit] = 1 / (2 * weight_limit + 1)
    return Histogram(values=values, weights=weights)


def uniform_streams(count: int, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values of 8 bits and weights ``[count, length]``, all alike."""
    rng = np.random.default_rng(seed)
    shape = (count, length)
    return rng.integers(-128, 128, shape), rng.integers(-127, 128, shape)


def workload_parts(
    name: str,
    say: Callable[[str], None] = lambda text: None,
) -> list[Part]:
    """Parts of a workload's network on sequences that were held out.

    Raises
    ------
    PackageError
        A file cannot be fetched, or there is no such workload.
    """
    case = find_workload(name).load(say)
    network, split = quantize_case(case), case.evaluation
    chosen = np.argsort(-split.lengths, kind="stable")[:_SEQUENCES]
    x = split.x[chosen, : split.lengths[chosen].min()]
    return gather(network, to_codes(x, network.layers[0].directions[0].x))


def gather(network: IntegerNetwork, x: np.ndarray, sequences: int = _SEQUENCES) -> list[Part]:
    """Parts of all layers, from running int8 ``x`` ``[sequences, steps, I]`` through the network.

    At most ``sequences`` of them are run.

    Raises
    ------
    NetworkError
        There is but one step, so nothing changes from step to step.
    """
    if x.shape[1] < 2:
        raise NetworkError("operands of delta mode need at least two steps, and the data has one")
    x = x[:sequences]
    parts = []
    for layer in network.layers:
        outputs = []
        for each in layer.directions:
            h = run_plain_direction(each, x)[0]
            given, found = (x[:, ::-1], h[:, ::-1]) if each.reverse else (x, h)
            before = np.empty_like(found)
            before[:, 0] = each.h.zero_point if each.h0 is None else each.h0
            before[:, 1:] = found[:, :-1]
            for rows, form, weights in ((given, each.x, each.W), (before, each.h, each.R)):
                centred = rows.astype(np.int16) - np.int16(form.zero_point)
                flat = weights.reshape(-1, weights.shape[-1])
                parts.append(Part(rows=centred, weights=flat))
            outputs.append(h)
        x = np.concatenate(outputs, axis=2)
    return parts


def histograms(parts: Sequence[Part], threshold: int | None) -> Histogram:
    """How often operands occur in products that are made: events other than 0 in delta mode."""
    values, weights = np.zeros(511), np.zeros(255)
    for part in parts:
        events = part.events(threshold).reshape(-1, part.rows.shape[-1])
        if threshold is not None:
            events = events[events != 0]
        counts = np.bincount(events.ravel() + _LARGEST, minlength=511)
        of_weights = np.bincount(part.weights.astype(np.int64).ravel() + 128, minlength=256)[1:]
        share = counts.sum() * len(part.weights)
        values += counts * len(part.weights)
        weights += share * of_weights / max(of_weights.sum(), 1)
    if not values.sum():
        raise NetworkError(f"no value moves by more than {threshold}: there are no operands")
    return Histogram(values=values / values.sum(), weights=weights / weights.sum())


def streams(
    parts: Sequence[Part], threshold: int | None, count: int, length: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """What ``count`` lanes multiply in ``length`` successive cycles: values and weights.

    A lane's row and the step at which it begins are drawn; events follow in column order, step
    after step.
    """
    rng = np.random.default_rng(seed)
    sizes = np.array([part.rows.size * len(part.weights) for part in parts], float)
    values = np.zeros((count, length), np.int64)
    weights = np.zeros((count, length), np.int64)
    events = [part.events(threshold) for part in parts]
    for lane in range(count):
        chosen = rng.choice(len(parts), p=sizes / sizes.sum())
        sequence = events[chosen][rng.integers(len(events[chosen]))]
        row = parts[chosen].weights[rng.integers(len(parts[chosen].weights))]
        order = np.roll(np.arange(len(sequence)), -rng.integers(len(sequence)))
        flat = sequence[order].ravel()
        column = np.tile(np.arange(len(row)), len(order))
        used = np.flatnonzero(flat) if threshold is not None else np.arange(len(flat))
        if not len(used):
            continue
        used = np.resize(used, length)
        values[lane], weights[lane] = flat[used], row[column[used]]
    return values, weights
