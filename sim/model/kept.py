"""What a direction keeps from one run to the next."""

from dataclasses import dataclass

from sim.image.image import State
from sim.model.lstm import Carried
from sim.model.plan import Trail

__all__ = ["Kept"]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """All that a run leaves and that a run which goes on from it depends on.

    Members
    -------
    state : State
        ``h`` and ``c`` of each sequence.
    trail : Trail
        What the choice of modes and the events of ``x`` depend on.
    carried : Carried
        What the sums are.
    h_threshold : int
        The threshold of events of ``h``.
    """

    state: State
    trail: Trail
    carried: Carried
    h_threshold: int
