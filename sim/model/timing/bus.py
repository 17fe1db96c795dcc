"""When columns of streamed blocks are fetched, where fetches follow the lists."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from hw import latency as after
from hw.config import RING_GUARD
from sim.image.weights import part_beats
from sim.model.timing.layer import LayerTiming, split

__all__ = ["FollowBus", "PartRuns"]

_MANY_BURSTS = 300_000
"""Bursts of a layer's run that are followed one by one. In a longer run only parts of few are."""
_FEW_BURSTS = 12


class PartRuns:
    """Runs of neighbours that are events, of one part of every step.

    Parameters
    ----------
    events : bool [steps, columns]
        Columns that are events.

    Members
    -------
    counts : list of int
        Runs of each step.
    columns : list of int
        Events of each step.
    """

    def __init__(self, events: np.ndarray):
        self.events = events
        begins = np.count_nonzero(events[:, 1:] > events[:, :-1], axis=1) + events[:, 0]
        self.counts = begins.tolist()
        self.columns = events.sum(1).tolist()
        self._last: tuple[int, list[tuple[int, int]]] = (-1, [])

    def of(self, step: int) -> list[tuple[int, int]]:
        """(first column, columns) of each run of a step."""
        # Every block of a step asks for the same.
        if self._last[0] != step:
            edges = np.flatnonzero(np.diff(self.events[step], prepend=False, append=False))
            lengths = (edges[1::2] - edges[::2]).tolist()
            self._last = step, list(zip(edges[::2].tolist(), lengths, strict=True))
        return self._last[1]


class FollowBus:
    """Bursts of rows of x, and of the columns that the lists ask for, on one bus.

    Rows are few and asked for long before they are needed: one is served when it is asked for, and
    the beats that it takes from words are accounted for when those are.

    In runs of very many bursts a part of more than a few is followed as a whole: right to some per
    cent where the memory's latency is what limits them, else as right as one by one.

    Parameters
    ----------
    layer : LayerTiming
        What runs.
    parts : PartRuns of x and of h
        What a block asks for.
    """

    def __init__(self, layer: LayerTiming, parts: tuple[PartRuns, PartRuns]):
        config = layer.config
        blocks = layer.residency().count(False) * layer.sequences
        self.hurries = blocks * sum(sum(part.counts) for part in parts) > _MANY_BURSTS
        self.layer = layer
        self.parts, self.beats = parts, part_beats(layer.fields)
        # Bus to client, client to the memory, word to the ring's level.
        self.delay = 3
        buffered = min(config.bursts_in_flight, after.WEIGHT_BURSTS) * config.burst_beats
        self.held = config.stream_words - RING_GUARD + buffered // max(self.beats)
        self.in_flight = deque([-1] * config.bursts_in_flight, maxlen=config.bursts_in_flight)
        self.issue = after.READ - 2
        self.time = 0
        # Rows of x.
        self.row_offer = after.READ - 1
        self.row_issue = self.row_time = 0
        kept = after.ROW_BURSTS * config.burst_beats
        self.passes = deque([-kept] * kept, maxlen=kept)
        self.between: deque[tuple[int, int]] = deque()
        # Words: how many were asked for, and when those of the last parts were used.
        self.words = 0
        self.used: deque[tuple[int, int]] = deque([(0, 0)])
        ahead, self.late = layer.state_bursts()
        for beats in ahead:
            self.issue = max(self.issue + 1, self.in_flight[0] + 2)
            self.time = max(self.time + 1, self.issue + layer.latency) + beats - 1
            self.in_flight.append(self.time)
        self.row_issue, self.row_time = self.issue, self.time

    def row(self) -> Iterator[tuple[int, int]]:
        """(first beat at the client, beats) of each burst of the next row.

        When a burst's beats have left the client is told to ``passes`` before the next is asked.
        """
        beat_codes, longest = self.layer.config.beat_codes, self.layer.config.burst_beats
        for columns in self.layer.segments:
            beats = -(-columns // beat_codes)
            for _, length in split(0, beats, longest):
                offer = max(self.row_offer, self.passes[length - 1] + 2)
                self.row_issue = max(self.row_issue + 1, offer)
                behind = self.time if self.issue < self.row_issue else 0
                first = max(self.row_time, behind) + 1
                first = max(first, self.row_issue + self.layer.latency)
                self.row_time = first + length - 1
                while self.late:
                    self.row_issue += 1
                    self.row_time += self.late.pop(0)
                self.between.append((self.row_issue, length))
                self.row_offer = self.row_issue + 1
                yield first + 2, length
            self.row_offer += 1

    def fetch(self, base: int, which: int, step: int, turn: int) -> tuple[int, int]:
        """When the first and the last word of a part are there; ``turn`` is its first column's."""
        part = self.parts[which]
        return self.fetch_runs(base, which, part.of(step), part.columns[step], turn)

    def fetch_runs(
        self, base: int, which: int, runs: list[tuple[int, int]], columns: int, turn: int
    ) -> tuple[int, int]:
        """As ``fetch``, of so many columns in runs: (place of the first word, words)."""
        config, word_beats, count = self.layer.config, self.beats[which], len(runs)
        if self.hurries:
            count += (columns * word_beats - count) // config.burst_beats
            if count > _FEW_BURSTS:
                return self._fetch_many(count, columns, word_beats, turn)
        longest = config.burst_beats
        start, moment, done = base // config.bus_bytes, 0, 0
        for column, length in runs:
            place = start + column * word_beats
            for before, beats in split(place, length * word_beats, longest):
                words = -(-(before + beats) // word_beats)
                first = self._burst(beats, turn + done + words - 1, done + words)
                moment = moment or first + word_beats - 1 + self.delay
            done += length
        self.words += columns
        return moment, self.time + self.delay

    def _burst(self, beats: int, turn: int, words: int) -> int:
        """When the first beat of a burst comes, whose last column has its turn then."""
        offer = turn + after.FETCH + after.READ - 2
        room = self._room(self.words + words - self.held)
        issue = max(self.issue + 1, offer, self.in_flight[0] + 2, room)
        between = self.between
        while between and between[0][0] <= issue:
            row_issue, length = between.popleft()
            self.time = max(self.time, row_issue + self.layer.latency - 1) + length
            issue = max(issue, row_issue + 1)
        self.issue = issue
        first = max(self.time + 1, issue + self.layer.latency)
        self.time = first + beats - 1
        self.in_flight.append(self.time)
        return first

    def _fetch_many(self, count: int, columns: int, word_beats: int, turn: int):
        """A long part: its first burst, and how fast the others can follow."""
        flight, latency = self.layer.config.bursts_in_flight, self.layer.latency
        beats = columns * word_beats
        each, words = beats / count, min(columns, -(-columns // count))
        first = self._burst(words * word_beats, turn, words)
        # Later ones wait for their column's turn, for room, for earlier ones, and for the bus.
        offer = turn + columns - 1 + after.FETCH + after.READ - 2
        # Now the bus limits them, now the latency: more than the larger of both, where equal.
        answered = (latency + 1 + each) / flight
        per_burst = max(1.0, (each**8 + answered**8) ** (1 / 8))
        room = self._room(self.words + columns - self.held)
        time = max(first + beats - 1, offer + latency, room + latency)
        time = max(time, first + int((count - 1) * per_burst))
        while self.between and self.between[0][0] <= time - latency:
            time += self.between.popleft()[1]
        self.time = time
        spacing = (time - first) / count
        self.in_flight.extend(time - int(spacing * k) for k in reversed(range(min(count, flight))))
        self.issue = max(self.issue, offer, room, self.in_flight[0] + 2)
        self.words += columns
        return first + word_beats - 1 + self.delay, self.time + self.delay

    def _room(self, word: int) -> int:
        """When a burst can be asked for, before which this many words must have been used."""
        used = self.used
        while len(used) > 1 and used[1][0] < word:
            used.popleft()
        if word <= used[0][0]:
            return 0
        if len(used) == 1:
            return used[0][1] + word - used[0][0] + 2
        return used[1][1] - (used[1][0] - word) + 2

    def consumed(self, words: int, end: int):
        """The last of so many words, the next in their order, has been used."""
        self.total = self.used[-1][0] + words
        self.used.append((self.total, end))
