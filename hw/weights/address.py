"""Addresses of the weight memory, and lengths of column words in DRAM."""

from amaranth import Mux, Value

from hw.config import Config

__all__ = ["beats_of", "weight_address_width"]


def beats_of(words: Value, word_beats: Value) -> Value:
    """Beats of ``words`` column words of ``word_beats`` beats: a product of few bits, as sums."""
    return sum(Mux(bit, words << place, 0) for place, bit in enumerate(word_beats))


def weight_address_width(config: Config) -> int:
    """Bits of a word address in the weight memory, its stream ring included."""
    return (config.weight_words + config.stream_words - 1).bit_length()
