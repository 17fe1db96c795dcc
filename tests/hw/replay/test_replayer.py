"""Operations of a sequence against the loops that define them."""

import random
from dataclasses import dataclass

import pytest

from hw.latency import LANES
from hw.modes import Mode
from hw.multipliers.masked import MaskedArray
from hw.replay.replayer import Replayer


def is_resident(block, job):
    """The rule of the descriptor."""
    kept, blocks = job["resident_blocks"], job["blocks"]
    return (block + 1) * kept // blocks > block * kept // blocks


def level_of(mode, job):
    """Level of the multiplier in a step."""
    middle = {Mode.DELTA: "delta_level", Mode.REDUCED: "reduced_level"}
    return job.get(middle[mode], 0) if mode in middle else 0


def places(job):
    """(block, it is resident, word address of its columns) in order."""
    base = job["resident_base"]
    for block in range(job["blocks"]):
        resident = is_resident(block, job)
        yield block, resident, base
        base += (job["input_size"] + job["hidden_size"]) * resident


def operations(job, steps):
    """The operations in order, each with its step; a passed block is one without ``first``."""
    for step, (mode, *events) in enumerate(steps):
        for hidden, count in enumerate(events):
            for block, resident, base in places(job):
                if hidden and not count:
                    yield step, {"block": block, "block_end": 1}
                for index in range(count):
                    last = index == count - 1
                    yield (
                        step,
                        {
                            "hidden": hidden,
                            "bank": step % 2,
                            "slot": 0,
                            "index": index,
                            "weight_base": base + hidden * job["input_size"] if resident else None,
                            "streamed": not resident,
                            "first": index == 0,
                            "last": last,
                            "fresh": mode in (Mode.NORMAL, Mode.REDUCED),
                            "block": block,
                            "block_end": last and hidden,
                            "level": level_of(mode, job),
                        },
                    )


class Growth:
    """The list of x, or of h, of the current step, made event by event at random.

    Behind it the next list begins, of which ``ahead`` events are made before its step begins.
    """

    def __init__(self, world, lengths):
        self.world, self.lengths, self.step = world, [*lengths, 0], -1
        self.made, self.ahead, self.state, self.early = 0, 0, "grows", 0

    def grow(self, number, begun, ends, next_begun):
        """The growing view in this step: its list may have begun, and may end; so may the next."""
        rng, length = self.world.rng, self.lengths[number]
        if self.step != number:
            self.step, self.made, self.ahead, self.state = number, self.ahead, 0, "grows"
        if self.state == "complete" or (self.world.ready == 1 and ends):
            self.state = "ready"
        elif rng.random() < self.world.ready:
            if self.state == "ready":
                self.ahead += next_begun and self.ahead < self.lengths[number + 1]
            elif begun and self.made < length:
                self.made += 1
            elif self.made == length and ends:
                self.state = "complete"
        made = self.ahead if self.state == "ready" else self.made
        newest = made - 1 if made else rng.randrange(16)
        return {"some": int(self.state != "complete" and made > 0), "newest": newest}


@dataclass
class World:
    """What surrounds the replayer: lists, streamed words and the cell unit, ready at random."""

    job: dict
    steps: list
    rng: random.Random
    ready: float
    opened: int = 0
    taken: int = 0
    settled: int = 0

    def __post_init__(self):
        self.x, self.h = (Growth(self, [step[k] for step in self.steps]) for k in (1, 2))

    def inputs(self, number, step):
        """Inputs of a cycle; of a list that is not ready, views are noise but for mode and bank."""
        blocks = self.job["blocks"]
        begun = not number or self.taken > (number - 1) * blocks
        ends, next_begun = self.taken >= number * blocks, self.taken > number * blocks
        row = {
            "x_growing": self.x.grow(number, True, True, True),
            "h_growing": self.h.grow(number, begun, ends, next_begun),
        }
        names = ("x_list", "h_list"), (self.x, self.h), step[1:]
        for name, growth, length in zip(*names, strict=True):
            there = growth.state == "ready"
            row[name] = {
                "ready": there,
                "empty": there and length == 0,
                "last": length - 1 if there and length else self.rng.randrange(16),
                "single": length == 1 if there and length else self.rng.randrange(2),
                "mode": step[0] if there or growth.made else self.rng.choice(list(Mode)),
                "bank": number % 2,
            }
        row["streamed_ready"] = self.rng.random() < self.ready
        row["streamed_addr"] = self.rng.randrange(64, 80)
        row["block_taken"] = self.opened > self.taken and self.rng.random() < self.ready
        return row

    def stall(self, op, step, row, cycle):
        """What the operation or passed block waits for; None if it may go."""
        x_ready, h_ready = row["x_list"]["ready"], row["h_list"]["ready"]
        passed = "first" not in op
        x_early, h_early = (not passed and op["index"] < part.early for part in (self.x, self.h))
        for part, grown in ((self.x, row["x_growing"]), (self.h, row["h_growing"])):
            part.early = grown["newest"] if grown["some"] else 0
        full = self.opened - self.taken == self.job["blocks"]
        if full and opens(op, step) and not (passed and x_ready and h_ready):
            return "cell"
        if not x_ready and (passed or op["hidden"] or not x_early):
            return "input"
        if (passed or op["hidden"]) and not (h_ready or h_early):
            return "hidden"
        if passed:
            return "cell" if cycle < self.settled else None
        return "weights" if op["streamed"] and not row["streamed_ready"] else None


def opens(op, step):
    """Whether the first part of a block begins, or a block without events is passed."""
    if "first" not in op:
        return step[1] == 0
    return op["first"] and not (op["hidden"] and step[1])


def run_sequence(play, config, job, steps, ready, seed=0):
    """Play a sequence, checking every cycle; returns the cycles in which anything was issued."""
    world = World(job, steps, random.Random(seed), ready)
    issued = []

    def script():
        yield {"job": job, "start": 1}
        cycle, frozen = 1, None
        todo = list(operations(job, steps))
        while todo:
            assert cycle < 20000
            number, expected = todo[0]
            row = world.inputs(number, steps[number])
            seen = yield row
            cause = world.stall(expected, steps[number], row, cycle)
            passed = "first" not in expected
            assert seen["active"] and seen["op_valid"] == (cause is None and not passed)
            assert seen["passed"] == (cause is None and passed)
            assert seen["stall"] == {k: k == cause for k in ("input", "hidden", "weights", "cell")}
            assert frozen is None or seen["frozen"] == frozen
            goes = seen["op_valid"] or seen["passed"]
            done = goes and expected["block_end"]
            assert seen["step_done"] == bool(done and expected["block"] == job["blocks"] - 1)
            world.taken += row["block_taken"]
            if goes:
                if not passed:
                    check_operation(seen, dict(expected), row, job, config)
                    if expected["last"] and not expected["hidden"]:
                        world.settled = cycle + LANES
                world.opened += opens(expected, steps[number])
                issued.append(cycle)
                todo.pop(0)
            if done:
                frozen = job["freeze"] and steps[number][0] == Mode.SKIP
            cycle += 1
        for _ in range(5):
            ready_list = {"ready": 1}
            seen = yield {"x_list": ready_list, "h_list": ready_list, "streamed_ready": 1}
            assert not (seen["active"] or seen["op_valid"] or any(seen["stall"].values()))

    play(Replayer(config), script())
    return issued


def check_operation(seen, expected, row, job, config):
    """An operation is what it must be, and so is the number of its block's units."""
    if expected["weight_base"] is None:
        expected["weight_base"] = row["streamed_addr"]
    assert seen["op"] == expected
    tail = expected["block"] == job["blocks"] - 1
    assert seen["op_units"] == (job["tail_units"] if tail else config.units_per_block)


LAYERS = [(1, 1, 0), (1, 1, 1), (3, 2, 1), (5, 4, 0), (4, 5, 2), (2, 7, 4), (16, 16, 1)]
"""Inputs, hidden units, resident blocks."""


def some_steps(rng, inputs, hidden, count):
    """Steps of any mode: a normal one first, lists as short as their mode allows."""
    steps = [(Mode.NORMAL, inputs, hidden)]
    for _ in range(count - 1):
        mode = rng.choice(list(Mode))
        if mode == Mode.SKIP:
            steps.append((mode, 0, 0))
        elif mode == Mode.DELTA:
            steps.append((mode, rng.choice([0, rng.randint(0, inputs)]), rng.randint(0, hidden)))
        else:
            steps.append((mode, rng.randint(1, inputs), rng.randint(1, hidden)))
    return steps


@pytest.mark.parametrize("inputs, hidden, kept", LAYERS)
@pytest.mark.parametrize("freeze", [0, 1])
@pytest.mark.parametrize("ready", [0.4, 0.9])
def test_every_event_is_issued_for_every_block_of_every_step(
    play, small, job_of, inputs, hidden, kept, freeze, ready
):
    count = 3 if inputs == 16 else 9
    config, rng = small(weight_words=128, multiplier=MaskedArray()), random.Random(inputs)
    sizes = {"input_size": inputs, "hidden_size": hidden, "steps": count, "freeze": freeze}
    levels = {"delta_level": 2, "reduced_level": 1}
    job = job_of(config, resident_blocks=kept, resident_base=7, **levels, **sizes)
    run_sequence(play, config, job, some_steps(rng, inputs, hidden, count), ready)


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_an_operation_is_issued_every_cycle_from_the_one_after_start(play, small, job_of, kept):
    config = small()
    sizes = {"input_size": 3, "hidden_size": 6, "steps": 4, "freeze": 0}
    job = job_of(config, resident_blocks=kept, resident_base=0, **sizes)
    issued = run_sequence(play, config, job, [(Mode.NORMAL, 3, 6)] * 4, 1.0)
    assert issued[: 3 * 9 + 3] == list(range(1, 1 + 3 * 9 + 3))


def test_without_events_of_x_a_step_begins_with_those_of_h_and_without_those_passes_blocks(
    play, small, job_of
):
    config = small()
    sizes = {"input_size": 3, "hidden_size": 6, "steps": 3, "freeze": 0}
    job = job_of(config, resident_blocks=3, resident_base=0, **sizes)
    steps = [(Mode.NORMAL, 3, 6), (Mode.DELTA, 0, 3), (Mode.DELTA, 0, 0)]
    issued = run_sequence(play, config, job, steps, 1.0)
    assert issued == list(range(1, 1 + 3 * (9 + 3 + 1)))


def test_blocks_without_events_of_h_are_passed_when_their_sums_of_x_are_there(play, small, job_of):
    config = small()
    sizes = {"input_size": 3, "hidden_size": 6, "steps": 2, "freeze": 0}
    job = job_of(config, resident_blocks=3, resident_base=0, **sizes)
    issued = run_sequence(play, config, job, [(Mode.NORMAL, 3, 6), (Mode.DELTA, 2, 0)], 1.0)
    begin = 1 + 3 * 9
    last = begin + 3 * 2 - 1
    assert issued[27:] == [*range(begin, last + 1), *range(last + LANES, last + LANES + 3)]


def test_events_of_h_go_while_their_list_grows_but_for_the_newest(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=4, steps=1, resident_blocks=2)
    x = {"ready": 1, "empty": 1, "mode": int(Mode.DELTA)}
    grown = {"x_list": x, "h_list": {"bank": 1}}
    grows = [grown | {"h_growing": {"some": 1, "newest": k}} for k in (0, 1, 2, 2)]
    ends = grown | {"h_growing": {"some": 0, "newest": 3}}
    there = {"x_list": x, "h_list": {"ready": 1, "last": 3, "bank": 1}}
    seen = play(Replayer(config), [{"job": job, "start": 1}, *grows, ends, *[there] * 7])
    issued = [(cycle, row["op"]) for cycle, row in enumerate(seen) if row["op_valid"]]
    assert [(cycle, op["index"]) for cycle, op in issued[:5]] == [
        (3, 0),
        (4, 1),
        (6, 2),
        (7, 3),
        (8, 0),
    ]
    assert {op["bank"] for _, op in issued} == {1}
    assert [op["last"] for _, op in issued] == [0, 0, 0, 1] * 2


@pytest.mark.parametrize("mode", [Mode.NORMAL, Mode.DELTA])
def test_events_of_x_go_while_their_list_grows_in_its_mode(play, small, job_of, mode):
    config = small()
    job = job_of(config, hidden_size=4, steps=1, resident_blocks=2)
    known = {"mode": int(mode), "bank": 0}
    grows = [{"x_list": known, "x_growing": {"some": 1, "newest": k}} for k in (0, 1, 2, 2)]
    ends = {"x_list": known, "x_growing": {"some": 0, "newest": 3}}
    there = {"x_list": known | {"ready": 1, "last": 3}}
    seen = play(Replayer(config), [{"job": job, "start": 1}, *grows, ends, *[there] * 7])
    issued = [(cycle, row["op"]) for cycle, row in enumerate(seen) if row["op_valid"]]
    assert [cycle for cycle, _ in issued] == [3, 4, *range(6, 12)]
    assert [op["index"] for _, op in issued] == [0, 1, 2, 3] * 2
    assert [op["last"] for _, op in issued] == [0, 0, 0, 1] * 2
    assert {op["fresh"] for _, op in issued} == {mode == Mode.NORMAL}
    waits = [cycle for cycle, row in enumerate(seen) if row["stall"]["input"]]
    assert waits == [1, 2, 5]


def both_lists(**view):
    """Ports of two lists that are alike."""
    return {"x_list": view, "h_list": view}


def test_a_block_waits_for_the_cell_unit_to_take_the_oldest_sums(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=3, steps=3, resident_blocks=2)
    ready = both_lists(ready=1, last=1)
    rows = [{"job": job, "start": 1}, *[ready] * 12, ready | {"block_taken": 1}, *[ready] * 8]
    seen = play(Replayer(config), rows)
    issued = [cycle for cycle, row in enumerate(seen) if row["op_valid"]]
    assert issued == [*range(1, 9), 14, 15]
    waits = [cycle for cycle, row in enumerate(seen) if row["stall"]["cell"]]
    assert waits == [*range(9, 14), *range(16, 22)]


def test_sums_of_a_single_block_wait_for_the_cell_unit_in_delta_mode_too(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=2, steps=3, resident_blocks=1)
    ready = both_lists(ready=1, single=1, mode=int(Mode.DELTA))
    rows = [{"job": job, "start": 1}, *[ready] * 4, ready | {"block_taken": 1}, *[ready] * 4]
    issued = [cycle for cycle, row in enumerate(play(Replayer(config), rows)) if row["op_valid"]]
    assert issued == [1, 2, 6, 7]


def test_a_sequence_begins_afresh(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=2, steps=1, resident_blocks=1, resident_base=5)
    ready = both_lists(ready=1, last=1)
    seen = play(Replayer(config), [{"job": job, "start": 1}, *[ready] * 6] * 2)
    assert seen[1:7] == seen[8:14]
    assert [row["op_valid"] for row in seen[8:14]] == [1, 1, 1, 1, 0, 0]
