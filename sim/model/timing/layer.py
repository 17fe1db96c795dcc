"""What the model of time must know of a layer; what happens before and behind its steps."""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from hw import latency as after
from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES
from sim.image.image import Image, Placement
from sim.image.maps import StoredColumns, resident_bytes
from sim.image.parameters import unit_bytes
from sim.image.residency import residency

__all__ = ["LayerTiming", "Part", "RunTiming", "split", "visits"]

_WORD_BYTES = 16
"""The sequencer takes what it reads in words of this many bytes."""


class Part(IntEnum):
    """A part of a block's events."""

    X = 0
    H = 1


def visits(blocks: int) -> list[tuple[int, Part]]:
    """(block, part) in the order in which a step goes through them."""
    return [(block, part) for part in Part for block in range(blocks)]


def _ceil(value: int, divisor: int) -> int:
    return -(-value // divisor)


@dataclass
class RunTiming:
    """One sequence; times count from its begin."""

    last_issue: int = 0
    last_unit: int = 0
    unit_times: list[int] = field(default_factory=list)
    stalls: Counter = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class LayerTiming:
    """One direction of one layer, the machine that runs it, and which of its sequences it is."""

    config: Config
    latency: int
    fields: dict[str, int]
    inputs: int
    hidden: int
    steps: int
    sequences: int
    stored: StoredColumns | None = None
    sequence: int = 0
    even: bool = False  # every column is an event of every step

    @classmethod
    def of(cls, placement: Placement, image: Image, config: Config, latency: int) -> "LayerTiming":
        return cls(
            config=config,
            latency=latency,
            fields=placement.fields,
            inputs=placement.direction.input_size,
            hidden=placement.direction.hidden_size,
            steps=image.steps,
            sequences=image.sequences,
            stored=placement.stored,
            even=placement.plain,
        )

    @property
    def first_beat(self) -> int:
        """Cycles from a request to its first beat at the client."""
        return after.READ + self.latency

    @property
    def unit_cycles(self) -> int:
        """Cycles in which the cell unit takes one hidden unit."""
        return self.config.unit_cycles

    @property
    def held_cycles(self) -> int:
        """Cycles in which a hidden unit that holds its state passes it."""
        return 4 // self.config.cell_lanes

    @property
    def cell(self) -> int:
        """From the last gate row of a unit, at the feeder, to its new state."""
        return after.FEED + after.cell(self.config.cell_lanes, self.config.row_cycles)

    @property
    def segments(self) -> list[int]:
        """Columns of each segment of a row of x."""
        head = self.fields["x_head_size"]
        return [head, self.inputs - head] if head != self.inputs else [head]

    def flag(self, name: str) -> bool:
        """A flag of the descriptor."""
        return bool(self.fields.get(name, 0))

    def _words(self, words: int) -> int:
        """Cycles from a control request to its last word, of ``words`` rounded up to beats."""
        per_beat = max(self.config.bus_bytes // _WORD_BYTES, 1)
        beats_per_word = max(_WORD_BYTES // self.config.bus_bytes, 1)
        joined = 1 if beats_per_word > 1 else 0
        taken = _ceil(words, per_beat) * per_beat * beats_per_word
        return self.first_beat + taken - 1 + joined

    def load(self) -> int:
        """Cycles from the first in which the descriptor is asked for to the sequence's begin."""
        clock = 1 + self._words(DESCRIPTOR_BYTES // _WORD_BYTES) + 1 + after.DECODE
        if self.flag("resume"):
            return clock
        if self.flag("load_params"):
            words = unit_bytes(self.flag("row_scales")) // _WORD_BYTES
            clock += self._words(words * self.hidden) + 2
        if self.stored is not None:
            return self._load_stored(clock)
        flags = self.residency()
        placed = clock + len(flags)
        if self.flag("load_weights") and any(flags):
            first = clock + flags.index(True)
            beats = sum(flags) * self.fields["block_bytes"] // self.config.bus_bytes
            placed = max(placed, first + self.first_beat + beats)
        return placed + 1

    def _load_stored(self, clock: int) -> int:
        """As ``load``, from the end of the parameters on, of a layer with a map."""
        if self.flag("load_params"):
            clock += self._words(self.fields["map_words"]) + 2
        beats = resident_bytes(self.fields, self.config) // self.config.bus_bytes
        loads = self.flag("load_weights")
        return clock + (self.first_beat + beats if loads else 1) + 1

    def residency(self) -> list[bool]:
        """Which blocks live in the weight memory."""
        blocks = self.config.blocks(self.hidden)
        return residency(self.fields["resident_blocks"], blocks).tolist()

    def block_units(self) -> list[int]:
        """Hidden units of each block."""
        blocks, units = self.config.blocks(self.hidden), self.config.units_per_block
        return [units] * (blocks - 1) + [self.hidden - (blocks - 1) * units]

    def state_bursts(self) -> tuple[list[int], list[int]]:
        """Bursts of the initial state that its buffer takes at once: ahead of x, and behind it.

        Once there is no room for the longest burst a shorter one goes a cycle later, so the first
        of x goes before.
        """
        if not self.flag("load_state"):
            return [], []
        bus, burst = self.config.bus_bytes, self.config.burst_beats
        beats = _ceil(4 * self.hidden, max(bus, _WORD_BYTES)) * max(bus, _WORD_BYTES) // bus
        ahead = min(beats, after.ROW_BURSTS * burst)
        place = self.fields["state_in_addr"] + self.sequence * self.fields["state_sequence_stride"]
        bursts = split(place // bus, ahead, burst)
        first = [length for done, length in bursts if done + burst <= after.ROW_BURSTS * burst]
        return first, [length for _, length in bursts[len(first) :]]

    def recalled(self, taken: int, recalled: np.ndarray | None) -> int:
        """When the last unit of a state that is resumed comes to the maker of its events.

        That maker takes the mode of the first step at ``taken``. Of the units, those come that are
        ``recalled``, or just the last one if that is None; it always comes. A block without any
        takes a cycle.
        """
        if recalled is None:
            return taken + after.RECALL
        units = self.config.units_per_block
        padded = np.zeros(self.config.blocks(self.hidden) * units, bool)
        padded[: self.hidden] = recalled
        padded[self.hidden - 1] = True
        cycles = np.maximum(padded.reshape(-1, units).sum(axis=1), 1).sum()
        return taken + after.RECALL + int(cycles) - 1

    def first_h_list(self) -> int:
        """When the list made from the initial state is ready."""
        if self.flag("resume"):
            # Its mode is told in the first cycle, and each unit is an event.
            return self.recalled(1 + after.MODE, np.ones(self.hidden, bool)) + after.H_EVENTS
        if not self.flag("load_state"):
            return after.INITIAL_STATE + self.hidden + after.H_EVENTS
        per_word, last = 4, self.hidden - 1
        first = self.first_beat + 1 + after.INITIAL_STATE + after.H_EVENTS
        if self.config.bus_bytes >= _WORD_BYTES:
            return first + last
        # Two beats make a word, and the next word's cannot come while it is taken apart.
        word, unit = divmod(last, per_word)
        return first + 2 + word * (per_word + 1) + unit

    def drained(self, run: RunTiming) -> int:
        """When the last write of the last step has been answered."""
        bus, burst = self.config.bus_bytes, self.config.burst_beats
        fields, again = self.fields, self.sequences - 1
        row = fields["h_addr"] + again * fields["h_sequence_stride"]
        row += (self.steps - 1) * fields["h_step_stride"]
        rows = [(row // bus, self.config.code_bytes)]
        if self.flag("store_state"):
            state = fields["state_out_addr"] + again * fields["state_sequence_stride"]
            rows.append((state // bus, 4))
        waiting = []
        for start, per_unit in rows:
            beats = _ceil(per_unit * self.hidden, bus)
            bursts = deque()
            # The request comes with the row's first unit and takes a cycle more than the data.
            asked = run.unit_times[0] + after.UNIT_QUEUE + after.PACKER + 2
            for done, length in split(start, beats, burst):
                last = min((done + length) * bus // per_unit, self.hidden) - 1
                complete = run.unit_times[last] + after.UNIT_QUEUE + after.PACKER + 1
                bursts.append((max(asked, complete) + after.WRITE_COMPLETE, length))
            waiting.append(bursts)
        clock = 0
        while any(waiting):
            clock = max(clock, min(bursts[0][0] for bursts in waiting if bursts))
            chosen = next(bursts for bursts in waiting if bursts and bursts[0][0] <= clock)
            clock += after.WRITE_BEGIN + chosen.popleft()[1]
        return clock + after.WRITE_END


def split(start: int, beats: int, longest: int) -> list[tuple[int, int]]:
    """(beats before, beats) of each burst of a transfer; none leaves its block of ``longest``."""
    bursts, done = [], 0
    while done < beats:
        length = min(beats - done, longest - (start + done) % longest)
        bursts.append((done, length))
        done += length
    return bursts
