"""The map of a layer: which column words of each block are stored, as they are not all zero."""

from amaranth import Shape, unsigned
from amaranth.lib import data

from hw.config import Config

__all__ = [
    "MAP_COLUMNS",
    "MAP_WORD_BYTES",
    "map_address",
    "map_word_layout",
    "mark_words",
    "rank_shape",
    "word_number",
]

MAP_COLUMNS = 64
"""Columns of a map word, and of a word of marks."""

MAP_WORD_BYTES = 16
"""Bytes of a map word in DRAM: a bit for each column, the words before them, and four of zero."""


def map_address(config: Config) -> Shape:
    """Shape of the address of a map word in the machine."""
    return unsigned(max((config.map_words - 1).bit_length(), 1))


def mark_words(columns: int) -> int:
    """Words of a bit for each of so many columns."""
    return -(-columns // MAP_COLUMNS)


def word_number(config: Config) -> Shape:
    """Shape of the number of a map word in its part of a block."""
    words = mark_words(max(config.max_input, config.max_hidden))
    return unsigned(max((words - 1).bit_length(), 1))


def rank_shape(config: Config) -> Shape:
    """Shape of the place of a stored word: in the weight memory, or among streamed ones."""
    streamed = config.max_blocks * max(config.max_input, config.max_hidden)
    return unsigned(max(streamed, config.weight_words).bit_length())


def map_word_layout(config: Config) -> data.StructLayout:
    """Layout of a map word.

    Members
    -------
    stored : a bit for each column, lowest first.
    before : place of the first stored word at or behind its first column.
    """
    return data.StructLayout({"stored": MAP_COLUMNS, "before": rank_shape(config)})
