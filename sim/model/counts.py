"""What the hardware counters read after a run, but for time."""

from dataclasses import dataclass, fields

from hw.descriptor import DESCRIPTOR_BYTES
from sim.image.image import Image, Placement
from sim.image.memory import align, state_bytes

__all__ = ["Counts", "count"]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Event, product and byte counts, named as in ``hw.registers.COUNTERS``.

    Members
    -------
    steps : int
        Time steps of all layers, directions and sequences.
    events_x, events_h : int
        Columns multiplied, counted once a step.
    macs_done, macs_avoided : int
        Products of real gate rows, and dense products that no event asked for.
    read_bytes, write_bytes : int
        Bytes of whole beats on the memory bus.
    mode_normal : int
        Steps in normal mode.
    """

    steps: int
    events_x: int
    events_h: int
    macs_done: int
    macs_avoided: int
    read_bytes: int
    write_bytes: int
    mode_normal: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{
                each.name: getattr(self, each.name) + getattr(other, each.name)
                for each in fields(self)
            }
        )


def count(image: Image) -> Counts:
    """Counts of one run of ``image`` in normal mode: every column is an event in every step."""
    total = _count_placement(image, image.placements[0])
    for placement in image.placements[1:]:
        total += _count_placement(image, placement)
    return total


def _count_placement(image: Image, placement: Placement) -> Counts:
    inputs, hidden = placement.direction.input_size, placement.direction.hidden_size
    steps = image.steps * image.sequences
    return Counts(
        steps=steps,
        events_x=steps * inputs,
        events_h=steps * hidden,
        macs_done=steps * (inputs + hidden) * 4 * hidden,
        macs_avoided=0,
        read_bytes=_read_bytes(image, placement),
        write_bytes=_write_bytes(image, placement),
        mode_normal=steps,
    )


def _read_bytes(image: Image, placement: Placement) -> int:
    fields, beat = placement.fields, image.config.bus_bytes
    hidden, head = fields["hidden_size"], fields["x_head_size"]
    steps = image.steps * image.sequences
    streamed = image.config.blocks(hidden) - fields["resident_blocks"]
    x_row = align(head, beat) + align(fields["input_size"] - head, beat)
    return (
        DESCRIPTOR_BYTES
        + fields["load_params"] * align(16 * hidden, beat)
        + fields["load_weights"] * fields["resident_blocks"] * fields["block_bytes"]
        + fields["load_state"] * image.sequences * align(4 * hidden, state_bytes(image.config))
        + steps * (x_row + streamed * fields["block_bytes"])
    )


def _write_bytes(image: Image, placement: Placement) -> int:
    fields, beat = placement.fields, image.config.bus_bytes
    hidden = fields["hidden_size"]
    states = fields["store_state"] * image.sequences * align(4 * hidden, beat)
    return image.steps * image.sequences * align(hidden, beat) + states
