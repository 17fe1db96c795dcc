"""The scanner of maps and lists, against what every bit by itself says."""

import random

import pytest

from hw.maps.layout import MAP_COLUMNS
from hw.maps.scanner import ListScanner


def bits(rng, columns, share):
    return [rng.random() < share for _ in range(columns)]


def words(flags):
    """Words of 64 flags each, as integers."""
    padded = [*flags, *[False] * (-len(flags) % MAP_COLUMNS)]
    return [
        sum(flag << k for k, flag in enumerate(padded[at : at + MAP_COLUMNS]))
        for at in range(0, len(padded), MAP_COLUMNS)
    ]


class Layer:
    """A layer whose columns are stored by chance; its map lies behind some other words."""

    base = 3

    def __init__(self, seed, *, blocks=3, inputs=100, hidden=140, stored=0.3, events=0.5, steps=3):
        rng = random.Random(seed)
        self.blocks, self.sizes = blocks, (inputs, hidden)
        self.resident = [rng.random() < 0.4 for _ in range(blocks)]
        self.stored = [[bits(rng, size, stored) for size in self.sizes] for _ in range(blocks)]
        for part in (part for block in self.stored for part in block):
            part[-1] = True
        # Steps, each with its marks of x and of h.
        self.steps = [[bits(rng, size, events) for size in self.sizes] for _ in range(steps)]
        self.map, place = [(0, 0)] * self.base, 7
        self.first = []
        for block in self.stored:
            for part in block:
                self.first.append(place)
                for k, word in enumerate(words(part)):
                    before = sum(part[: k * MAP_COLUMNS])
                    self.map.append((word, place + before))
                place += sum(part)

    def hits_of(self, steps, *, ahead):
        """Hits of so many steps."""
        every, self.steps = self.steps, self.steps[:steps]
        count = len(list(self.hits(ahead=ahead, base=0)))
        self.steps = every
        return count

    def hits(self, *, ahead, base):
        """(column, place, last, null, hidden) in order."""
        for step in self.steps:
            for hidden, marks in enumerate(step):
                for block in range(self.blocks):
                    if not any(marks) or (ahead and self.resident[block]):
                        continue
                    stored = self.stored[block][hidden]
                    found = [k for k, each in enumerate(stored) if each and marks[k]]
                    first = self.first[2 * block + hidden]
                    for column in found:
                        place = first + sum(stored[:column]) + base
                        yield column, place, column == found[-1], 0, hidden
                    if not found:
                        yield None, None, 1, 1, hidden


class Surroundings:
    """Memories and lists around a scanner, and whoever takes its hits."""

    def __init__(self, layer, *, ahead, base=0, ready=1.0):
        self.layer, self.ahead, self.base, self.ready = layer, ahead, base, ready
        self.expected = list(layer.hits(ahead=ahead, base=base))
        self.found, self.cycles = [], []

    def script(self):
        layer, rng = self.layer, random.Random(1)
        sizes = dict(zip(("input_size", "hidden_size"), layer.sizes, strict=True))
        job = {"mapped": 1, "map_base": layer.base, "blocks": layer.blocks, **sizes}
        yield {"job": job}
        yield {"job": job}
        yield {"job": job, "start": 1}
        word, marks, steps, block = (0, 0), [0, 0], [0, 0], 0
        gone, done = False, False
        for cycle in range(1, 20_000):
            if steps[1] == len(layer.steps) and len(self.found) == len(self.expected):
                return
            row = {
                "job": job,
                "base": self.base,
                "resident": int(layer.resident[block % layer.blocks]),
                "read.word": {"stored": word[0], "before": word[1]},
                "read.x_marks": marks[0],
                "read.h_marks": marks[1],
                "o.ready": int(rng.random() < self.ready),
                "step_done": int(done),
            }
            empty = not any(map(any, layer.steps[min(steps[0], len(layer.steps) - 1)]))
            if empty and layer.blocks == 1 and not self.ahead:
                # The replayer passes a single block as soon as it sees its lists.
                row["step_done"] = int(steps[0] < len(layer.steps))
            for hidden, name in enumerate(("x_list", "h_list")):
                there = steps[hidden] < len(layer.steps)
                empty = there and not any(layer.steps[steps[hidden]][hidden])
                row[name] = {"ready": int(there), "empty": int(empty), "bank": steps[hidden] & 1}
            seen = yield row
            if row["step_done"]:
                steps, gone = [steps[0] + 1] * 2, False
            if seen["read.en"]:
                word = layer.map[seen["read.addr"]]
            for hidden, name in enumerate(("read.x_en", "read.h_en")):
                if seen[name]:
                    marks[hidden] = words(layer.steps[steps[hidden]][hidden])[seen["read.number"]]
            if seen["move"]:
                block = 0 if seen["restart"] else block + 1
            if self.ahead:
                steps = [steps[0] + seen["x_done"], steps[1] + seen["h_done"]]
            if seen["o.valid"] and row["o.ready"]:
                self.found.append(tuple(seen["o.payload"].values()))
                self.cycles.append(cycle)
            gone |= seen["h_done"] and not self.ahead
            done = gone and not row["step_done"] and self._all_of(steps[0])
        raise AssertionError("the scanner hangs")

    def _all_of(self, step):
        """Every hit of a step has been taken."""
        before = self.layer.hits_of(step + 1, ahead=self.ahead)
        return len(self.found) >= before

    def check(self):
        """Each hit as expected; of a null hit only that it is one."""
        wanted = self.expected
        assert len(self.found) == len(wanted)
        for got, want in zip(self.found, wanted, strict=True):
            assert got[2:] == want[2:]
            assert want[3] or got == want


CASES = {
    "some": {},
    "few stored": {"stored": 0.05},
    "few events": {"events": 0.03},
    "none but the last": {"stored": 0.0, "events": 0.1},
    "everything": {"stored": 1.0, "events": 1.0},
    "lists without events": {"events": 0.004},
    "small": {"inputs": 1, "hidden": 5, "blocks": 1},
    "a block that is passed": {"inputs": 9, "hidden": 5, "blocks": 1, "events": 0.06, "steps": 12},
    "whole words": {"inputs": 64, "hidden": 192, "blocks": 4},
}


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("ready", [1.0, 0.3])
@pytest.mark.parametrize("case", CASES)
def test_every_column_that_is_an_event_and_stored_is_found(play, small, case, ready, ahead):
    for seed in range(1 if ready < 1 else 2):
        layer = Layer(seed, **CASES[case])
        config = small(map_words=256, max_input=256, max_hidden=256, weight_words=2048)
        around = Surroundings(layer, ahead=ahead, base=11, ready=ready)
        play(ListScanner(config, ahead=ahead), around.script())
        around.check()
