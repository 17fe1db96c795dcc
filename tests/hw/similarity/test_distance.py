"""Sums over rows against Python."""

import random

import pytest

from hw.similarity.distance import RowDistance, distance_latency, distance_width
from hw.similarity.reference import row_distance


def beats_of(row, head, bus):
    """Beats of a row: two segments padded with noise to whole beats."""
    beats = []
    for segment in (row[:head], row[head:]):
        for at in range(0, len(segment), bus):
            part = segment[at : at + bus] + [0xA5] * (bus - len(segment[at : at + bus]))
            beats.append(sum((code & 255) << 8 * k for k, code in enumerate(part)))
    return beats


def extreme_rows(rng, size, number):
    """Rows of small and of the largest distances."""
    return [
        rng.choice(
            [
                [-128] * size,
                [127] * size,
                [rng.randrange(-128, 128) for _ in range(size)],
                [rng.randrange(-3, 4) for _ in range(size)],
            ]
        )
        for _ in range(number)
    ]


SHAPES = [(64, 8, 1, 1), (64, 8, 8, 8), (64, 8, 24, 24), (64, 8, 23, 1), (64, 8, 13, 3)]
SHAPES += [(128, 16, 64, 64), (256, 32, 40, 7), (512, 64, 65, 64)]
"""Bus width, lanes, columns, columns of the first segment."""


@pytest.mark.parametrize("bus_width, lanes, size, head", SHAPES)
@pytest.mark.parametrize("idle", [0, 0.5])
def test_sums_match_the_reference(play, small, job_of, bus_width, lanes, size, head, idle):
    config = small(bus_width=bus_width, lanes=lanes, max_input=65)
    rng = random.Random(size + bus_width)
    zero = rng.choice([-128, 127, 0])
    rows = extreme_rows(rng, size, 6)

    def script():
        job = job_of(config, input_size=size, x_head_size=head, x_zero=zero)
        seen = yield {"job": job, "start": 1}
        reference = None
        for row in rows:
            beats = beats_of(row, head, config.bus_bytes)
            while beats:
                if rng.random() < idle:
                    seen = yield {"codes": 0x5A}
                else:
                    seen = yield {"valid": 1, "codes": beats.pop(0)}
                assert seen["open"] and not seen["ready"]
            for _ in range(distance_latency(config) - 1):
                seen = yield {}
                assert not seen["open"] and not seen["ready"]
            for _ in range(rng.randrange(1, 4)):
                seen = yield {}
                assert seen["ready"]
                if reference is not None:
                    assert (seen["distance"], seen["norm"]) == row_distance(row, reference, zero)
            keep = reference is None or rng.random() < 0.5
            yield {"next": 1, "keep": keep}
            reference = row if keep else reference

    play(RowDistance(config), script())


def test_the_longest_row_of_the_largest_distances_fits(small):
    config = small(max_input=4096)
    assert distance_width(config) == (4096 * 255).bit_length() == 20
    dut = RowDistance(config)
    assert (len(dut.distance), len(dut.norm)) == (20, 21)


def test_a_start_forgets_a_row(play, small, job_of):
    config = small()
    first = [{"job": job_of(config, input_size=16), "start": 1}, {"valid": 1, "codes": 0}]
    row = [{"valid": 1, "codes": 0x01}, {"valid": 1, "codes": 0x02}]
    wait = [{}] * (distance_latency(config) - 1)
    seen = play(RowDistance(config), [*first, *wait, first[0], *row, *wait, {}])
    assert [row["ready"] for row in seen] == [0] * (len(seen) - 1) + [1]
    assert seen[-1]["distance"] == 3
