"""When the steps of a run happen whose events depend on its input."""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from hw import latency as after
from hw.modes import Mode
from sim.image.weights import part_beats
from sim.model.timing.bus import FollowBus, PartRuns
from sim.model.timing.columns import SequenceColumns
from sim.model.timing.input import InputTiming
from sim.model.timing.layer import LayerTiming, Part, RunTiming, visits
from sim.model.timing.maps import SCAN, MapTiming

__all__ = ["ModeSequence"]

_ALIKE = 24
"""Steps that take as long, one after the other, before all others are taken to do so."""


class ModeSequence:
    """The recurrence over the blocks of every step. Times count from the sequence's begin.

    Parameters
    ----------
    layer : LayerTiming
        What runs.
    columns : SequenceColumns
        Its events.
    """

    def __init__(self, layer: LayerTiming, columns: SequenceColumns):
        self.layer, self.columns = layer, columns
        self.flags = layer.residency()
        self.units = layer.block_units()
        self.visits = visits(len(self.flags))
        self.streamed = not all(self.flags)
        self.parts = PartRuns(columns.x), PartRuns(columns.h)
        self.bus = FollowBus(layer, self.parts)
        self.input = InputTiming(layer, columns, self.bus)
        self.maps = None if layer.stored is None else MapTiming(layer, columns)
        self.run_ = RunTiming()
        self.stalls = dict.fromkeys(("input", "hidden", "weights", "cell"), 0)
        self.clock = 0  # of the last operation or passed block
        self.settled = 0  # when the sums of x are there
        # Of each step: whether the cycle that ends a list gives it an event.
        self.ends = self.input.ends, columns.h[:, -1].tolist()
        self.taken = [-1] * len(self.flags)
        self.feeder_free = 0
        self.turn = 1  # the follower's next column
        self.list_end = 0  # when the last unit of the newest list of h came
        # When the lists of the two steps before were free: both makers have two.
        self.freed = [-1, -1]
        # What the last steps ended with, where all steps are alike.
        self.before: deque[tuple[int, ...]] = deque(maxlen=_ALIKE + 1)

    def run(self) -> RunTiming:
        """Every step."""
        mode = self.columns.mode.tolist()
        freeze = self.layer.flag("freeze")
        self.input.tell(0)
        layer = self.layer
        if layer.flag("resume"):
            taken = self.input.take_h_mode(0, 0)
            self.list_end = layer.recalled(taken, self.columns.recalled)
        else:
            self.input.h_taken.append(0)
            self.list_end = layer.first_h_list() - after.H_EVENTS
        for step, (x, h) in enumerate(zip(*(part.columns for part in self.parts), strict=True)):
            self.input.tell(step + 1)
            known = self.input.take_h_mode(step + 1, self.list_end) + after.KNOWN - 1
            known = max(known, self.freed[1] + 1)
            x_ready = self.input.list_ready(step, self.freed[0] + 1)
            h_ready = self.list_end + after.H_EVENTS
            held = freeze and mode[step] == Mode.SKIP
            self._step(step, (x, h), (x_ready, h_ready), known, held)
            if layer.even and self._jump(step):
                break
        run = self.run_
        run.last_issue, run.last_unit = self.clock, self.list_end
        run.stalls.update(self.stalls)
        return run

    def _jump(self, step: int) -> bool:
        """Go on to the end of steps that are all alike, once the last ones took as long."""
        now = (self.clock, self.list_end, *self.stalls.values())
        self.before.append(now)
        left = self.layer.steps - 1 - step
        if not left or len(self.before) <= _ALIKE:
            return False
        moments = list(self.before)
        period, *others = {
            tuple(b - a for a, b in zip(one, other, strict=True))
            for one, other in pairwise(moments)
        }
        if others:
            return False
        self._note_units(held=False)
        self.clock += left * period[0]
        self.list_end += left * period[1]
        self.run_.unit_times = [moment + left * period[1] for moment in self.run_.unit_times]
        for cause, cycles in zip(self.stalls, period[2:], strict=True):
            self.stalls[cause] += left * cycles
        return True

    def _step(self, step: int, events: tuple[int, int], ready: tuple[int, int], known, held):
        """All blocks of a step: parts of ``events`` operations, whose lists are ready then."""
        follow = self._follow if self.maps is None else self._follow_map
        fetches = follow(step, events, ready) if self.streamed else None
        if self.maps is not None:
            self.maps.begin(step, self.clock)
        for block, part in self.visits:
            fetched = events[part] and not self.flags[block]
            self._visit(step, block, part, events, ready, next(fetches) if fetched else None)
            if part == Part.H:
                done = self.clock + (after.LANES if events[Part.H] else 0)
                taken = max(done + 1, self.feeder_free, 0 if block else known)
                self.taken[block] = taken
                self.feeder_free = taken + self.units[block] * self._cycles(held)
        if step == self.layer.steps - 1:
            self._note_units(held)
        self.list_end = self.feeder_free + self._state(held)
        fetched = self.clock
        if self.streamed:
            fetched = max(self.clock, self._finish(fetches))
        self.freed = [self.freed[1], fetched]

    def _visit(self, step: int, block: int, part: int, events, ready, words):
        """A part of a block: its operations, or the block is passed if h has none."""
        count = events[part]
        if not block and not count and self.maps is not None:
            self.maps.scanner.end_list(ready[part])
        if not count and part == Part.X:
            return
        clock = self.clock + 1
        if part == Part.X or not events[Part.X]:
            clock = self._wait(clock, self.taken[block] + 1, "cell")
        if not events[Part.X]:
            clock = self._wait(clock, ready[Part.X], "input")
        if not count:
            clock = self._wait(clock, ready[Part.H], "hidden")
            clock = self._wait(clock, self.settled, "cell")
        elif self.maps is not None:
            self._scan(block, part, clock, ready[part], words)
            return
        if words and count > 1:
            clock = self._wait(clock, words[0], "weights")
        clock += max(count - 1, 0)
        if count:
            # All but the last event go while the list grows, each when the next is there.
            late = 1 if count > 1 and self.ends[part][step] else 0
            clock = self._wait(clock, ready[part] + late, ("input", "hidden")[part])
        if words:
            clock = self._wait(clock, words[1], "weights")
            self.bus.consumed(count, clock)
        self.clock = clock
        if part == Part.X:
            self.settled = clock + after.LANES

    def _scan(self, block: int, part: int, clock: int, ready: int, words):
        """A part of a block of a layer with a map: its hits, the first from ``clock`` on."""
        cause = "hidden" if part == Part.H else "input"
        hits, done = self.maps.hits(block, part), 0
        self.clock = clock - 1

        def issue(there: int, null: bool) -> int:
            nonlocal done
            clock = self._wait(self.clock + 1, there, cause)
            done += 1
            if words and not null:
                if done == 1 < hits:
                    clock = self._wait(clock, words[0], "weights")
                if done == hits:
                    clock = self._wait(clock, words[1], "weights")
            self.clock = clock
            return clock

        self.maps.scanner.scan(self.maps.words(block, part), ready, issue)
        if words:
            self.bus.consumed(hits, self.clock)
        if part == Part.X:
            self.settled = self.clock + after.LANES

    def _wait(self, now: int, moment: int, cause: str) -> int:
        if moment > now:
            self.stalls[cause] += moment - now
            return moment
        return now

    def _note_units(self, held: bool):
        """When each unit of this step has its state."""
        cycles, state = self._cycles(held), self._state(held)
        self.run_.unit_times = [
            taken + state + cycles * (unit + 1)
            for taken, units in zip(self.taken, self.units, strict=True)
            for unit in range(units)
        ]

    def _follow(self, step: int, events, ready) -> Iterator[tuple[int, int]]:
        """Of each part that is fetched, when its first and its last word are there."""
        layer, last = self.layer, len(self.flags) - 1
        x_beats, _ = part_beats(layer.fields)
        offsets = 0, layer.inputs * x_beats * layer.config.bus_bytes
        base, block_bytes = layer.fields["weights_addr"], layer.fields["block_bytes"]
        for part in Part:
            for block, resident in enumerate(self.flags):
                # Resident blocks are passed without their list, which ends with the last block, or
                # when it is there if it is empty.
                ends = resident and block == last
                if ends or not (resident and (events[part] or self.turn < ready[part])):
                    self.turn = max(self.turn, ready[part])
                if not events[part] and self.turn >= ready[part]:
                    self.turn += 1
                    break
                if resident:
                    self.turn += 1
                    continue
                place = base + block * block_bytes + offsets[part]
                words = self.bus.fetch(place, part, step, self.turn)
                self.turn += events[part]
                yield words

    def _follow_map(self, step: int, events, ready) -> Iterator[tuple[int, int] | None]:
        """As ``_follow``, past words that are not stored; None for a part without hits."""
        for part in Part:
            self.turn = max(self.turn, ready[part])
            if not events[part]:
                self.turn += 1
                continue
            base = self.layer.fields["h_stream_addr" if part == Part.H else "x_stream_addr"]
            for block, resident in enumerate(self.flags):
                if resident:
                    self.turn += 1
                    continue
                hits, words = self.maps.hits(block, part), None
                if hits:
                    runs = self.maps.runs(block, part)
                    words = self.bus.fetch_runs(base, part, runs, hits, self.turn + SCAN)
                self.turn += max(hits, len(self.maps.words(block, part)))
                yield words

    def _finish(self, fetches: Iterator) -> int:
        """Go through the blocks behind the last streamed one; when the lists were gone through."""
        for _ in fetches:
            pass
        return self.turn - 1

    def _cycles(self, held: bool) -> int:
        """Cycles that a unit takes."""
        return self.layer.held_cycles if held else self.layer.unit_cycles

    def _state(self, held: bool) -> int:
        """From the slot of a unit's last gate row to its state."""
        return after.HELD if held else 1 + self.layer.cell
