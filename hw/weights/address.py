"""Addresses of the weight memory."""

from hw.config import Config

__all__ = ["weight_address_width"]


def weight_address_width(config: Config) -> int:
    """Bits of a word address in the weight memory, its stream ring included."""
    return (config.weight_words + config.stream_words - 1).bit_length()
