from dataclasses import replace

import pytest

from sim.explore.bench import delta as bench_delta
from sim.explore.bench.delta import DELTA_CASES, DeltaCase, measure_delta
from sim.model.random_network import random_network

SMALL = DeltaCase(inputs=6, hidden=9, sequences=3, steps=20, config="tiny", follow=True)


def test_seconds_are_of_all_steps():
    row = measure_delta(SMALL)
    assert row["steps"] == 60
    assert row["steps_per_second"] == pytest.approx(60 / row["seconds"])
    assert row["seconds_with_cycles"] > 0
    assert measure_delta(replace(SMALL, follow=False))["seconds_with_cycles"] is None


def test_figures_come_out_of_a_process_of_its_own():
    (row,) = bench_delta.bench_delta((SMALL,))
    assert (row["inputs"], row["hidden"], row["sequences"], row["steps"]) == (6, 9, 3, 60)


def test_a_part_of_the_columns_moves_by_more_than_the_threshold():
    case = replace(SMALL, inputs=50, steps=200)
    x = bench_delta._walk(random_network([50, 9]), case).astype(int)
    assert x.shape == (3, 200, 50)
    moved = (x[:, 1:] != x[:, :-1]).mean()
    assert 0.25 < moved < 0.33


@pytest.mark.slow
def test_a_hundred_thousand_steps_take_less_than_a_minute():
    row = measure_delta(DELTA_CASES[0])
    assert row["steps"] == 100_000 and row["seconds_with_cycles"] < 60
