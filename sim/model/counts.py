"""What the hardware counters read after a run, but for time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES
from hw.maps.layout import MAP_WORD_BYTES
from hw.modes import Mode
from sim.image.image import Image, Placement
from sim.image.maps import resident_bytes
from sim.image.memory import align, state_bytes
from sim.image.parameters import unit_bytes
from sim.image.residency import residency
from sim.image.weights import part_beats
from sim.model.activity import Activity
from sim.model.hits import mode_hits
from sim.model.timing.columns import SequenceColumns

__all__ = [
    "Counts",
    "ModeCounts",
    "count",
    "count_directions",
    "left_out",
    "row_bytes",
]


@dataclass(frozen=True, kw_only=True)
class ModeCounts:
    """Counts of the steps of one mode, named as in ``hw.registers.MODE_COUNTERS``.

    Members
    -------
    steps : int
        Time steps of all layers, directions and sequences.
    events_x, events_h : int
        Columns multiplied, counted once a step.
    macs_done, macs_avoided : int
        Products of real gate rows, and dense products that no event asked for.
    weight_bytes, weight_bytes_avoided : int
        Bytes of streamed weights that were multiplied, and those that a dense step of words with
        all their beats would have fetched beside them.
    """

    steps: int = 0
    events_x: int = 0
    events_h: int = 0
    macs_done: int = 0
    macs_avoided: int = 0
    weight_bytes: int = 0
    weight_bytes_avoided: int = 0

    def __add__(self, other: "ModeCounts") -> "ModeCounts":
        pairs = zip(vars(self).items(), astuple(other), strict=True)
        return ModeCounts(**{name: mine + theirs for (name, mine), theirs in pairs})


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Counts of a run.

    Members
    -------
    read_bytes, write_bytes : int
        Bytes of whole beats on the memory bus.
    modes : tuple of ModeCounts
        One for each ``Mode``, in its order.
    steps, events_x, events_h, macs_done, macs_avoided, weight_bytes, weight_bytes_avoided : int
        Sums over the modes.
    mode_normal, mode_delta, mode_reduced, mode_skip : int
        Steps of each mode.
    """

    read_bytes: int
    write_bytes: int
    modes: tuple[ModeCounts, ...]

    @classmethod
    def of_counters(
        cls, counters: Mapping[str, int], modes: Mapping[str, Mapping[str, int]]
    ) -> "Counts":
        """Counts from what the driver reads: ``counters()`` and ``mode_counters()``."""
        return cls(
            read_bytes=counters["read_bytes"],
            write_bytes=counters["write_bytes"],
            modes=tuple(ModeCounts(**modes[mode.name.lower()]) for mode in Mode),
        )

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            read_bytes=self.read_bytes + other.read_bytes,
            write_bytes=self.write_bytes + other.write_bytes,
            modes=tuple(a + b for a, b in zip(self.modes, other.modes, strict=True)),
        )

    def _total(self, name: str) -> int:
        return sum(getattr(each, name) for each in self.modes)

    @property
    def steps(self) -> int:
        """Time steps of all layers, directions and sequences."""
        return self._total("steps")

    @property
    def events_x(self) -> int:
        """Columns of ``x`` multiplied."""
        return self._total("events_x")

    @property
    def events_h(self) -> int:
        """Columns of ``h`` multiplied."""
        return self._total("events_h")

    @property
    def macs_done(self) -> int:
        """Products of real gate rows."""
        return self._total("macs_done")

    @property
    def macs_avoided(self) -> int:
        """Dense products that no event asked for."""
        return self._total("macs_avoided")

    @property
    def weight_bytes(self) -> int:
        """Bytes of streamed weights that were multiplied."""
        return self._total("weight_bytes")

    @property
    def weight_bytes_avoided(self) -> int:
        """Bytes of streamed weights that a dense run would have fetched."""
        return self._total("weight_bytes_avoided")

    @property
    def mode_normal(self) -> int:
        """Steps of mode normal."""
        return self.modes[Mode.NORMAL].steps

    @property
    def mode_delta(self) -> int:
        """Steps of mode delta."""
        return self.modes[Mode.DELTA].steps

    @property
    def mode_reduced(self) -> int:
        """Steps of mode reduced."""
        return self.modes[Mode.REDUCED].steps

    @property
    def mode_skip(self) -> int:
        """Steps of mode skip."""
        return self.modes[Mode.SKIP].steps


def count(
    image: Image,
    activity: Sequence[Activity | None] | None = None,
    columns: Sequence[Iterable[SequenceColumns] | None] | None = None,
) -> Counts:
    """Counts of one run of ``image``.

    Parameters
    ----------
    image : Image
        What ran.
    activity : Activity or None for each direction, or None
        What the run's steps did; None for a direction whose every step multiplies every column.
    columns : SequenceColumns of each sequence, or None, for each direction, or None
        Which columns were events, of layers with a map; see ``columns_of``.
    """
    first, *others = count_directions(image, activity, columns)
    return sum(others, start=first)


def count_directions(
    image: Image,
    activity: Sequence[Activity | None] | None = None,
    columns: Sequence[Iterable[SequenceColumns] | None] | None = None,
) -> list[Counts]:
    """Counts of each direction; arguments as of ``count``."""
    nothing = [None] * len(image.placements)
    found = zip(image.placements, activity or nothing, columns or nothing, strict=True)
    return [_count_placement(image, *each) for each in found]


def left_out(image: Image, counts: Sequence[Counts]) -> dict[str, int | None] | None:
    """MACs that a run on a machine with maps left out, by why it did.

    ``zero_columns`` are those of events that met weights of zero, ``no_event`` are the others.

    Parameters
    ----------
    image : Image
        What ran.
    counts : sequence of Counts
        Those of each direction; or one, of all together, from which the reasons can be told only
        if all directions have as many hidden units. Else they are None.
    """
    if not image.config.mapped:
        return None
    sizes = [placement.direction.hidden_size for placement in image.placements]
    if len(counts) == 1 and len(set(sizes)) > 1:
        return {"no_event": None, "zero_columns": None}
    avoided = sum(each.macs_avoided for each in counts)
    zeros = sum(
        (each.events_x + each.events_h) * 4 * hidden - each.macs_done
        for each, hidden in zip(counts, sizes, strict=False)
    )
    return {"no_event": avoided - zeros, "zero_columns": zeros}


def _count_placement(
    image: Image,
    placement: Placement,
    activity: Activity | None,
    columns: Iterable[SequenceColumns] | None,
) -> Counts:
    totals = _totals(image, placement, activity)
    hits = _hits(image, placement, totals, columns)
    fetches = _fetches(image, placement, activity)
    modes = tuple(
        _mode_counts(image, placement, *row) for row in zip(totals, *hits, fetches, strict=True)
    )
    return Counts(
        read_bytes=_read_bytes(image, placement) + sum(each.weight_bytes for each in modes),
        write_bytes=_write_bytes(image, placement),
        modes=modes,
    )


def _totals(image: Image, placement: Placement, activity: Activity | None):
    """Steps and events of each mode."""
    if activity is not None:
        return activity.totals()
    if not placement.plain:
        raise ValueError(f"what layer {placement.layer} does depends on its input")
    fields, steps = placement.fields, image.steps * image.sequences
    rows = [(0, 0, 0)] * len(Mode)
    rows[Mode.NORMAL] = (steps, steps * fields["input_size"], steps * fields["hidden_size"])
    return rows


def _fetches(image: Image, placement: Placement, activity: Activity | None) -> list[int]:
    """Steps of each mode that are the first of a group."""
    if activity is not None:
        return activity.firsts(placement.group, reverse=placement.direction.reverse)
    groups = -(-image.steps // placement.group)
    return [image.sequences * groups * (mode == Mode.NORMAL) for mode in Mode]


def _hits(
    image: Image,
    placement: Placement,
    totals: Sequence[tuple[int, int, int]],
    columns: Iterable[SequenceColumns] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Operations of x and of h that multiply, int64 ``[modes, blocks]`` each."""
    blocks = image.config.blocks(placement.direction.hidden_size)
    if placement.stored is None:
        x, h = (np.repeat([[row[k]] for row in totals], blocks, axis=1) for k in (1, 2))
    elif columns is not None:
        x, h = mode_hits(placement, blocks, columns)
    elif placement.plain:
        steps = np.array([row[0] for row in totals])
        x, h = (np.outer(steps, part.sum(axis=1)) for part in placement.stored.parts)
    else:
        raise ValueError(f"what layer {placement.layer} does depends on its input")
    return x, h


def _mode_counts(
    image: Image,
    placement: Placement,
    totals: tuple[int, int, int],
    x_hits: np.ndarray,
    h_hits: np.ndarray,
    fetches: int,
) -> ModeCounts:
    fields, config = placement.fields, image.config
    steps, x, h = totals
    blocks = len(x_hits)
    units = np.full(blocks, config.units_per_block)
    units[-1] = fields["hidden_size"] - (blocks - 1) * config.units_per_block
    macs = 4 * int(units @ (x_hits + h_hits))
    streamed = ~residency(fields["resident_blocks"], blocks)
    x_words, h_words = int(x_hits[streamed].sum()), int(h_hits[streamed].sum())
    if placement.group > 1:
        x_words = fetches * fields["input_size"] * int(streamed.sum())
    x_beats, h_beats = part_beats(fields)
    weight_bytes = (x_words * x_beats + h_words * h_beats) * config.bus_bytes
    return ModeCounts(
        steps=steps,
        events_x=x,
        events_h=h,
        macs_done=macs,
        macs_avoided=steps * fields["dense_macs"] - macs,
        weight_bytes=weight_bytes,
        weight_bytes_avoided=steps * fields["dense_bytes"] - weight_bytes,
    )


def _read_bytes(image: Image, placement: Placement) -> int:
    """Bytes that are read but for streamed weights."""
    fields, beat = placement.fields, image.config.bus_bytes
    hidden = fields["hidden_size"]
    constants = align(unit_bytes(fields["row_scales"]) * hidden, beat)
    if fields["mapped"]:
        constants += align(MAP_WORD_BYTES * fields["map_words"], beat)
    return (
        DESCRIPTOR_BYTES
        + fields["load_params"] * constants
        + fields["load_weights"] * resident_bytes(fields, image.config)
        + fields["load_state"] * image.sequences * align(4 * hidden, state_bytes(image.config))
        + image.steps * image.sequences * row_bytes(placement, image.config)
    )


def row_bytes(placement: Placement, config: Config) -> int:
    """Bytes of whole beats that a row of ``x`` is read in."""
    head, inputs = placement.fields["x_head_size"], placement.fields["input_size"]
    parts = (head, inputs - head)
    return sum(align(config.code_bytes * part, config.bus_bytes) for part in parts)


def _write_bytes(image: Image, placement: Placement) -> int:
    fields, beat = placement.fields, image.config.bus_bytes
    hidden = fields["hidden_size"]
    states = fields["store_state"] * image.sequences * align(4 * hidden, beat)
    rows = align(image.config.code_bytes * hidden, beat)
    return image.steps * image.sequences * rows + states
