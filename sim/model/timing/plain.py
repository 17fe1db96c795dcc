"""When the steps of a plain run happen: every column is an event of every step."""

from collections import Counter, deque

from hw import latency as after
from hw.config import RING_GUARD
from sim.image.weights import part_beats
from sim.model.timing.layer import LayerTiming, Part, RunTiming, split, visits

__all__ = ["PlainSequence"]


class PlainSequence:
    """The recurrence. Times count from the sequence's begin."""

    def __init__(self, layer: LayerTiming):
        self.layer = layer
        self.flags = layer.residency()
        self.units = layer.block_units()
        self.slots = [count * layer.unit_cycles for count in self.units]
        self.x_end, self.h_ready = 0, layer.first_h_list()
        self.run_ = RunTiming()
        self.taken = [-1] * len(self.flags)
        self.feeder_free = 0
        self.done = deque([-1, -1], maxlen=2)
        self.visits = visits(len(self.flags))
        self.bus = _ReadBus(layer, [visit for visit in self.visits if not self.flags[visit[0]]])

    def run(self) -> RunTiming:
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
        moments = (*self.taken, self.x_end, self.h_ready, self.feeder_free, *self.done)
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
        # Two lists at most: the next is begun when the one before the last is used up.
        self.x_end = max(self.x_end, self.done[0] + 1)
        for arrival, columns in zip(self.bus.x(step), layer.segments, strict=True):
            self.x_end = max(self.x_end, arrival) + columns
        x_ready = self.x_end + after.X_EVENTS
        run.unit_times = []
        for block, part in self.visits:
            self._visit(block, part, x_ready)
        self.done.append(run.last_issue)
        run.last_unit = run.unit_times[-1]
        self.h_ready = run.last_unit + after.H_EVENTS

    def _wait(self, now: int, moment: int, cause: str) -> int:
        if moment > now:
            self.run_.stalls[cause] += moment - now
            return moment
        return now

    def _visit(self, block: int, part: Part, x_ready: int):
        layer, run = self.layer, self.run_
        streamed = not self.flags[block]
        first_word, last_word = self.bus.fetch() if streamed else (0, 0)
        clock = run.last_issue + 1
        if part == Part.X:
            clock = self._wait(clock, self.taken[block] + 1, "cell")
        clock = self._wait(clock, first_word, "weights")
        count, ready, cause = (
            (layer.hidden, self.h_ready, "hidden")
            if part == Part.H
            else (layer.inputs, x_ready, "input")
        )
        # All but the last event go while the list grows, each when the next is there.
        clock = self._wait(clock + count - 1, ready + (count > 1), cause)
        run.last_issue = self._wait(clock, last_word, "weights")
        if streamed:
            self.bus.consumed(part, run.last_issue)
        if part == Part.H:
            self._take(block, run.last_issue + after.LANES + 1)

    def _take(self, block: int, done: int):
        taken = max(done, self.feeder_free)
        self.taken[block] = taken
        self.feeder_free = taken + self.slots[block]
        state, cycles = taken + 1 + self.layer.cell, self.layer.unit_cycles
        times = (state + cycles * (unit + 1) for unit in range(self.units[block]))
        self.run_.unit_times += times


class _ReadBus:
    """Bursts in the order in which the reader's clients get the bus: state, rows of x, weights."""

    def __init__(self, layer: LayerTiming, streamed: list[tuple[int, Part]]):
        config = layer.config
        self.layer = layer
        self.words = layer.inputs, layer.hidden
        self.beats = part_beats(layer.fields)
        # Bus to client, client to the memory, word to the ring's level.
        self.delay = 3
        self.capacity = config.stream_words - RING_GUARD
        buffered = min(config.bursts_in_flight, after.WEIGHT_BURSTS)
        # In words of the longer part, of which the fewest fit.
        self.capacity += buffered * config.burst_beats // max(self.beats)
        # Words asked for so far; how many had been used when.
        self.total = 0
        self.used: deque[tuple[int, int]] = deque([(0, 0)])
        self.requests = self._requests(streamed)

        self.in_flight = deque([-1] * config.bursts_in_flight, maxlen=config.bursts_in_flight)
        self.issue = after.READ - 2
        self.time = 0
        self.segments = [-(-size // config.beat_codes) for size in layer.segments]
        buffered = after.ROW_BURSTS * config.burst_beats // sum(self.segments)
        self.rows_allowed = max(buffered, 1) + 1
        self.arrivals: dict[int, list[int]] = {}
        self.row, self.segment = 0, 0
        self.row_offer = self.word_offer = after.READ - 1
        self.requests_left = layer.steps * len(self.requests)
        self.request, self.bursts, self.fetched = 0, deque(), deque()
        ahead, self.late = layer.state_bursts()
        for length in ahead:
            self._burst(length, 0)

    def _requests(self, streamed: list[tuple[int, Part]]) -> list[tuple[int, int, int]]:
        """(first beat, words, beats of a word) of each part."""
        requests = []
        start = self.layer.fields["weights_addr"] // self.layer.config.bus_bytes
        x_beats, h_beats = (n * each for n, each in zip(self.words, self.beats, strict=True))
        for block, part in streamed:
            before = block * (x_beats + h_beats) + part * x_beats
            requests.append((start + before, self.words[part], self.beats[part]))
        return requests

    def relative(self, origin: int) -> tuple:
        """What later blocks depend on."""
        if not self.requests:
            return ()
        moments = (self.time, self.issue, self.row_offer, self.word_offer)
        moments += (*self.in_flight, *(end for _, end in self.used))
        words = (words - self.total for words, _ in self.used)
        ahead = self.rows_allowed - self.row
        return (ahead, *words, *(moment - origin for moment in moments))

    def _slot(self) -> int:
        """When the next address can be on the bus."""
        return max(self.issue + 1, self.in_flight[0] + 2)

    def _burst(self, length: int, offer: int) -> int:
        """When the first beat of a burst comes, of which all are taken."""
        self.issue = max(self._slot(), offer)
        first = max(self.time + 1, self.issue + self.layer.latency)
        self.time = first + length - 1
        self.in_flight.append(self.time)
        return first

    def _serve(self):
        """One burst: of x if there is one to be had as early, else of weights."""
        slot = self._slot()
        rows = self.row < min(self.layer.steps, self.rows_allowed)
        words = self.requests_left > 0
        if rows and (not words or max(slot, self.row_offer) <= max(slot, self.word_offer)):
            self._serve_x()
        elif words:
            self._serve_words()
        else:
            self.rows_allowed += 1

    def _serve_x(self):
        first = self._burst(self.segments[self.segment], self.row_offer)
        while self.late:
            self._burst(self.late.pop(0), 0)
        self.row_offer = max(self.row_offer + 2, self.issue + 1)
        self.arrivals.setdefault(self.row, []).append(first + 2 + after.ROW_BUFFER)
        self.segment += 1
        if self.segment == len(self.segments):
            self.row, self.segment = self.row + 1, 0

    def _serve_words(self):
        if not self.bursts:
            start, words, beats = self.requests[self.request]
            self.wanted, self.moments = deque([beats, words * beats]), []
            self.bursts.extend(split(start, self.wanted[-1], self.layer.config.burst_beats))
            self.total += words
            self.room = self._room()
        done, length = self.bursts.popleft()
        first = self._burst(length, self.word_offer)
        self.word_offer = max(self.word_offer + (1 if self.bursts else 2), self.issue + 1)
        while self.wanted and self.wanted[0] <= done + length:
            self.moments.append(first + self.wanted.popleft() - done - 1 + self.delay)
        if not self.bursts:
            self.time = max(self.time, self.room)
            self.moments[-1] = max(self.moments[-1], self.room + self.delay)
            self.fetched.append(tuple(self.moments))
            self.request = (self.request + 1) % len(self.requests)
            self.requests_left -= 1

    def x(self, row: int) -> list[int]:
        """When the first beat of each segment of a row of x comes."""
        while self.row <= row:
            self._serve()
        self.rows_allowed += 1
        return self.arrivals.pop(row)

    def fetch(self) -> tuple[int, int]:
        """When the first and the last word of the next streamed part are there."""
        while not self.fetched:
            self._serve()
        return self.fetched.popleft()

    def _room(self) -> int:
        """When the ring can have taken the last of the words that were asked for."""
        needed, used = self.total - self.capacity, self.used
        while len(used) > 1 and used[1][0] < needed:
            used.popleft()
        if needed <= used[0][0]:
            return 0
        return used[1][1] - (used[1][0] - needed) if len(used) > 1 else used[0][1]

    def consumed(self, part: Part, end: int):
        """The last word of a streamed part has been used."""
        self.used.append((self.used[-1][0] + self.words[part], end))
