"""What is being done, behind what was done before and how long that took."""

from collections.abc import Callable
from time import monotonic

__all__ = ["Stages"]


class Stages:
    """Tells of work in stages: ``elaborated in 3 s, wrote Verilog in 1 s; translating to C++``.

    Parameters
    ----------
    say : function of str
        Told the whole line when a stage begins.
    """

    def __init__(self, say: Callable[[str], None] = lambda text: None):
        self._say = say
        self._done = []
        self._after, self._since = "", 0.0

    def begin(self, text: str, after: str) -> None:
        """A stage begins, and with it the one before ends.

        Parameters
        ----------
        text : str
            What is being done.
        after : str
            What is said of it afterwards.
        """
        now = monotonic()
        if self._after:
            self._done.append(f"{self._after} in {now - self._since:.0f} s")
        self._after, self._since = after, now
        self._say("; ".join([*([", ".join(self._done)] if self._done else []), text]))
