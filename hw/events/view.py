"""What a reader of an event list must know of it."""

from amaranth import unsigned
from amaranth.lib import data

from hw.config import Config
from hw.modes import Mode

__all__ = ["MODE", "growing_view", "h_list_view", "list_view", "x_list_view"]

MODE = unsigned(max(Mode).bit_length())
"""Shape of a mode where it travels as a number."""


def list_view(index_width: int, banks: int = 2) -> data.StructLayout:
    """Layout of a reader's view of the list that is in its turn.

    Members
    -------
    ready : the list is complete; ``last`` and ``single`` mean something only then.
    empty : it is complete and has no events; never set unless ``ready``.
    last : index of its last event, unless it is empty.
    single : that index is 0.
    mode : ``Mode`` of the step that it is of; of a list that grows, too.
    bank : which of ``banks`` it is in; of a list that grows, too.
    """
    return data.StructLayout(
        {
            "ready": 1,
            "empty": 1,
            "last": index_width,
            "single": 1,
            "mode": MODE,
            "bank": range(banks),
        }
    )


def x_list_view(config: Config) -> data.StructLayout:
    """View of a list of events of ``x``."""
    return list_view((config.max_input - 1).bit_length() or 1, config.x_lists)


def h_list_view(config: Config) -> data.StructLayout:
    """View of a list of events of ``h``."""
    return list_view((config.max_hidden - 1).bit_length() or 1)


def growing_view(index_width: int) -> data.StructLayout:
    """Layout of a reader's view of the list that is being made.

    Members
    -------
    some : it has events, and is not complete.
    newest : index of the latest; also in the cycle in which ``some`` falls.
    """
    return data.StructLayout({"some": 1, "newest": index_width})
