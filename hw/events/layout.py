"""The event: one operand to be multiplied with one column of the weights."""

from amaranth import signed, unsigned
from amaranth.lib import data

from hw.config import Config

__all__ = ["column_width", "event_layout"]


def column_width(config: Config) -> int:
    """Bits of a column index, of ``x`` or of ``h``."""
    return (max(config.max_input, config.max_hidden) - 1).bit_length() or 1


def event_layout(config: Config) -> data.StructLayout:
    """Layout of an event.

    Members
    -------
    column : index of the operand in its vector.
    value : difference between the operand's code and what is accounted for; signed.
    """
    return data.StructLayout(
        {"column": unsigned(column_width(config)), "value": signed(config.value_width)}
    )
