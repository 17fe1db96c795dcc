"""Layers that follow each other, joined."""

from collections.abc import Iterable, Mapping

__all__ = ["join_chains"]


def join_chains(names: Iterable[str], leaders: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The names, those together of which one leads only the next; in the order of the first.

    Parameters
    ----------
    names : iterable of str
        All layers.
    leaders : dict of str
        The name before some of them.
    """
    followers: dict[str, list[str]] = {}
    for name, leader in leaders.items():
        followers.setdefault(leader, []).append(name)
    after = {leader: each[0] for leader, each in followers.items() if len(each) == 1}
    groups = []
    for name in names:
        if name not in after.values():
            group = [name]
            while group[-1] in after:
                group.append(after[group[-1]])
            groups.append(tuple(group))
    return groups
