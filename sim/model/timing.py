"""When things happen in the machine: cycles and stalls of a run, from its image.

The gates are a handful of queues, so their time is a recurrence over blocks: an operation issues
when the one before it has, when its list and its weights are there, and when its accumulators are
free. Exact for resident weights and an ideal memory. Streamed weights are followed block by block,
right to within two per cent at a fixed latency.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

from hw import latency as after
from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES
from sim.image.image import Image, Placement

__all__ = ["estimate"]

_WORD_BYTES = 16
"""The sequencer takes what it reads in words of this many bytes."""


def estimate(image: Image, config: Config, latency: int = 1) -> tuple[int, dict[str, int]]:
    """Cycles from start to done, and cycles in which the lanes waited, by cause.

    Parameters
    ----------
    image : Image
        What runs.
    config : Config
        The machine.
    latency : int
        Cycles from a read address to its first beat; 1 is ideal.
    """
    stalls = Counter(dict.fromkeys(("load", "input", "hidden", "weights", "cell", "drain"), 0))
    clock = 0
    for placement in image.placements:
        layer = _Layer.of(placement, image, config, latency)
        begin = clock + layer.load()
        run = layer.sequence()
        rest = run.last_unit + after.UNIT_QUEUE + after.PACKER + 1
        end = max(rest + 1, layer.drained(run))
        again = image.sequences - 1
        for cause, cycles in run.stalls.items():
            stalls[cause] += image.sequences * cycles
        stalls["load"] += begin - clock + again
        stalls["drain"] += again * (rest - run.last_issue) + end - run.last_issue
        clock = begin + again * (rest + 1) + end
    return clock, dict(stalls)


def _ceil(value: int, divisor: int) -> int:
    return -(-value // divisor)


@dataclass
class _Run:
    """One sequence; times count from its begin."""

    last_issue: int = 0
    last_unit: int = 0
    unit_times: list[int] = field(default_factory=list)
    stalls: Counter = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """One direction of one layer, and the machine that runs it."""

    config: Config
    latency: int
    fields: dict[str, int]
    inputs: int
    hidden: int
    steps: int
    sequences: int

    @classmethod
    def of(cls, placement: Placement, image: Image, config: Config, latency: int) -> "_Layer":
        return cls(
            config=config,
            latency=latency,
            fields=placement.fields,
            inputs=placement.direction.input_size,
            hidden=placement.direction.hidden_size,
            steps=image.steps,
            sequences=image.sequences,
        )

    @property
    def first_beat(self) -> int:
        """Cycles from a request to its first beat at the client."""
        return after.READ + self.latency

    @property
    def phases(self) -> int:
        """Cycles in which the cell unit takes one hidden unit."""
        return 4 // self.config.cell_lanes

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
        if self.flag("load_params"):
            clock += self._words(self.hidden) + 2
        flags = self.residency()
        placed = clock + len(flags)
        if self.flag("load_weights") and any(flags):
            first = clock + flags.index(True)
            beats = sum(flags) * self.fields["block_bytes"] // self.config.bus_bytes
            joined = 1 if self.config.column_bytes > self.config.bus_bytes else 0
            placed = max(placed, first + self.first_beat + beats - 1 + joined + 1)
        return placed + 1

    def residency(self) -> list[bool]:
        """Which blocks live in the weight memory."""
        blocks = self.config.blocks(self.hidden)
        resident = self.fields["resident_blocks"]
        return [(b + 1) * resident // blocks > b * resident // blocks for b in range(blocks)]

    def _first_lists(self) -> tuple[int, int]:
        """When the first beat of x is taken, and when the first list of h is ready."""
        if not self.flag("load_state"):
            return 1 + self.first_beat, self.hidden + 1
        bus, burst = self.config.bus_bytes, self.config.burst_beats
        beats = _ceil(4 * self.hidden, max(bus, _WORD_BYTES)) * max(bus, _WORD_BYTES) // bus
        ahead = min(beats, after.ROW_BURSTS * burst)
        joined = 1 if bus < _WORD_BYTES else 0
        beats_per_word = max(_WORD_BYTES // bus, 1)
        h_ready = 1 + self.first_beat + joined + beats_per_word - 1 + self.hidden
        bursts = _ceil(ahead, burst)
        return 1 + self.first_beat + max(bursts, ahead), h_ready

    def sequence(self) -> _Run:
        """Every block of every step; once steps repeat, the rest is a multiple of the last."""
        return _Sequence(self).run()

    def drained(self, run: _Run) -> int:
        """When the last write of the last step has been answered."""
        bus, burst = self.config.bus_bytes, self.config.burst_beats
        fields, again = self.fields, self.sequences - 1
        row = fields["h_addr"] + again * fields["h_sequence_stride"]
        row += (self.steps - 1) * fields["h_step_stride"]
        rows = [(row // bus, 1)]
        if self.flag("store_state"):
            state = fields["state_out_addr"] + again * fields["state_sequence_stride"]
            rows.append((state // bus, 4))
        waiting = []
        for start, unit_bytes in rows:
            beats = _ceil(unit_bytes * self.hidden, bus)
            bursts = deque()
            for done, length in _bursts(start, beats, burst):
                last = min((done + length) * bus // unit_bytes, self.hidden) - 1
                complete = run.unit_times[last] + after.UNIT_QUEUE + after.PACKER + 1
                bursts.append((complete, length))
            waiting.append(bursts)
        clock = 0
        while any(waiting):
            clock = max(clock, min(bursts[0][0] for bursts in waiting if bursts))
            chosen = next(bursts for bursts in waiting if bursts and bursts[0][0] <= clock)
            clock += after.WRITE_BEGIN + chosen.popleft()[1]
        return clock + after.WRITE_END


class _Sequence:
    """The recurrence. Times count from the sequence's begin."""

    def __init__(self, layer: _Layer):
        self.layer = layer
        self.flags = layer.residency()
        config = layer.config
        tail = layer.hidden - (len(self.flags) - 1) * config.units_per_block
        units = [config.units_per_block] * (len(self.flags) - 1) + [tail]
        self.slots = [count * layer.phases for count in units]
        self.units = units
        self.x_taken, self.h_ready = layer._first_lists()
        self.run_ = _Run()
        self.taken = [-1] * len(self.flags)
        self.feeder_free = 0
        self.done = deque([-1, -1], maxlen=2)
        self.bus = _Bus(layer)

    def run(self) -> _Run:
        """Step until two steps look the same, then jump to the last."""
        run, steps = self.run_, self.layer.steps
        before = None
        step = 0
        while step < steps:
            start, stalls = run.last_issue, run.stalls.copy()
            self._step(step)
            step += 1
            now = self._relative()
            if now == before and step < steps:
                self._jump(steps - step, run.last_issue - start, run.stalls - stalls)
                break
            before = now
        return run

    def _relative(self) -> tuple:
        """What the next step depends on, as seen from the last issue."""
        origin = self.run_.last_issue
        moments = (*self.taken, self.x_taken, self.h_ready, self.feeder_free, *self.done)
        return (*(moment - origin for moment in moments), *self.bus.relative(origin))

    def _jump(self, steps: int, period: int, stalls: Counter):
        run = self.run_
        run.last_issue += steps * period
        run.last_unit += steps * period
        run.unit_times = [moment + steps * period for moment in run.unit_times]
        for cause, cycles in stalls.items():
            run.stalls[cause] += steps * cycles

    def _step(self, step: int):
        layer, run = self.layer, self.run_
        if step:
            # Two lists at most: the next is begun when the one before the last is used up.
            arrival = layer.first_beat + 1 + 2 * step
            self.x_taken = max(self.x_taken + layer.inputs, self.done[0] + 1, arrival)
            self.bus.row_used()
        x_ready = self.x_taken + after.X_EVENTS + layer.inputs
        run.unit_times = []
        for block in range(len(self.flags)):
            self._block(block, x_ready)
        self.done.append(run.last_issue)
        run.last_unit = run.unit_times[-1]
        self.h_ready = run.last_unit + 1

    def _wait(self, now: int, moment: int, cause: str) -> int:
        if moment > now:
            self.run_.stalls[cause] += moment - now
            return moment
        return now

    def _block(self, block: int, x_ready: int):
        layer, run = self.layer, self.run_
        words = (0, 0, 0) if self.flags[block] else self.bus.fetch(block)
        first_word, last_x_word, last_word = words
        clock = self._wait(run.last_issue + 1, self.taken[block] + 1, "cell")
        clock = self._wait(clock, x_ready, "input")
        clock = self._wait(clock, first_word, "weights")
        clock = self._wait(clock + layer.inputs - 1, last_x_word, "weights") + 1
        clock = self._wait(clock, self.h_ready, "hidden")
        clock = self._wait(clock + layer.hidden - 1, last_word, "weights")
        run.last_issue = clock
        if not self.flags[block]:
            self.bus.consumed(clock)
        taken = max(clock + after.LANES + 1, self.feeder_free)
        self.taken[block] = taken
        self.feeder_free = taken + self.slots[block]
        state = taken + 1 + after.CELL
        run.unit_times += [state + layer.phases * (unit + 1) for unit in range(self.units[block])]


class _Bus:
    """The read channel, as streamed words see it."""

    def __init__(self, layer: _Layer):
        config, fields = layer.config, layer.fields
        self.layer = layer
        self.columns = layer.inputs + layer.hidden
        self.word_beats = config.column_bytes // config.bus_bytes
        # Bus to client, client to word, word to the ring's level.
        self.delay = 3 + (1 if self.word_beats > 1 else 0)
        self.base = fields["weights_addr"] // config.bus_bytes
        self.row_beats = _ceil(layer.inputs, config.bus_bytes)
        self.capacity = config.stream_words - 4
        self.capacity += config.bursts_in_flight * config.burst_beats // self.word_beats
        self.in_flight = deque([-1] * config.bursts_in_flight, maxlen=config.bursts_in_flight)
        self.issue = after.READ - 2
        self.time = 0
        # Rows of x go first as long as their buffer takes them.
        self.rows_ahead = max(after.ROW_BURSTS * config.burst_beats // self.row_beats, 1) + 1
        self.rows_left = layer.steps
        self.ends = deque(maxlen=self.capacity // self.columns + 2)

    def relative(self, origin: int) -> tuple:
        """What later blocks depend on."""
        if not self.ends:
            return ()
        moments = (self.time, self.issue, *self.in_flight, *self.ends)
        return (self.rows_ahead, *(moment - origin for moment in moments))

    def row_used(self):
        """The buffer of x has room for another row."""
        self.rows_ahead += 1

    def _burst(self, length: int) -> int:
        """When the first beat of the next burst comes."""
        self.issue = max(self.issue + 1, self.in_flight[0] + 2)
        first = max(self.time + 1, self.issue + self.layer.latency)
        self.time = first + length - 1
        self.in_flight.append(self.time)
        return first

    def fetch(self, block: int) -> tuple[int, int, int]:
        """When the first, the last x and the last word of a block can be issued."""
        beats = self.columns * self.word_beats
        start = self.base + block * beats
        wanted = [self.word_beats, self.layer.inputs * self.word_beats, beats]
        moments = []
        room = self._room()
        for done, length in _bursts(start, beats, self.layer.config.burst_beats):
            if self.rows_ahead and self.rows_left:
                self._burst(self.row_beats)
                self.rows_ahead -= 1
                self.rows_left -= 1
            first = self._burst(length)
            while len(moments) < 3 and wanted[len(moments)] <= done + length:
                moments.append(first + wanted[len(moments)] - done - 1 + self.delay)
        self.time = max(self.time, room)
        return moments[0], moments[1], max(moments[2], room + self.delay)

    def _room(self) -> int:
        """When the ring can have taken the block's last word."""
        behind = self.columns - self.capacity
        for end in reversed(self.ends):
            # Of this earlier block, the words up to ``behind`` from its end must have been used.
            if behind > 0:
                return end
            behind += self.columns
            if behind > 0:
                return end - (self.columns - behind)
        return 0

    def consumed(self, end: int):
        """A streamed block's last word has been used."""
        self.ends.append(end)


def _bursts(start: int, beats: int, longest: int) -> list[tuple[int, int]]:
    """(beats before, beats) of each burst of a transfer; none leaves its block of ``longest``."""
    bursts, done = [], 0
    while done < beats:
        length = min(beats - done, longest - (start + done) % longest)
        bursts.append((done, length))
        done += length
    return bursts
