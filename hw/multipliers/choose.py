"""Gates that depend on the chosen level."""

from collections.abc import Callable, Sequence

from amaranth import Const, Value

from hw.multipliers.family import Nets

__all__ = ["Enables", "is_level", "select"]


def is_level(level: Value, number: int) -> Value:
    """Whether ``number`` is the chosen level."""
    return level == number


def select(level: Value, choices: Sequence[Value]) -> Value:
    """The choice of the chosen level."""
    chosen = choices[0]
    for number, choice in enumerate(choices[1:], 1):
        mask = is_level(level, number).replicate(max(len(chosen), len(choice)))
        chosen = (choice & mask) | (chosen & ~mask)
    return chosen


class Enables:
    """Signals that say whether a gate is used at the chosen level; equal ones are shared.

    Parameters
    ----------
    net : Nets
        Where they are written to.
    level : Value
        The chosen level.
    count : int
        Levels.
    """

    def __init__(self, net: Nets, level: Value, count: int):
        self._net, self._level, self._count = net, level, count
        self._made = {}

    def __call__(self, used: Callable[[int], bool]) -> Value | None:
        """Whether ``used(level)`` holds for the chosen level; None if it does for no level."""
        key = tuple(bool(used(number)) for number in range(self._count))
        if not any(key):
            return None
        if all(key):
            return Const(1, 1)
        if key not in self._made:
            # The fewer levels are named, the fewer gates.
            wanted = sum(key) * 2 <= len(key)
            named = [is_level(self._level, k) for k, on in enumerate(key) if on == wanted]
            any_of = named[0]
            for other in named[1:]:
                any_of = any_of | other
            self._made[key] = self._net(any_of if wanted else (~any_of)[0])
        return self._made[key]
