"""What a reader of an event list must know of it."""

from amaranth import unsigned
from amaranth.lib import data

from hw.modes import Mode

__all__ = ["MODE", "list_view"]

MODE = unsigned(max(Mode).bit_length())
"""Shape of a mode where it travels as a number."""


def list_view(index_width: int) -> data.StructLayout:
    """Layout of a reader's view of the list that is in its turn.

    Members
    -------
    ready : the list is complete; the other members mean something only then.
    empty : it has no events.
    last : index of its last event, unless it is empty.
    single : that index is 0.
    mode : ``Mode`` of the step that it is of.
    bank : the bank that it is in.
    """
    return data.StructLayout(
        {"ready": 1, "empty": 1, "last": index_width, "single": 1, "mode": MODE, "bank": 1}
    )
