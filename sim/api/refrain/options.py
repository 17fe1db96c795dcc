"""Options that several functions take: names, types, and what stands for what."""

from typing import Literal, TypedDict

from hw.config import Config
from sim.explore.machines import make_config

__all__ = ["ModeOptions", "chosen_config"]


class ModeOptions(TypedDict, total=False):
    """How the mode of each step is chosen; what is not given stays at its default.

    Keys
    ----
    mode
        What steps do. ``normal`` multiplies every column, ``delta`` those that moved, ``skip``
        may leave whole steps out, ``auto`` chooses by a score of each input.
    x_threshold, h_threshold
        Delta steps: by more than how many int8 steps a value must have moved; 0 loses
        nothing.
    skip_threshold, delta_threshold
        Scores, 0 to 1, from which on a step is skipped, or takes the middle mode.
    middle
        The middle mode of ``auto``.
    skip_action
        A skipped step keeps ``h`` and ``c`` (``freeze``) or runs the cell on the last sums.
    max_skips, normal_every
        Longest run of skipped steps; every so many steps is normal; 0 for no limit.
    reference
        What the score compares ``x`` with.
    zero_skip
        Leave out columns that are zero in normal and reduced steps.
    level, unsafe_level
        Level of the multiplier in the middle mode, by number or name; one that is allowed in delta
        steps although its errors gather.
    lookahead
        Fetch streamed weights of ``x`` once for so many steps.
    """

    mode: Literal["normal", "delta", "reduced", "skip", "auto"]
    x_threshold: int
    h_threshold: int
    skip_threshold: float
    delta_threshold: float
    middle: Literal["delta", "reduced"]
    skip_action: Literal["freeze", "hold"]
    max_skips: int
    normal_every: int
    reference: Literal["computed", "previous"]
    zero_skip: bool
    level: str | int
    unsafe_level: str
    lookahead: int


def chosen_config(config: Config | str) -> Config:
    """A configuration, which may go by its name.

    Raises
    ------
    RefrainError
        There is none of that name.
    """
    return make_config(config) if isinstance(config, str) else config
