"""Gate rows of finished blocks against the sums they are cut from."""

import random

import pytest

from hw.cell.feeder import CellFeeder


class World:
    """The accumulator bank, which answers two cycles later and holds, and the far end."""

    def __init__(self, config, job, steps, rng, ready):
        self.config, self.job, self.rng, self.ready = config, job, rng, ready
        low, high = -(1 << config.acc_width - 1), (1 << config.acc_width - 1) - 1
        total = steps * job["blocks"]
        self.sums = [
            [[rng.randint(low, high) for _ in range(config.lanes)] for _ in range(2)]
            for _ in range(total)
        ]
        self.finished, self.taken, self.left = 0, 0, 0
        self.answer = self.coming = [[0] * config.lanes] * 2
        self.rows, self.asked = [], []

    @property
    def entered(self):
        """Units whose last rows are out."""
        return len(self.rows) // (4 // self.config.cell_lanes)

    def inputs(self):
        """Inputs of a cycle: at most as many blocks ahead as the layer has."""
        blocks = self.job["blocks"]
        room = self.finished < len(self.sums) and self.finished - self.taken < blocks
        done = room and self.rng.random() < self.ready[0]
        units = len(self.rows) // (4 // self.config.cell_lanes)
        leave = self.left < units and self.rng.random() < self.ready[1]
        self.pulses = (done, leave)
        x, h = self.answer
        return {"block_done": done, "unit_left": leave, "acc_x": x, "acc_h": h, "known": 1}

    def see(self, seen, cycle):
        """Take the outputs of a cycle."""
        self.answer = self.coming
        if seen["block_taken"]:
            assert self.finished > self.taken, "a block was taken before it was finished"
            assert seen["block"] == self.taken % self.job["blocks"]
            self.coming = self.sums[self.taken]
            self.taken += 1
        if seen["state_en"]:
            self.asked.append(seen["unit"])
        assert seen["rows_en"] == seen["state_en"]
        if seen["o_valid"]:
            self.rows.append((cycle, seen["o_phase"], seen["o_acc_x"], seen["o_acc_h"]))
        self.finished += self.pulses[0]
        self.left += self.pulses[1]


def expected_rows(world, job, config):
    """Phase and sums of all rows that must come, and the units in their order."""
    lanes = config.cell_lanes
    rows, units = [], []
    for number, (x, h) in enumerate(world.sums):
        block = number % job["blocks"]
        count = job["tail_units"] if block == job["blocks"] - 1 else config.units_per_block
        for at in range(0, 4 * count, lanes):
            rows.append((at % 4 // lanes, x[at : at + lanes], h[at : at + lanes]))
            if at % 4 == 0:
                units.append(block * config.units_per_block + at // 4)
    return rows, units


def run_feeder(play, config, job, steps, ready, in_flight=64, seed=0):
    """Play whole steps; returns the world and the cycles of ``block_done`` and ``block_taken``."""
    world = World(config, job, steps, random.Random(seed), ready)
    done, taken = [], []

    def script():
        yield {"job": job, "start": 1}
        rows, _ = expected_rows(world, job, config)
        cycle, extra = 1, 6
        while extra:
            assert cycle < 5000, "the feeder hangs"
            row = world.inputs()
            seen = yield row
            world.see(seen, cycle)
            done.extend([cycle] * row["block_done"])
            taken.extend([cycle] * seen["block_taken"])
            assert world.entered - world.left + world.pulses[1] <= in_flight
            cycle += 1
            extra -= len(world.rows) >= len(rows) and world.taken == len(world.sums)

    play(CellFeeder(config, in_flight=in_flight), script())
    return world, done, taken


@pytest.mark.parametrize("cell_lanes", [1, 2, 4])
@pytest.mark.parametrize("hidden", [1, 2, 5, 8])
@pytest.mark.parametrize("row_cycles", [1, 2])
@pytest.mark.parametrize("ready, in_flight", [((1, 1), 64), ((0.1, 0.5), 3), ((0.9, 0.2), 2)])
def test_rows_are_the_sums_in_order(
    play, small, job_of, cell_lanes, row_cycles, hidden, ready, in_flight
):
    config = small(cell_lanes=cell_lanes, row_cycles=row_cycles)
    job = job_of(config, hidden_size=hidden)
    world, _, _ = run_feeder(play, config, job, 3, ready, in_flight, seed=hidden)
    rows, units = expected_rows(world, job, config)
    assert [row[1:] for row in world.rows] == rows
    assert world.asked == units


@pytest.mark.parametrize("cell_lanes", [1, 2, 4])
def test_rows_come_every_cycle_from_four_cycles_after_the_block_is_done(
    play, small, job_of, cell_lanes
):
    config = small(cell_lanes=cell_lanes)
    job = job_of(config, hidden_size=7)
    world, done, taken = run_feeder(play, config, job, 3, (1, 1))
    assert taken[0] == done[0] + 1
    rows = 3 * 7 * 4 // cell_lanes
    assert [row[0] for row in world.rows] == list(range(done[0] + 4, done[0] + 4 + rows))


@pytest.mark.parametrize("cell_lanes", [1, 2, 4])
def test_rows_stand_for_two_cycles_where_that_is_configured(play, small, job_of, cell_lanes):
    config = small(cell_lanes=cell_lanes, row_cycles=2)
    job = job_of(config, hidden_size=7)
    world, done, _ = run_feeder(play, config, job, 3, (1, 1))
    first, rows = done[0] + 5, 3 * 7 * 4 // cell_lanes
    assert [row[0] for row in world.rows] == list(range(first, first + 2 * rows, 2))


def test_units_that_hold_their_state_pass_a_row_a_cycle_in_any_configuration(play, small, job_of):
    seen = _two_units(play, small, job_of, frozen=1, row_cycles=2)
    assert [row["o_held"] for row in seen] == [0, 0, 0, 0, 0, 0, 1, 0, 1, 0]


def _two_units(play, small, job_of, frozen, row_cycles=1):
    """What is seen of a block of two units, whose rows are two each."""
    config = small(cell_lanes=2, row_cycles=row_cycles)
    always = {"known": 1, "frozen": frozen}
    first = {"job": job_of(config, hidden_size=2), "start": 1, **always}
    rows = [first, {"block_done": 1, **always}, *[always] * 8]
    return play(CellFeeder(config, in_flight=8), rows)


def test_the_unit_store_is_asked_once_in_the_cycle_before_the_first_rows(play, small, job_of):
    seen = _two_units(play, small, job_of, frozen=0)
    assert [row["state_en"] for row in seen] == [0, 0, 0, 0, 1, 0, 1, 0, 0, 0]
    assert [row["rows_en"] for row in seen] == [0, 0, 0, 0, 1, 0, 1, 0, 0, 0]
    assert [row["o_valid"] for row in seen] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 0]


def test_of_a_unit_that_holds_its_state_only_the_state_is_read(play, small, job_of):
    seen = _two_units(play, small, job_of, frozen=1)
    assert [row["state_en"] for row in seen] == [0, 0, 0, 0, 1, 0, 1, 0, 0, 0]
    assert not any(row["rows_en"] or row["o_valid"] for row in seen)
    assert [row["o_held"] for row in seen] == [0, 0, 0, 0, 0, 0, 1, 0, 1, 0]


def test_it_waits_while_the_far_end_may_be_full(play, small, job_of):
    config = small()
    rows = [{"job": job_of(config, hidden_size=8), "start": 1}, *[{"block_done": 1}] * 4]
    rows += [*[{}] * 6, {"unit_left": 1}, *[{}] * 4, *[{"unit_left": 1}] * 2, *[{}] * 4]
    seen = play(CellFeeder(config, in_flight=3), [row | {"known": 1} for row in rows])
    came = [cycle for cycle, row in enumerate(seen) if row["o_valid"]]
    assert came == [5, 6, 7, 14, 19, 20]


def test_a_start_begins_again_at_block_0_and_unit_0(play, small, job_of):
    config = small()
    first = {"job": job_of(config, hidden_size=6), "start": 1}
    sequence = [first, *[{"block_done": 1}] * 2, *[{}] * 7]
    sequence = [row | {"known": 1} for row in sequence]
    seen = play(CellFeeder(config, in_flight=8), sequence * 2)
    assert seen[1:10] == seen[11:20]
    assert [row["block"] for row in seen[11:] if row["block_taken"]] == [0, 1]
    assert [row["unit"] for row in seen[11:] if row["state_en"]] == [0, 1, 2, 3]


def test_the_first_block_of_a_step_waits_until_the_next_mode_is_known(play, small, job_of):
    rows = [{"job": job_of(small(), hidden_size=4), "start": 1}, *[{"block_done": 1}] * 2]
    rows += [*[{}] * 3, {"known": 1}, *[{}] * 8, {"block_done": 1}, *[{}] * 3]
    seen = play(CellFeeder(small(), in_flight=8), rows)
    assert [(cycle, row["block"]) for cycle, row in enumerate(seen) if row["block_taken"]] == [
        (6, 0),
        (8, 1),
    ]


@pytest.mark.parametrize("cell_lanes", [1, 4])
def test_units_that_hold_their_state_send_no_rows(play, small, job_of, cell_lanes):
    config = small(cell_lanes=cell_lanes)
    first = {"job": job_of(config, hidden_size=2), "start": 1}
    rows = [first, {"block_done": 1}, *[{}] * 12]
    seen = play(CellFeeder(config, in_flight=8), [row | {"known": 1, "frozen": 1} for row in rows])
    assert not any(row["o_valid"] for row in seen)
    phases = 4 // cell_lanes
    held = [cycle for cycle, row in enumerate(seen) if row["o_held"]]
    assert held == [4 + phases, 4 + 2 * phases]
