"""Selecting by one-hot masks."""

from collections.abc import Sequence

from amaranth import Const, Value

__all__ = ["any_of", "at_least", "pick"]


def any_of(terms: Sequence[Value]) -> Value:
    """OR of all terms as a balanced tree: with at most one of them not zero, that one."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return any_of(terms[:half]) | any_of(terms[half:])


def pick(words: Value, chosen: Value, width: int) -> Value:
    """Of ``words`` of ``width`` bits side by side, the one whose bit of ``chosen`` is set."""
    return any_of(
        [words.word_select(k, width) & chosen[k].replicate(width) for k in range(len(chosen))]
    )


def at_least(bits: Value, number: int) -> Value:
    """Whether at least ``number`` of ``bits`` are set, as a balanced tree."""
    return _at_least(bits, number)[number - 1]


def _at_least(bits: Value, number: int) -> list[Value]:
    """Whether at least 1, 2, ... ``number`` are set."""
    if len(bits) == 1:
        return [bits[0], *[Const(0)] * (number - 1)]
    half = len(bits) // 2
    low = [Const(1), *_at_least(bits[:half], number)]
    high = [Const(1), *_at_least(bits[half:], number)]
    return [
        any_of([low[k] & high[total - k] for k in range(total + 1)])
        for total in range(1, number + 1)
    ]
