"""Operations of a sequence against the loops that define them."""

import random
from dataclasses import dataclass

import pytest

from hw.events.replayer import Replayer


def is_resident(block, job):
    """The rule of the descriptor."""
    kept, blocks = job["resident_blocks"], job["blocks"]
    return (block + 1) * kept // blocks > block * kept // blocks


def operations(job, x_lists, h_lists):
    """The operations in order; ``weight_base`` of a streamed one is None."""
    for step, lists in enumerate(zip(x_lists, h_lists, strict=True)):
        base = job["resident_base"]
        for block in range(job["blocks"]):
            resident = is_resident(block, job)
            for hidden, events in enumerate(lists):
                for index in range(events):
                    yield {
                        "hidden": hidden,
                        "bank": step % 2,
                        "index": index,
                        "weight_base": base + hidden * job["input_size"] if resident else None,
                        "streamed": not resident,
                        "first": index == 0,
                        "last": index == events - 1,
                        "block": block,
                        "block_end": hidden and index == events - 1,
                    }
            base += (job["input_size"] + job["hidden_size"]) * resident


@dataclass
class World:
    """What surrounds the replayer: lists, streamed words and the cell unit, ready at random."""

    job: dict
    rng: random.Random
    ready: float
    opened: int = 0
    taken: int = 0

    def inputs(self, lengths):
        """Inputs of a cycle; the lasts are noise where no list is ready."""
        row = {name: self.rng.random() < self.ready for name in ("x_ready", "h_ready")}
        for name, length in zip(("x", "h"), lengths, strict=True):
            row[f"{name}_last"] = length - 1 if row[f"{name}_ready"] else self.rng.randrange(16)
        row["streamed_ready"] = self.rng.random() < self.ready
        row["streamed_addr"] = self.rng.randrange(64, 80)
        row["block_taken"] = self.opened > self.taken and self.rng.random() < self.ready
        return row

    def stall(self, op, row):
        """What the operation waits for; None if it may go."""
        opening = not op["hidden"] and op["first"]
        if opening and self.opened - self.taken == self.job["blocks"]:
            return "cell"
        if not row["h_ready" if op["hidden"] else "x_ready"]:
            return "hidden" if op["hidden"] else "input"
        return "weights" if op["streamed"] and not row["streamed_ready"] else None


def run_sequence(play, config, job, lists, ready, seed=0):
    """Play a sequence, checking every cycle; returns the cycles in which operations were issued."""
    world = World(job, random.Random(seed), ready)
    issued = []

    def script():
        yield {"job": job, "start": 1}
        cycle, step = 1, 0
        todo = list(operations(job, *lists))
        while todo:
            assert cycle < 20000
            row = world.inputs((lists[0][step], lists[1][step]))
            seen = yield row
            expected = dict(todo[0])
            cause = world.stall(expected, row)
            assert seen["active"] and seen["op_valid"] == (cause is None)
            assert seen["stall"] == {k: k == cause for k in ("input", "hidden", "weights", "cell")}
            done = seen["op_valid"] and expected["block_end"]
            step_ends = bool(done and expected["block"] == job["blocks"] - 1)
            assert seen["step_done"] == step_ends
            world.taken += row["block_taken"]
            if seen["op_valid"]:
                check_operation(seen, expected, row, job, config)
                world.opened += expected["first"] and not expected["hidden"]
                issued.append(cycle)
                todo.pop(0)
                step += step_ends
            cycle += 1
        for _ in range(5):
            seen = yield {"x_ready": 1, "h_ready": 1, "streamed_ready": 1}
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


@pytest.mark.parametrize("inputs, hidden, kept", LAYERS)
@pytest.mark.parametrize("ready", [0.4, 0.9])
def test_every_event_is_issued_for_every_block_of_every_step(
    play, small, job_of, inputs, hidden, kept, ready
):
    steps = 2 if inputs == 16 else 5
    config, rng = small(weight_words=128), random.Random(inputs)
    sizes = {"input_size": inputs, "hidden_size": hidden, "steps": steps}
    job = job_of(config, resident_blocks=kept, resident_base=7, **sizes)
    # Lists may be shorter than the vectors: a mode may leave events out.
    lists = [[rng.randint(1, size) for _ in range(steps)] for size in (inputs, hidden)]
    run_sequence(play, config, job, lists, ready)


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_an_operation_is_issued_every_cycle_from_the_one_after_start(play, small, job_of, kept):
    config = small()
    sizes = {"input_size": 3, "hidden_size": 6, "steps": 4}
    job = job_of(config, resident_blocks=kept, resident_base=0, **sizes)
    issued = run_sequence(play, config, job, [[3] * 4, [6] * 4], 1.0)
    assert issued == list(range(1, 1 + 4 * 3 * 9))


def test_a_block_waits_for_the_cell_unit_to_take_the_oldest_sums(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=3, steps=3, resident_blocks=2)
    ready = {"x_ready": 1, "h_ready": 1, "h_last": 2}
    rows = [{"job": job, "start": 1}, *[ready] * 12, ready | {"block_taken": 1}, *[ready] * 8]
    seen = play(Replayer(config), rows)
    issued = [cycle for cycle, row in enumerate(seen) if row["op_valid"]]
    assert issued == [*range(1, 9), *range(14, 18)]
    waits = [cycle for cycle, row in enumerate(seen) if row["stall"]["cell"]]
    assert waits == [*range(9, 14), *range(18, 22)]


def test_a_sequence_begins_afresh(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=2, steps=1, resident_blocks=1, resident_base=5)
    ready = {"x_ready": 1, "h_ready": 1, "h_last": 1}
    seen = play(Replayer(config), [{"job": job, "start": 1}, *[ready] * 6] * 2)
    assert seen[1:7] == seen[8:14]
    assert [row["op_valid"] for row in seen[8:14]] == [1, 1, 1, 0, 0, 0]
