"""When modes are chosen, and when the lists of x are ready."""

from collections import deque

import numpy as np

from hw import latency as after
from hw.modes import Mode, Plan
from sim.model.timing.columns import SequenceColumns
from sim.model.timing.layer import LayerTiming

__all__ = ["InputTiming"]


class InputTiming:
    """Rows of x on their way: past the mode chooser, then to their lists.

    Parameters
    ----------
    layer : LayerTiming
        What runs.
    columns : SequenceColumns
        Its events.
    bus : FollowBus
        Brings the rows.
    """

    def __init__(self, layer: LayerTiming, columns: SequenceColumns, bus):
        self.layer, self.bus = layer, bus
        fields = layer.fields
        self.mode = columns.mode.tolist()
        self.scored = bool(fields["skip"]) or fields["plan"] == Plan.SCORED
        self.every, self.before = fields["normal_every"], columns.before
        self.score = after.SCORE + ((layer.config.beat_codes - 1).bit_length() + 1) // 2
        beat_codes = layer.config.beat_codes
        self.short = layer.inputs <= 3 * beat_codes
        sizes = [-(-size // beat_codes) for size in layer.segments]
        self.beats = sum(sizes)
        self.kept = 2 * (-(-layer.config.max_input // beat_codes) + 1)
        per_beat = _per_beat(columns.x, layer.segments, beat_codes)
        self.cycles = np.maximum(per_beat, 1)
        # Of each step: whether the cycle that ends its list gives it an event.
        self.ends = (per_beat[:, -1] > 0).tolist()

        # Of each step: when its mode is told, and when the makers of x and h have taken it. That of
        # the first list of h is taken if it goes on from others, else there is none.
        self.told: list[int] = []
        self.x_taken: list[int] = []
        self.h_taken: list[int] = []
        # Of each row: when its beats pass the chooser, and when the last of them is taken.
        self.passed: list[list[int]] = []
        self.row_taken: list[int] = []
        self.chosen = 0
        self.last_pass = 0
        self.last_taken, self.pick_free = 0, 0
        self.picks = deque([0, 0, 0], maxlen=3)

    def tell(self, step: int):
        """Choose the mode of this step, or that behind the last."""
        room, behind = 0, step - after.MODES_AHEAD
        if behind >= 0:
            room = self.x_taken[behind] + 1
        if behind >= 0:
            room = max(room, self.h_taken[behind] + 1)
        begin = self.chosen + 1
        if not self.scored or step == len(self.mode):
            told = max(begin, room)
            if step < len(self.mode):
                self._pass(step, 0)
            self.chosen = told
        else:
            self._pass(step, begin if step else 0)
            scored = self.last_pass + self.score
            if self._due(self.before + step):
                told = max(begin, room)
                self.chosen = max(told + 1, scored)
            else:
                told = max(max(begin + 1, scored) + after.TEST + 1, room)
                self.chosen = told
        self.told.append(told)

    def _due(self, step: int) -> bool:
        """Whether a step is normal whatever its row is."""
        return step % self.every == 0 if self.every else step == 0

    def take_h_mode(self, step: int, complete: int) -> int:
        """When the maker of h has taken the mode of its list of this step."""
        self.h_taken.append(max(complete + 1, self.told[step] + after.MODE))
        return self.h_taken[-1]

    def _pass(self, step: int, open_: int):
        """The row's beats at the maker of events, as early as they can be there."""
        times, last = [], max(self.last_pass, open_ - 1)
        for first, beats in self.bus.row():
            # A beat passes when there is room for it: one of a row before has been taken.
            begin = max(last + 1, first)
            if self.scored:
                behind = (step + 1) * self.beats - self.kept
                row = behind // self.beats
                if 0 <= row < len(self.row_taken):
                    begin = max(begin, self.row_taken[row] + 1 - beats)
            times += range(begin, begin + beats)
            self.bus.passes.extend(times[-beats:])
            last = times[-1]
        self.passed.append(times)
        self.last_pass = last

    def list_ready(self, step: int, freed: int) -> int:
        """When the step's list is ready; a list is free from ``freed`` on."""
        taken = max(self.last_taken + 1, self.told[step] + after.MODE)
        self.x_taken.append(taken)
        begin = max(taken + 1, freed)
        if self.short and self.mode[step] == Mode.DELTA:
            begin = max(begin, self.picks[-1] + 1)
        begin += after.ROW_BEGIN
        taken, pick_free, picks = begin - 1, self.pick_free, self.picks
        for passed, cycles in zip(self.passed[step], self.cycles[step].tolist(), strict=True):
            taken = max(taken + 1, passed + after.ROW_BUFFER, picks[0])
            picked = max(taken + 3, pick_free)
            picks.append(picked)
            pick_free = picked + cycles
        self.row_taken.append(taken)
        self.passed[step] = []
        self.last_taken, self.pick_free = taken, pick_free
        return pick_free + after.X_EVENTS - 3


def _per_beat(events: np.ndarray, segments: list[int], beat_codes: int) -> np.ndarray:
    """Events of each beat, ``[steps, beats]``."""
    parts, first = [], 0
    for size in segments:
        starts = range(first, first + size, beat_codes)
        within = events[:, first : first + size]
        parts.append(np.add.reduceat(within, [start - first for start in starts], 1, dtype=int))
        first += size
    return np.concatenate(parts, axis=1)
