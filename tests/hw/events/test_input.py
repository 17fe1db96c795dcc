"""Rows of x: what is asked for, and the events that are made of it."""

import random

import pytest

from hw.axi.bursts import request_layout
from hw.events.input import InputEvents, InputRequester
from hw.modes import Mode, Plan

REQUEST = request_layout(32, 20)
SEGMENTS = [(1, 1), (8, 8), (9, 9), (16, 16), (2, 1), (16, 8), (16, 15), (13, 3)]
"""Input sizes and the part of them in the first segment."""


@pytest.mark.parametrize("size, head", SEGMENTS)
def test_every_segment_of_every_row_is_asked_for(bench, small, job_of, start, after, size, head):
    config, stride = small(), 16 if head == size else -24
    rows = {"x_addr": 0x1000, "x_tail_addr": 0x8000, "x_step_stride": stride, "steps": 5}
    job = job_of(config, input_size=size, x_head_size=head, **rows)
    dut = InputRequester(config, REQUEST)
    b = bench(dut, seed=size)
    b.add(start(dut, job, offset=0x400))
    expected = []
    for step in range(5):
        expected.append({"addr": 0x1400 + stride * step, "beats": -(-head // 8)})
        if head != size:
            tail = {"addr": 0x8400 + stride * step, "beats": -(-(size - head) // 8)}
            expected.append(tail)
    out = after(b, b.drain(dut.request, len(expected), 0.4))
    b.run(extra=10)
    assert out.items == expected


def test_a_request_leaves_every_cycle_from_the_one_after_start(bench, small, job_of, start):
    config = small()
    dut = InputRequester(config, REQUEST)
    b = bench(dut)
    b.add(start(dut, job_of(config, input_size=9, x_head_size=1, steps=3)))
    out = b.drain(dut.request, 6)
    b.run(extra=3)
    assert out.cycles == [1, 2, 3, 4, 5, 6]


def test_a_request_stands_until_it_is_taken(prover, small, one_start):
    def properties(m, dut):
        one_start(m, dut)
        prover.stable(m, dut.request.valid, dut.request.ready, dut.request.payload)

    prover.run(InputRequester(small(), REQUEST), properties, 10)


def row_beats(codes, head):
    """Beats of a row: two segments padded with noise to whole beats."""
    beats = []
    for segment in (codes[:head], codes[head:]):
        for at in range(0, len(segment), 8):
            part = segment[at : at + 8]
            part = part + [0x5A] * (8 - len(part))
            beats.append(sum((code & 255) << 8 * k for k, code in enumerate(part)))
    return beats


MIXED = {"plan": Plan.MIDDLE, "skip": 1}
"""A job whose steps may be of any mode."""


class Run:
    """One sequence through the component."""

    def __init__(self, tools, rows, head, modes, stalls=(0, 0, 0), rng=None, follow=0, **fields):
        bench, small, job_of, start, after, list_user = tools
        rng, config = rng or random.Random(0), small(max_input=64)
        dut = InputEvents(config)
        b = bench(dut, seed=len(rows))
        b.add(start(dut, job_of(config, input_size=len(rows[0]), x_head_size=head, **fields)))
        beats = [beat for row in rows for beat in row_beats(row, head)]
        self.fed = after(b, b.feed(dut.rows, beats, stalls[0]))
        self.modes = after(b, b.feed(dut.modes, modes, stalls[2]))
        self.user = b.add(list_user(dut, len(rows), stalls[1], rng, follow))
        b.run()


@pytest.fixture
def run(bench, small, job_of, start, after, list_user):
    """Run a sequence."""
    tools = bench, small, job_of, start, after, list_user
    return lambda *args, **options: Run(tools, *args, **options)


@pytest.mark.parametrize("size, head", [*SEGMENTS, (24, 24), (31, 6)])
@pytest.mark.parametrize("stalls", [(0, 0, 0), (0.6, 0, 0.3), (0, 0.9, 0), (0.3, 0.5, 0.9)])
def test_lists_match_the_rows(run, part, nearby, size, head, stalls):
    rng = random.Random(100 * size + head)
    zero_skip, follow = rng.randrange(2), rng.randrange(2)
    zero, threshold = rng.choice([-128, 0, 127]), rng.choice([0, 1, 3, 127, 254, 255])
    rows = [[rng.choice([-128, 127, 0, rng.randrange(-128, 128)]) for _ in range(size)]]
    while len(rows) < 12:
        # Long runs of columns that stay, so that beats pass without an event.
        near = nearby(rng, rows[-1], zero)
        rows.append([*near] if rng.random() < 0.5 else [*rows[-1][:-1], near[-1]])
    modes = [Mode.NORMAL, *(rng.choice([*Mode, Mode.DELTA, Mode.DELTA]) for _ in rows[1:])]
    options = {"x_zero": zero, "x_threshold": threshold, "zero_skip": zero_skip, **MIXED}
    seen = run(rows, head, modes, stalls, rng, follow, **options)
    model = part(zero, threshold, zero_skip)
    expected = [model.events(row, mode) for row, mode in zip(rows, modes, strict=True)]
    for reader in seen.user.readers:
        assert reader.used == expected
        assert reader.modes == modes
    seen.user.check_growth(modes)


@pytest.mark.parametrize("threshold", [0, 1, 128, 254, 255])
def test_a_column_is_an_event_beyond_the_threshold_only(run, threshold):
    """Every distance around the threshold, in both directions."""
    gaps = [gap for gap in (threshold - 1, threshold, threshold + 1) if 0 <= gap <= 255]
    for low, sign in ((-128, 1), (127, -1)):
        rows = [[low] * len(gaps), [low + sign * gap for gap in gaps]]
        modes = [Mode.NORMAL, Mode.DELTA]
        seen = run(rows, len(gaps), modes, x_threshold=threshold, x_zero=3, **MIXED)
        expected = [(k, sign * gap) for k, gap in enumerate(gaps) if gap > threshold]
        assert seen.user.used[1] == expected


@pytest.mark.parametrize("size, head", [(16, 16), (16, 8), (13, 13), (11, 3), (64, 64)])
def test_an_event_is_made_every_cycle(run, size, head):
    seen = run([[1] * size] * 2, head, [Mode.NORMAL] * 2)
    first = seen.fed.cycles[0]
    assert seen.user.write_cycles == list(range(first + 5, first + 5 + 2 * size))
    assert seen.user.ready_cycles[0] == first + 5 + size
    # All but the newest may be used meanwhile.
    grown = [len(there) for number, there, _ in seen.user.grown if number == 0]
    assert grown == list(range(size - 1))


@pytest.mark.parametrize("mode", [Mode.DELTA, Mode.SKIP])
@pytest.mark.parametrize("beats", [1, 2, 3, 4, 8])
def test_a_row_without_events_takes_a_beat_a_cycle(run, mode, beats):
    # The references are zero before there was a row.
    seen = run([[0] * 8 * beats] * 2, 8 * beats, [mode] * 2, **MIXED)
    gap = 5 if mode == Mode.DELTA and beats <= 3 else 3
    first = seen.fed.cycles[0]
    second = first + beats - 1 + gap
    assert seen.fed.cycles == [*range(first, first + beats), *range(second, second + beats)]
    # The list is ready six cycles after its last beat was taken.
    assert seen.user.ready_cycles == [first + beats + 5, second + beats + 5]
    assert seen.user.used == [[], []]


def test_a_row_waits_for_its_mode_and_for_a_bank(play, small, job_of):
    config = small()
    rows = [{"job": job_of(config, input_size=3, steps=4), "start": 1}]
    offer = {"rows.valid": 1, "rows.payload": 0x010203}
    rows += [offer] * 5 + [offer | {"modes.valid": 1}] * 20
    rows += [{**offer, "done": 1}] + [offer] * 20
    seen = play(InputEvents(config), rows)
    taken = [cycle for cycle, row in enumerate(seen) if row["rows.ready"] and cycle]
    assert taken == [8, 11, 28]


def test_a_start_forgets_what_was_made(play, small, job_of):
    """A sequence begins in bank 0 even after an odd number of lists."""
    config = small()
    sequence = [{"job": job_of(config, input_size=2), "start": 1}, {"modes.valid": 1}, {}]
    sequence += [{"rows.valid": 1, "rows.payload": 0x0201}, *[{}] * 6]
    seen = play(InputEvents(config), sequence * 2)
    for row in (seen[8], seen[18]):
        assert (row["w_en"], row["w_bank"], row["w_index"]) == (1, 0, 0)
    assert [row["current"]["ready"] for row in seen] == [0] * 10 + [1] + [0] * 9
