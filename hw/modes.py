"""How a layer chooses the mode of a step: the one definition for gates, image and model."""

from enum import IntEnum

__all__ = ["DISTANCE_ONE", "Middle", "Mode", "Plan"]

DISTANCE_ONE = 1 << 16
"""A distance of 1: thresholds of distance count its parts."""


class Mode(IntEnum):
    """What a step does; the order is that of the counters."""

    NORMAL = 0  # every column, fresh sums, exact
    DELTA = 1  # columns that moved by more than a threshold, on the sums that are there
    REDUCED = 2  # every column, fresh sums, at reduced resolution
    SKIP = 3  # no column


class Plan(IntEnum):
    """What a step does that is not skipped."""

    NORMAL = 0
    MIDDLE = 1  # always the middle mode
    SCORED = 2  # the middle mode where x is near its reference, else normal


class Middle(IntEnum):
    """The middle mode."""

    DELTA = 0
    REDUCED = 1
