"""What a run gave the parts of the machine to do: what energy is estimated from.

Beside columns and bytes this counts bits: how many bits of operands change from one operation to
the next, and how many bits of partial products do in the multipliers, as far as the list of events
and the statistics of the weights tell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hw.config import Config
from hw.modes import Mode, Plan
from sim.image.image import Image, Placement
from sim.image.maps import resident_bytes
from sim.image.parameters import unit_bytes
from sim.image.residency import residency
from sim.image.weights import part_beats
from sim.model.activity import Activity
from sim.model.counts import Counts, row_bytes
from sim.model.hits import block_hits
from sim.model.kept import Kept
from sim.model.timing.columns import SequenceColumns, columns_of

__all__ = ["LOAD", "WORK", "work_of"]

WORK = {
    "run": "a run: its descriptors, and what comes before its first step and behind its last",
    "step": "a step of one layer and direction",
    "cycle": "a clock cycle from start to done",
    "operation": "a column's value that all lanes are given in one cycle",
    "value": "an operation whose value is not zero",
    "operand_bit": "a bit of the value that differs from the operation before",
    "weight_bit": "a bit of a lane's weight that differs from the operation before, expected",
    "product_bit": "a bit of a lane's partial products that changes, expected",
    "resident_beat": "a beat of a column word that is read from the resident weights",
    "loaded_beat": "a beat of weights that is written there",
    "streamed_beat": "a beat of weights that is streamed: written to the ring, and read from it",
    "followed_word": "a streamed word that is asked for by its place in a list or in a map",
    "read_beat": "a beat that is read from the bus",
    "write_beat": "a beat that is written to the bus",
    "input": "a value of x that is taken",
    "scored_input": "such a value that is compared with the input before, for a score",
    "x_event": "a column of x in a step's list",
    "h_event": "a column of h in a step's list",
    "pass": "a block of rows that a list of x or of h goes through",
    "resumed_pass": "such a pass whose sums go on from those of the step before",
    "block": "a block of rows whose sums are handed to the cell unit",
    "row": "a gate row that the cell unit takes",
    "held_unit": "a hidden unit of a step that holds it",
    "unit": "a hidden unit that is written",
    "parameter_beat": "a beat of biases and scales that is loaded",
}
"""What is counted, each with its meaning."""

LOAD = "load"
"""What is done before the first step of a run: the row beside those of the modes."""

Rows = dict[str, dict[str, float]]


@dataclass(frozen=True)
class _Bits:
    """Of the weights of a part: bits that are one, and that differ, in a column's real rows."""

    ones: float
    changes: float

    @classmethod
    def of(cls, weights: np.ndarray, config: Config) -> "_Bits":
        """Of weights ``[4, units, columns]``: neighbours in a list are as good as independent."""
        codes = config.multiplier.encode(weights).reshape(-1, weights.shape[2])
        width = config.multiplier.weight_width
        bits = codes[..., None] >> np.arange(width, dtype=np.uint8) & 1
        share = bits.mean(axis=1)
        sign = 0 if config.multiplier.extends_sign else 1
        return cls(float(share[:, : width - sign].sum()), float((2 * share * (1 - share)).sum()))


@dataclass(frozen=True, eq=False)
class _Pass:
    """Blocks of a part that multiply the same columns."""

    columns: np.ndarray
    blocks: int
    bits: _Bits


def work_of(
    image: Image,
    x: np.ndarray,
    layers: Sequence[np.ndarray],
    activity: Sequence[Activity],
    counts: Counts,
    kept: Sequence[Kept] | None = None,
) -> Rows:
    """What is counted, but for cycles, by mode and for the load; arguments as of ``columns_of``."""
    rows = {name: dict.fromkeys(WORK, 0.0) for name in (LOAD, *(m.name.lower() for m in Mode))}
    columns = columns_of(image, x, layers, activity, kept)
    inputs, first = (x, *layers), 0
    for k, placement in enumerate(image.placements):
        if k and placement.layer != image.placements[k - 1].layer:
            first = 0
        behind = first + placement.direction.hidden_size
        values = inputs[placement.layer], layers[placement.layer][:, :, first:behind]
        first = behind
        counter = _Counter(image, placement)
        for index, each in enumerate(_sequences(columns[k], activity[k], placement)):
            counter.add(rows, each, index, values, kept and kept[k])
        _add_fetches(rows, image, placement)
    _add_traffic(rows, image, counts)
    return rows


def _sequences(columns, activity: Activity, placement: Placement):
    if columns is not None:
        return columns
    sequences, steps = activity.mode.shape
    direction = placement.direction
    every = SequenceColumns(
        mode=np.full(steps, Mode.NORMAL, np.uint8),
        x=np.ones((steps, direction.input_size), bool),
        h=np.ones((steps, direction.hidden_size), bool),
    )
    return [every] * sequences


class _Counter:
    """Counts the steps of one direction."""

    def __init__(self, image: Image, placement: Placement):
        self._config, self._placement = image.config, placement
        direction, self._fields = placement.direction, placement.fields
        self._blocks = image.config.blocks(direction.hidden_size)
        self._resident = residency(self._fields["resident_blocks"], self._blocks)
        self._passes = [list(self._alike(part)) for part in range(2)]
        self._beats = part_beats(placement.fields)

    def _alike(self, part: int) -> Iterator[_Pass]:
        """Blocks that multiply the same columns: all together, or each alone where there is a map.

        Bits of weights are those of all rows of such blocks.
        """
        direction, config = self._placement.direction, self._config
        weights, stored = (direction.W, direction.R)[part], self._placement.stored
        if stored is None:
            columns = np.ones(weights.shape[2], bool)
            yield _Pass(columns, self._blocks, _Bits.of(weights, config))
            return
        units = config.units_per_block
        for block, columns in enumerate(stored.parts[part]):
            rows = weights[:, block * units : (block + 1) * units, columns]
            yield _Pass(columns, 1, _Bits.of(rows, config))

    def add(self, rows: Rows, columns: SequenceColumns, index: int, values, kept: Kept | None):
        """Add a sequence, the ``index``-th."""
        direction = self._placement.direction
        order = slice(None, None, -1 if direction.reverse else 1)
        x, h = (each[index, order] for each in values)
        begin = np.full(direction.hidden_size, direction.h.zero_point, direction.h.dtype)
        refs = [None, None]
        if kept is not None:
            begin, refs[0] = kept.state.h[index], kept.trail.x_ref[index]
            refs[1] = kept.carried.h_ref[:, index] + direction.h.zero_point
        elif self._placement.initial is not None:
            begin = self._placement.initial.h[index]
        h = np.concatenate([begin[None], h[:-1]])
        mode = columns.mode
        steps = self._steps(mode, columns)
        given = (x, columns.x, direction.x.zero_point), (h, columns.h, direction.h.zero_point)
        for part, (codes, events, zero) in enumerate(given):
            operands = _operands(codes, zero, mode, events, refs[part])
            for alike in self._passes[part]:
                self._add_operands(steps, operands, events & alike.columns, alike)
        for number in Mode:
            row, chosen = rows[number.name.lower()], mode == number
            for name, counted in steps.items():
                row[name] += float(counted[chosen].sum())

    def _steps(self, mode: np.ndarray, columns: SequenceColumns) -> dict[str, np.ndarray]:
        """Counts of each step that do not depend on values of operands."""
        direction, blocks, config = self._placement.direction, self._blocks, self._config
        hidden, one = direction.hidden_size, np.ones(len(mode))
        x, h = columns.x.sum(axis=1), columns.h.sum(axis=1)
        hits = [
            block_hits(self._placement, blocks, part, k)
            for k, part in enumerate((columns.x, columns.h))
        ]
        # A list none of whose columns are stored takes the lanes a cycle.
        issued = [
            np.maximum(each, (count > 0)[:, None]) for each, count in zip(hits, (x, h), strict=True)
        ]
        held = (mode == Mode.SKIP) & bool(self._fields["freeze"])
        passes = blocks * ((x > 0).astype(float) + (h > 0))
        resident, streamed = (
            [each[:, chosen].sum(axis=1) for each in hits]
            for chosen in (self._resident, ~self._resident)
        )
        scored = self._fields["skip"] or self._fields["plan"] == Plan.SCORED
        # Where lists are kept, fetches follow them in every step, those of normal mode among them.
        followed = not self._placement.plain or bool(self._fields["mapped"])
        return {
            "step": one,
            "operation": sum(each.sum(axis=1) for each in issued),
            "resident_beat": resident[0] * self._beats[0] + resident[1] * self._beats[1],
            "followed_word": (streamed[0] + streamed[1]) * followed,
            "read_beat": one * row_bytes(self._placement, config) / config.bus_bytes,
            "input": one * direction.input_size,
            "scored_input": one * direction.input_size * scored,
            "x_event": x,
            "h_event": h,
            "pass": passes,
            "resumed_pass": passes * (mode == Mode.DELTA),
            "block": one * blocks,
            "row": 4 * hidden * ~held,
            "held_unit": hidden * held,
            "unit": one * hidden,
        }

    def _add_operands(self, steps, operands: np.ndarray, events: np.ndarray, alike: _Pass):
        """Counts that depend on what the operands of a part are, in blocks that are alike."""
        bits, blocks = alike.bits, alike.blocks
        codes = _codes(operands, self._config)
        step, column = np.nonzero(events)
        if not len(step):
            return
        listed = codes[step, column]
        # A list is replayed for each block: behind its last value comes its first.
        before = np.roll(listed, 1)
        starts = np.flatnonzero(np.diff(step, prepend=-1))
        before[starts] = listed[np.append(starts[1:], len(listed)) - 1]
        counted = events.shape[0]

        def by_step(values: np.ndarray) -> np.ndarray:
            return np.bincount(step, values, minlength=counted)

        moved = by_step(np.bitwise_count(listed ^ before))
        sign = 0 if self._config.multiplier.extends_sign else 1
        ones = by_step(np.bitwise_count(listed & ((1 << self._config.value_width - sign) - 1)))
        count = by_step(np.ones(len(step)))
        for name, value in (
            ("value", blocks * by_step(operands[step, column] != 0)),
            ("operand_bit", blocks * moved),
            ("weight_bit", count * bits.changes),
            ("product_bit", moved * bits.ones + ones * bits.changes),
        ):
            steps[name] = steps.get(name, 0.0) + value


def _codes(operands: np.ndarray, config: Config) -> np.ndarray:
    """Bits of operands, uint32, in the form in which lanes take them."""
    width = config.value_width
    if config.multiplier.extends_sign:
        return (operands & ((1 << width) - 1)).astype(np.uint32)
    sign = (operands < 0).astype(np.uint32) << np.uint32(width - 1)
    return sign | np.abs(operands).astype(np.uint32)


def _operands(values, zero: int, mode, events: np.ndarray, reference) -> np.ndarray:
    """What each column is multiplied as, int64 ``[steps, columns]``, where it is an event."""
    wide = values.astype(np.int64)
    fresh = (mode == Mode.NORMAL) | (mode == Mode.REDUCED)
    accounted = fresh[:, None] | (events & (mode == Mode.DELTA)[:, None])
    if reference is None:
        # The first step is fresh: what stands before it is never looked at.
        reference = wide[0]
    known = np.concatenate([np.asarray(reference, np.int64)[None], wide])
    last = np.where(accounted, np.arange(1, len(mode) + 1)[:, None], 0)
    last = np.maximum.accumulate(last, axis=0)
    last = np.concatenate([np.zeros_like(last[:1]), last[:-1]])
    before = np.take_along_axis(known, last, axis=0)
    return wide - np.where(fresh[:, None], zero, before)


def _add_fetches(rows: Rows, image: Image, placement: Placement):
    """What a direction's load brings."""
    fields, bus = placement.fields, image.config.bus_bytes
    load = rows[LOAD]
    load["loaded_beat"] += fields["load_weights"] * resident_bytes(fields, image.config) / bus
    size = unit_bytes(fields["row_scales"]) * fields["hidden_size"]
    load["parameter_beat"] += fields["load_params"] * -(-size // bus)


def _add_traffic(rows: Rows, image: Image, counts: Counts):
    """Beats on the bus: streamed weights by mode, rows by step, and what is left in the load."""
    bus = image.config.bus_bytes
    for mode in Mode:
        row, done = rows[mode.name.lower()], counts.modes[mode]
        beats = done.weight_bytes / bus
        row["streamed_beat"] += beats
        row["read_beat"] += beats
        if counts.steps:
            row["write_beat"] += counts.write_bytes / bus * done.steps / counts.steps
    rest = counts.read_bytes / bus - sum(row["read_beat"] for row in rows.values())
    rows[LOAD]["read_beat"] += rest
    rows[LOAD]["run"] += 1
