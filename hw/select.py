"""Selecting by one-hot masks."""

from collections.abc import Sequence

from amaranth import Value

__all__ = ["any_of"]


def any_of(terms: Sequence[Value]) -> Value:
    """OR of all terms as a balanced tree: with at most one of them not zero, that one."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return any_of(terms[:half]) | any_of(terms[half:])
