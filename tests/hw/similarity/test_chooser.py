"""Modes against the definition; rows that pass."""

import random

import pytest

from hw.modes import Middle, Mode, Plan
from hw.similarity.chooser import ModeChooser, choice_latency, row_buffer_depth
from hw.similarity.reference import choose_modes

ROW = 12
"""Columns of a row, in two segments of a beat each."""


def beats_of(row, head):
    """Beats of a row of 8 bytes each."""
    beats = []
    for segment in (row[:head], row[head:]):
        for at in range(0, len(segment), 8):
            part = segment[at : at + 8] + [0x5A] * (8 - len(segment[at : at + 8]))
            beats.append(sum((code & 255) << 8 * k for k, code in enumerate(part)))
    return beats


def make_rows(rng, size, number):
    """Rows of which many are like the one before, or equal to it."""
    rows = [[rng.randrange(-128, 128) for _ in range(size)]]
    while len(rows) < number:
        spread = rng.choice([0, 0, 2, 20, 200])
        near = [max(-128, min(127, code + rng.randint(-spread, spread))) for code in rows[-1]]
        rows.append(near)
    return rows


class Taker:
    """Uses rows and modes as the makers of events do: a row's mode before its beats."""

    def __init__(self, dut, beats, steps, idle, rng):
        self.dut, self.beats, self.steps, self.idle, self.rng = dut, beats, steps, idle, rng
        self.rows, self.x_modes, self.h_modes = [], [], []
        self.x_cycles, self.row_cycles = [], []

    @property
    def done(self):
        """Whether every row and every mode came."""
        return len(self.rows) == self.steps * self.beats and len(self.h_modes) == self.steps

    def drive(self, ctx, cycle):
        """Take a beat only of a row whose mode was taken."""
        going = [self.rng.random() >= self.idle for _ in range(3)]
        ctx.set(self.dut.rows.ready, going[0] and len(self.rows) < self.beats * len(self.x_modes))
        # As the machine does, the mode of a list of h is asked for behind the list before.
        ctx.set(self.dut.x_modes.ready, going[1])
        ctx.set(self.dut.h_modes.ready, going[2])

    def sample(self, ctx, cycle):
        """Keep what moved."""
        for port, items, cycles in (
            (self.dut.rows, self.rows, self.row_cycles),
            (self.dut.x_modes, self.x_modes, self.x_cycles),
            (self.dut.h_modes, self.h_modes, []),
        ):
            if ctx.get(port.valid) and ctx.get(port.ready):
                items.append(ctx.get(port.payload))
                cycles.append(cycle)


class Run:
    """One sequence or more through the component."""

    def __init__(self, tools, rows, head, stalls=(0, 0), rng=None, **fields):
        bench, small, job_of, start, after = tools
        rng, self.config = rng or random.Random(0), small()
        dut = ModeChooser(self.config)
        job = job_of(
            self.config, input_size=len(rows[0]), x_head_size=head, steps=len(rows), **fields
        )
        b = bench(dut, seed=len(rows))
        b.add(start(dut, job))
        self.beats = [beat for row in rows for beat in beats_of(row, head)]
        self.fed = after(b, b.feed(dut.beats, self.beats, stalls[0]))
        per_row = len(self.beats) // len(rows)
        self.taker = b.add(Taker(dut, per_row, len(rows), stalls[1], rng))
        b.run(extra=5)
        expected = choose_modes(rows, fields)
        assert self.taker.x_modes == expected
        # The list behind the last step takes nothing from the one that the next step wants.
        assert self.taker.h_modes == [*expected[1:], Mode.SKIP]
        assert self.taker.rows == self.beats


@pytest.fixture
def run(bench, small, job_of, start, after):
    """Run a sequence and check it against the definition."""
    tools = bench, small, job_of, start, after
    return lambda *args, **options: Run(tools, *args, **options)


def random_job(rng):
    """Any setting of the fields that choose."""
    return {
        "plan": rng.choice(list(Plan)),
        "middle": rng.choice(list(Middle)),
        "skip": rng.randrange(2),
        "previous": rng.randrange(2),
        "skip_distance": rng.choice([0, 500, 5000, 65535]),
        "middle_distance": rng.choice([0, 5000, 12000, 65535]),
        "max_skips": rng.choice([0, 0, 1, 2, 65535]),
        "normal_every": rng.choice([0, 0, 1, 4, 65535]),
        "x_zero": rng.choice([-128, 0, 127]),
    }


@pytest.mark.parametrize("seed", range(24))
def test_modes_match_the_definition(run, seed):
    rng = random.Random(seed)
    size, head = rng.choice([(1, 1), (8, 8), (9, 9), (13, 3), (16, 8), (16, 15)])
    rows = make_rows(rng, size, rng.choice([1, 2, 12]))
    run(rows, head, rng.choice([(0, 0), (0.7, 0), (0.3, 0.8)]), rng, **random_job(rng))


@pytest.mark.parametrize("previous", [0, 1])
@pytest.mark.parametrize("max_skips, normal_every", [(0, 0), (3, 0), (0, 5), (2, 7)])
def test_runs_of_skips_end_as_the_definition_says(run, previous, max_skips, normal_every):
    """Rows that drift: near to the row before, far from the last that was not skipped."""
    rows = [[5 + 2 * k] * ROW for k in range(20)]
    limits = {"skip_distance": 12000, "max_skips": max_skips, "normal_every": normal_every}
    seen = run(rows, 8, skip=1, previous=previous, plan=Plan.MIDDLE, **limits)
    modes = seen.taker.x_modes
    assert Mode.SKIP in modes
    assert Mode.DELTA in modes or (previous and not max_skips)


def test_without_scores_modes_do_not_wait_for_rows(run):
    stalled = run([[1] * ROW] * 8, 8, (0.95, 0), plan=Plan.MIDDLE, normal_every=3)
    cycles = stalled.taker.x_cycles
    assert cycles == list(range(3, 11))


def test_without_scores_beats_pass_in_two_cycles_at_one_a_cycle(run):
    seen = run([[k] * 16 for k in range(8)], 16, plan=Plan.NORMAL)
    # The first row waits for its mode, the others for nothing.
    taken = seen.taker.row_cycles
    assert taken == list(range(taken[0], taken[0] + 16))
    late = run([[k] * 16 for k in range(8)], 16, (0.9, 0), plan=Plan.NORMAL)
    waits = [b - a for a, b in zip(late.fed.cycles[4:], late.taker.row_cycles[4:], strict=True)]
    assert set(waits) == {2}


def test_a_score_takes_as_long_as_is_said(run):
    seen = run([[1] * 16] * 5, 16, plan=Plan.SCORED, middle_distance=5)
    latency = choice_latency(seen.config)
    ends = seen.fed.cycles[1::2]
    told = seen.taker.x_cycles[1:]
    assert told == [end + latency for end in ends[1:]]
    # The next row passes at once when a mode is told.
    assert [seen.fed.cycles[2 * k] - ends[k - 1] for k in range(2, 5)] == [latency - 1] * 3


@pytest.mark.parametrize("fields", [{"plan": Plan.NORMAL}, {"plan": Plan.SCORED}])
def test_two_rows_wait_inside(play, small, job_of, fields):
    """Even where nobody takes the first row, its successor is scored."""
    config = small(max_input=16)
    depth = row_buffer_depth(config)
    rows = [{"job": job_of(config, input_size=16, x_head_size=15, steps=9, **fields), "start": 1}]
    seen = play(ModeChooser(config), [*rows, *[{"beats.valid": 1}] * 120])
    assert sum(row["beats.ready"] for row in seen[1:]) == depth
    assert depth >= 2 * 3


def test_a_queue_of_modes_that_is_not_taken_stops_the_choice_only(play, small, job_of):
    config = small()
    rows = [{"job": job_of(config, input_size=16, steps=9, plan=Plan.MIDDLE), "start": 1}]
    rows += (
        [{}] * 20 + [{"x_modes.ready": 1}] * 20 + [{"x_modes.ready": 1, "h_modes.ready": 1}] * 30
    )
    seen = play(ModeChooser(config), rows)
    x = [row["x_modes.payload"] for row in seen[21:] if row["x_modes.valid"]]
    h = [row["h_modes.payload"] for row in seen[41:] if row["h_modes.valid"]]
    assert x == [Mode.NORMAL, *[Mode.DELTA] * 8]
    assert h == [*[Mode.DELTA] * 8, Mode.SKIP]


@pytest.mark.parametrize("fields", [{"max_skips": 2}, {"normal_every": 3}])
def test_a_second_sequence_counts_afresh(play, small, job_of, fields):
    config = small()
    near = {"skip": 1, "skip_distance": 65535, **fields}
    begin = {"job": job_of(config, input_size=8, steps=5, **near), "start": 1}
    taking = {"x_modes.ready": 1, "h_modes.ready": 1, "rows.ready": 1, "beats.valid": 1}
    seen = play(ModeChooser(config), [*[begin, *[taking] * 200]] * 2)
    told = [row["x_modes.payload"] for row in seen if row["x_modes.valid"]]
    assert told == choose_modes([[0] * 8] * 5, near) * 2


@pytest.mark.parametrize("seed", range(16))
def test_a_sequence_goes_on_from_what_its_keeper_kept(play, small, job_of, seed):
    """Two directions in turn, in pieces: each as if it ran alone and whole."""
    rng, config = random.Random(seed), small()
    rows = {keeper: make_rows(rng, 8, 12) for keeper in (0, 5)}
    fields = {k: random_job(rng) | {"keeper": k, "row_base": k % 4} for k in rows}
    x, h = ({keeper: [] for keeper in rows} for _ in range(2))

    def script():
        for first, end in ((0, 4), (4, 5), (5, 12)):
            for keeper, codes in rows.items():
                piece = {"steps": end - first, "resume": int(first > 0)}
                job = job_of(config, input_size=8, **fields[keeper], **piece)
                for start in (0, 0, 0, 0, 1):
                    yield {"job": job, "start": start}
                beats = [beat for row in codes[first:end] for beat in beats_of(row, 8)]
                taking = {"x_modes.ready": 1, "h_modes.ready": 1, "rows.ready": 1}
                for _ in range(60 * (end - first)):
                    more = {"beats.valid": 1, "beats.payload": beats[0]} if beats else {}
                    seen = yield taking | more
                    if more and seen["beats.ready"]:
                        beats.pop(0)
                    for name, told in (("x_modes", x), ("h_modes", h)):
                        if seen[f"{name}.valid"]:
                            told[keeper].append(seen[f"{name}.payload"])

    play(ModeChooser(config), script())
    for keeper, codes in rows.items():
        expected = choose_modes(codes, fields[keeper])
        assert x[keeper] == expected
        assert h[keeper] == [
            *[*expected[1:4], Mode.SKIP],
            *[expected[4], Mode.SKIP],
            *[*expected[5:], Mode.SKIP],
        ]
