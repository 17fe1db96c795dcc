"""Cycles that the parts of the machine take: what the model of time is built on.

A test holds each to the gates.
"""

__all__ = [
    "DECODE",
    "FEED",
    "FETCH",
    "HELD",
    "H_EVENTS",
    "INITIAL_STATE",
    "KNOWN",
    "LANES",
    "MODE",
    "MODES_AHEAD",
    "PACKER",
    "READ",
    "RECALL",
    "ROW_BEGIN",
    "ROW_BUFFER",
    "ROW_BURSTS",
    "SCORE",
    "TEST",
    "UNIT_QUEUE",
    "WEIGHT_BURSTS",
    "WRITE_BEGIN",
    "WRITE_COMPLETE",
    "WRITE_END",
    "X_EVENTS",
    "cell",
]

LANES = 7
"""From the issue of a block's last operation to its sums."""

INITIAL_STATE = 2
"""From the sequencer to the makers of events: a register, and one that held states share."""

RECALL = 5
"""From the mode of a step that goes on from another to the first unit that the machine has kept, at
the maker of its events: the unit is named, its reference is read, then its state, which goes to a
register that held states share."""

FEED = 2
"""From the feeder to the cell unit: a register in front of the sums' memory, and one behind that of
the biases."""


def cell(cell_lanes: int, row_cycles: int) -> int:
    """From the last gate row of a unit to its new state: what shares a multiplier, waits for it."""
    if row_cycles == 1:
        return 32
    return 36 if 4 // cell_lanes * row_cycles >= 4 else 33


HELD = 3
"""From the last gate row of a unit that holds its state, at the feeder, to that state."""

UNIT_QUEUE = 2
"""From a unit's new state to the packer."""

PACKER = 1
"""From the last unit of a beat to the beat."""

READ = 6
"""From a request to its first beat, beside the memory's own latency."""

WRITE_COMPLETE = 1
"""From the data of a whole burst to its being known as complete."""

WRITE_BEGIN = 2
"""From the choice of a complete burst to its first beat."""

WRITE_END = 1
"""From a write response to its being accounted for."""

ROW_BUFFER = 2
"""From a beat of x at the mode chooser to the maker of its events."""

ROW_BEGIN = 1
"""From a row's mode and a free list to its first beat at the maker of its events."""

X_EVENTS = 5
"""From a beat of x at the maker of its events to its first event in the list."""

H_EVENTS = 2
"""From a hidden unit, the last of its step, to the list that it completes."""

KNOWN = 5
"""From a hidden unit, the last of its step, to the mode of the list that the next one begins."""

SCORE = 5
"""From a row's last beat to its score, beside a cycle for every two levels of adders of a beat."""

TEST = 18
"""From a score to whether it is near."""

MODE = 2
"""From the choice of a mode to the maker of events that takes it."""

MODES_AHEAD = 4
"""Chosen modes that wait for each maker of events."""

FETCH = 5
"""From the turn of a run's last column at the follower of lists to the run's request."""

DECODE = 4
"""Cycles in which the sequencer waits for the decoder."""

ROW_BURSTS = 2
"""Longest bursts of control data, of x and of h that the bus masters buffer for each."""

WEIGHT_BURSTS = 8
"""Longest bursts of weights that the read master buffers, at most."""
