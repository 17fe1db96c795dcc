"""Rows of x: what is asked for, and the events that are made of it."""

import random

import pytest

from hw.axi.bursts import request_layout
from hw.events.input import InputEvents, InputRequester

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


@pytest.mark.parametrize("size, head", SEGMENTS)
@pytest.mark.parametrize("stalls", [(0.6, 0), (0, 0.9), (0.3, 0.5)])
def test_lists_match_the_rows(bench, small, job_of, start, after, list_user, size, head, stalls):
    rng = random.Random(size + head)
    zero = rng.choice([-128, 0, 127])
    rows = [[rng.choice([-128, 127, 0, rng.randrange(-128, 128)]) for _ in range(size)]]
    rows += [[rng.randrange(-128, 128) for _ in range(size)] for _ in range(7)]
    config = small()
    dut = InputEvents(config)
    b = bench(dut, seed=size)
    b.add(start(dut, job_of(config, input_size=size, x_head_size=head, x_zero=zero, steps=8)))
    beats = [beat for row in rows for beat in row_beats(row, head)]
    after(b, b.feed(dut.beats, beats, stalls[0]))
    user = b.add(list_user(dut, 8, stalls[1], rng))
    b.run()
    assert user.used == [[(k, code - zero) for k, code in enumerate(row)] for row in rows]


@pytest.mark.parametrize("size, head", [(16, 16), (16, 8), (13, 13), (11, 3), (1, 1)])
def test_an_event_is_made_every_cycle(bench, small, job_of, start, after, list_user, size, head):
    config = small()
    dut = InputEvents(config)
    b = bench(dut)
    b.add(start(dut, job_of(config, input_size=size, x_head_size=head, steps=2)))
    fed = after(b, b.feed(dut.beats, row_beats([1] * size, head) * 2, 0))
    user = b.add(list_user(dut, 2, 0, random.Random(0)))
    b.run()
    first = fed.cycles[0]
    assert user.write_cycles == list(range(first + 2, first + 2 + 2 * size))
    # A beat is taken with the last event of the one before it picked, a cycle before its write.
    ends = [user.write_cycles[k] for k in last_events(size, head)]
    assert fed.cycles[1:] == [cycle - 1 for cycle in ends[:-1]]


def last_events(size, head):
    """Indices, over two rows, of the last event of each beat."""
    ends = [min(at + 8, head) for at in range(0, head, 8)]
    ends += [head + min(at + 8, size - head) for at in range(0, size - head, 8)]
    return [end - 1 for end in ends] + [size + end - 1 for end in ends]


def test_a_third_row_waits_until_a_list_is_free(play, small, job_of):
    config = small()
    rows = [{"job": job_of(config, input_size=3, steps=4), "start": 1}]
    offer = {"beats.valid": 1, "beats.payload": 0x010203}
    rows += [dict(offer) for _ in range(20)] + [{**offer, "done": 1}] + [offer] * 20
    seen = play(InputEvents(config), rows)
    taken = [cycle for cycle, row in enumerate(seen) if row["beats.ready"] and cycle]
    assert taken == [1, 4, 22]


def test_a_start_forgets_what_was_made(play, small, job_of):
    """A sequence begins in bank 0 even after an odd number of lists."""
    config = small()
    sequence = [{"job": job_of(config, input_size=2), "start": 1}]
    sequence += [{"beats.valid": 1, "beats.payload": 0x0201}, {}, {}, {}]
    seen = play(InputEvents(config), sequence * 2)
    for row in (seen[3], seen[8]):
        assert (row["w_en"], row["w_bank"], row["w_index"]) == (1, 0, 0)
    assert [row["ready"] for row in seen] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
