"""The operation: what the lanes are asked to do in one cycle."""

from amaranth import unsigned
from amaranth.lib import data

from hw.config import Config
from hw.weights.address import weight_address_width

__all__ = ["operation_layout"]


def operation_layout(config: Config) -> data.StructLayout:
    """Layout of an operation: one event for one block.

    Members
    -------
    hidden : the event is of ``h`` (else of ``x``).
    bank, index : where it stands in its list.
    weight_base : word address of column 0 of this part of the block, or of the streamed word.
    streamed : ``weight_base`` is the word itself, whichever the column.
    slot : place of the step in its group.
    first, last : first and last event of its part: a sum starts, a sum is complete.
    fresh : a sum starts from zero (else from the sum that is there).
    block : block whose rows the lanes hold.
    block_end : last event of the block.
    level : level of the multiplier; the same in all operations of a part.
    placed : ``weight_base`` is the word itself, whichever the column; with gates for maps only.
    null : nothing is multiplied, the sum goes on or begins without it; with gates for maps only.
    """
    events = max(config.max_input, config.max_hidden)
    return data.StructLayout(
        {
            "hidden": 1,
            "bank": range(config.x_lists),
            "index": unsigned((events - 1).bit_length() or 1),
            "weight_base": unsigned(weight_address_width(config)),
            "streamed": 1,
            "slot": unsigned(config.slot_width or 1),
            "first": 1,
            "last": 1,
            "fresh": 1,
            "block": unsigned((config.max_blocks - 1).bit_length() or 1),
            "block_end": 1,
            "level": unsigned(config.multiplier.level_width),
            **({"placed": 1, "null": 1} if config.mapped else {}),
        }
    )
