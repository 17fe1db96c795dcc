"""A search among the points of a plan: for what, and how long."""

from dataclasses import dataclass

from sim.networks.network import NetworkError

__all__ = ["OBJECTIVES", "Search"]

OBJECTIVES = (
    *("score", "macs", "bytes", "sram_bytes", "dram_read_bytes", "energy_pj"),
    *("cycles", "step_us"),
)
"""What can be searched for; of all but the score less is better."""

_MOST_POINTS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched for.

    Parameters
    ----------
    points : int
        How many points may be measured.
    objectives : tuple of str
        Names among ``OBJECTIVES``; the front of several is found.
    seed : int
        Equal searches of equal plans measure equal points.

    Raises
    ------
    NetworkError
        There is no such objective, or no such number.
    """

    points: int
    objectives: tuple[str, ...]
    seed: int = 0

    def __post_init__(self):
        for name, least in (("points", 1), ("seed", 0)):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not least <= value <= _MOST_POINTS:
                raise NetworkError(
                    f"[search] {name} must be a whole number from {least} to {_MOST_POINTS:,}, "
                    f"not {value!r}"
                )
        for name in self.objectives:
            if name not in OBJECTIVES:
                raise NetworkError(
                    f"[search] has no objective {name}; it searches for {', '.join(OBJECTIVES)}"
                )
        if not self.objectives:
            raise NetworkError("[search] objectives is empty; name one or several")
