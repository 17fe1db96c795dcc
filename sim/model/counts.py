"""What the hardware counters read after a run, but for time."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES
from hw.modes import Mode
from sim.image.image import Image, Placement
from sim.image.memory import align, state_bytes
from sim.image.parameters import unit_bytes
from sim.image.weights import part_beats
from sim.model.activity import Activity

__all__ = ["Counts", "ModeCounts", "count", "row_bytes"]


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


def count(image: Image, activity: Sequence[Activity | None] | None = None) -> Counts:
    """Counts of one run of ``image``.

    Parameters
    ----------
    image : Image
        What ran.
    activity : Activity or None for each direction, or None
        What the run's steps did; None for a direction whose every step multiplies every column.
    """
    if activity is None:
        activity = [None] * len(image.placements)
    pairs = zip(image.placements, activity, strict=True)
    first, *others = (_count_placement(image, *pair) for pair in pairs)
    return sum(others, start=first)


def _count_placement(image: Image, placement: Placement, activity: Activity | None) -> Counts:
    rows = zip(
        _totals(image, placement, activity), _fetches(image, placement, activity), strict=True
    )
    modes = tuple(_mode_counts(image, placement, *row, fetches) for row, fetches in rows)
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


def _mode_counts(
    image: Image, placement: Placement, steps: int, x: int, h: int, fetches: int
) -> ModeCounts:
    fields, config = placement.fields, image.config
    streamed = config.blocks(fields["hidden_size"]) - fields["resident_blocks"]
    macs = (x + h) * 4 * fields["hidden_size"]
    x_words = x if placement.group == 1 else fetches * fields["input_size"]
    x_beats, h_beats = part_beats(fields)
    weight_bytes = (x_words * x_beats + h * h_beats) * config.bus_bytes * streamed
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
    return (
        DESCRIPTOR_BYTES
        + fields["load_params"] * align(unit_bytes(fields["row_scales"]) * hidden, beat)
        + fields["load_weights"] * fields["resident_blocks"] * fields["block_bytes"]
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
