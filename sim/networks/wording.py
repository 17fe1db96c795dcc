"""Names in sentences: lists and single names of bounded length."""

from collections.abc import Iterable

__all__ = ["listed", "shortened"]


def listed(names: Iterable[str], most: int) -> str:
    """The first ``most`` names with commas, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def shortened(name: str, most: int) -> str:
    """A name on one line, of at most ``most`` characters."""
    name = " ".join(name.split())
    return name if len(name) <= most else f"{name[: most - 3]}..."
