"""Cycles that the parts of the machine take: what the model of time is built on.

A test holds each to the gates.
"""

__all__ = [
    "CELL",
    "DECODE",
    "FEED",
    "H_EVENTS",
    "KNOWN",
    "LANES",
    "PACKER",
    "READ",
    "ROW_BUFFER",
    "ROW_BURSTS",
    "UNIT_QUEUE",
    "WEIGHT_BURSTS",
    "WRITE_BEGIN",
    "WRITE_END",
    "X_EVENTS",
]

LANES = 7
"""From the issue of a block's last operation to its sums."""

FEED = 1
"""From the feeder to the cell unit: a register behind the memory of the biases."""

CELL = 31
"""From the last gate row of a unit to its new state, for any number of cell lanes."""

UNIT_QUEUE = 2
"""From a unit's new state to the packer."""

PACKER = 1
"""From the last unit of a beat to the beat."""

READ = 5
"""From a request to its first beat, beside the memory's own latency."""

WRITE_BEGIN = 2
"""From the choice of a complete burst to its first beat."""

WRITE_END = 1
"""From a write response to its being accounted for."""

ROW_BUFFER = 2
"""From a beat of x at the mode chooser to the maker of its events."""

X_EVENTS = 5
"""From a beat of x at the maker of its events to its first event in the list."""

H_EVENTS = 2
"""From a hidden unit, the last of its step, to the list that it completes."""

KNOWN = 4
"""From a hidden unit, the last of its step, to the mode of the list that the next one begins."""

DECODE = 4
"""Cycles in which the sequencer waits for the decoder."""

ROW_BURSTS = 2
"""Longest bursts of control data, of x and of h that the bus masters buffer for each."""

WEIGHT_BURSTS = 8
"""Longest bursts of weights that the read master buffers, at most."""
