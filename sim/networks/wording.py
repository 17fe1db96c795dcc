"""What sentences name and cite: lists, names and a library's words, of bounded length."""

from collections.abc import Iterable

__all__ = ["listed", "reason", "shortened"]

_REASON = 80
"""Characters of a library's own words."""


def listed(names: Iterable[str], most: int) -> str:
    """The first ``most`` names with commas, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def reason(error: Exception) -> str:
    """What a library says of a failure, short and on one line; its kind where it says nothing."""
    return shortened(str(error), _REASON) or type(error).__name__


def shortened(name: str, most: int) -> str:
    """A name on one line, of at most ``most`` characters."""
    name = " ".join(name.split())
    return name if len(name) <= most else f"{name[: most - 3]}..."
