"""What stands for words of every layer's descriptor."""

from amaranth import unsigned
from amaranth.lib import data

from hw.registers import OVERRIDES

__all__ = ["override_layout"]


def override_layout() -> data.StructLayout:
    """Layout of the override registers.

    Members
    -------
    enable : bit ``k``: ``words[k]`` stands for descriptor word ``OVERRIDE_WORD + k``.
    words : as the host wrote them.
    """
    return data.StructLayout(
        {"enable": OVERRIDES, "words": data.ArrayLayout(unsigned(32), OVERRIDES)}
    )
