"""Text of constants and of lines."""

import textwrap
from collections.abc import Sequence

__all__ = ["comment", "constant", "wrap"]

_WIDTH = 100
_WIDEST = 64
"""Bits of the widest constant that is written out if all its bits are the same."""


def constant(bits: Sequence[str]) -> str:
    """Verilog of ``"0"`` and ``"1"``, the lowest first."""
    if len(bits) > _WIDEST and len(set(bits)) == 1:
        return f"{{{len(bits)}{{1'b{bits[0]}}}}}"
    value = int("".join(reversed(bits)), 2)
    if len(bits) == 1:
        return f"1'b{value}"
    return f"{len(bits)}'h{value:0{-(-len(bits) // 4)}x}"


def wrap(line: str) -> list[str]:
    """The line in pieces of at most 100 letters, where it has spaces."""
    if len(line) <= _WIDTH:
        return [line]
    indent = len(line) - len(line.lstrip())
    lines, current = [], " " * indent
    for word in line.split():
        if len(current) + len(word) + 1 > _WIDTH and current.strip():
            lines.append(current.rstrip())
            current = " " * (indent + 4)
        current += f"{word} "
    return [*lines, current.rstrip()]


def comment(text: str) -> list[str]:
    """The text as lines of a comment."""
    return [f"// {line}" for line in textwrap.wrap(text, _WIDTH - 3)]
