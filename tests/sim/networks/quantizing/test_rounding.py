"""Codes of few bits: what they lose, and that nothing else does."""

import numpy as np
import pytest

from sim.networks.quantizing import rounding
from sim.networks.quantizing.rounding import (
    Compensation,
    best_compensation,
    least_error_scales,
    round_rows,
)
from sim.networks.second_order import DAMPINGS


def operands(rng, count, columns):
    """Samples of operands that move together, and a constant."""
    mixed = rng.normal(size=(count, 6)) @ rng.normal(size=(6, columns))
    return np.column_stack([mixed + rng.normal(size=(count, columns)) / 4 + 0.5, np.ones(count)])


def loss(seen, rows, found):
    """Mean square of what the rows' sums lose on the samples."""
    return np.mean((seen @ (rows - found).T) ** 2)


def rounded(rows, steps, largest):
    """The nearest codes, each by itself."""
    return np.clip(np.rint(rows / steps[:, None]), -largest, largest)


def test_the_scale_loses_least_of_all_that_are_tried():
    rng = np.random.default_rng(0)
    weights, power = rng.standard_t(3, (16, 24)), rng.uniform(0, 4, 24)

    def error(scale):
        return ((weights - rounded(weights, np.full(16, scale), 7) * scale) ** 2 @ power).sum()

    (found,) = least_error_scales(weights[None], power, 7)
    full = np.abs(weights).max() / 7
    assert full / 4 <= found < full
    assert error(found) < 0.85 * error(full)
    assert all(error(found) <= error(full * (1 - k / 40)) + 1e-9 for k in range(31))


def test_columns_that_are_never_heard_do_not_decide_the_scale():
    weights = np.array([[[0.9, -1.2, 3.0, 12.0]]])
    (quiet,), (loud,) = (least_error_scales(weights, np.array([1.0, 1, 1, k]), 7) for k in (0, 9))
    assert quiet < 12 / 7 / 3 and loud > 12 / 7 / 1.2


def test_each_group_has_the_scale_that_it_would_have_alone():
    rng = np.random.default_rng(1)
    weights, power = rng.standard_t(3, (5, 3, 24)), rng.uniform(0, 4, 24)
    together = least_error_scales(weights, power, 7)
    assert list(together) == [least_error_scales(group[None], power, 7)[0] for group in weights]


@pytest.mark.parametrize("columns, share", [(5, 0.75), (130, 0.35), (300, 0.35)])
def test_what_a_column_loses_is_made_good_by_the_others(columns, share):
    """Columns behind the end of a block of columns as well as those in it."""
    rng = np.random.default_rng(columns)
    seen = operands(rng, 2000, columns)
    rows = rng.normal(size=(12, columns + 1))
    scales = np.abs(rows[:, :-1]).max(axis=1, keepdims=True) / 7
    gram = seen.T @ seen / len(seen)
    codes, constants = round_rows(rows, scales, np.zeros(columns, int), Compensation(gram), [7])
    assert codes.dtype == np.int8 and np.abs(codes).max() <= 7
    steps = scales[:, 0]
    found = np.column_stack([codes * scales, constants])
    alone = np.column_stack([rounded(rows[:, :-1], steps, 7) * scales, rows[:, -1]])
    assert loss(seen, rows, found) < share * loss(seen, rows, alone)


def drifting(rng, count, columns):
    """Samples of operands that move together otherwise every 64 steps, and a constant."""
    blocks = [operands(rng, 64, columns) for _ in range(count // 64)]
    return np.concatenate(blocks)


@pytest.mark.parametrize("make, count", [(operands, 1024), (drifting, 512)])
def test_what_samples_say_of_columns_is_trusted_as_far_as_it_holds_on_others(make, count):
    """Whole where they are alike, less where they drift."""
    rng = np.random.default_rng(3)
    seen, rows = make(rng, count, 50), rng.normal(size=(40, 51))
    scales = np.abs(rows[:, :-1]).max(axis=1, keepdims=True) / 7
    parts = np.zeros(50, int)
    chosen = best_compensation(seen, rows, scales, parts, [7, 7])
    gram = seen.T @ seen / len(seen)
    least, most = (Compensation(gram, damping) for damping in DAMPINGS[::2])
    wanted = least if make is operands else most
    assert np.array_equal(chosen.shares, wanted.shares)


def test_fewer_samples_than_columns_are_trusted_least():
    rng = np.random.default_rng(4)
    seen, rows = operands(rng, 260, 300), rng.normal(size=(4, 301))
    chosen = best_compensation(seen, rows, np.ones((4, 1)), np.zeros(300, int), [7])
    wanted = Compensation(seen.T @ seen / 260, DAMPINGS[-1])
    assert np.array_equal(chosen.shares, wanted.shares)


def test_codes_that_lose_nothing_stay():
    rng = np.random.default_rng(1)
    seen, codes = operands(rng, 500, 40), rng.integers(-7, 8, (8, 40))
    scales, parts = rng.uniform(0.1, 2, (8, 2)), np.repeat((0, 1), (15, 25))
    rows = np.column_stack([codes * scales[:, parts], rng.normal(size=8)])
    found, constants = round_rows(rows, scales, parts, Compensation(seen.T @ seen / 500), [7, 7])
    assert np.array_equal(found, codes)
    assert constants == pytest.approx(rows[:, -1], abs=1e-3)


def test_operands_that_are_always_zero_leave_the_nearest_codes():
    rows = np.array([[0.4, -1.6, 9.0, 0.25]])
    gram = np.diag([0.0, 0, 0, 1])
    codes, constants = round_rows(rows, np.ones((1, 1)), np.zeros(3, int), Compensation(gram), [7])
    assert codes.tolist() == [[0, -2, 7]] and constants == pytest.approx([0.25])


def test_blocks_of_columns_change_nothing(monkeypatch):
    """But for the order of additions, which may turn a code that lies between two."""
    rng = np.random.default_rng(2)
    seen, rows = operands(rng, 800, 60), rng.normal(size=(16, 61))
    scales, parts = np.full((16, 1), 0.4), np.zeros(60, int)
    found = []
    for size in (7, 60):
        monkeypatch.setattr(rounding, "_BLOCK", size)
        found.append(round_rows(rows, scales, parts, Compensation(seen.T @ seen / 800), [7, 7])[0])
    assert np.mean(found[0] == found[1]) > 0.99


def test_weights_that_are_held_stay_zero_and_are_made_good_in_the_others():
    rng = np.random.default_rng(5)
    seen, rows = operands(rng, 400, 24), rng.normal(size=(8, 25))
    held = np.zeros((8, 24), bool)
    held[:4, 3:15], held[4:, 8:20] = True, True
    rows[:, :24][held] = 0
    scales, parts, largest = np.full((8, 1), 0.4), np.zeros(24, int), (7,)
    how = rows, scales, parts
    free = best_compensation(seen, *how, largest)
    by = best_compensation(seen, *how, largest, held)
    codes, constants = round_rows(*how, free, largest)
    assert codes[held].any()
    zeroed = np.column_stack([np.where(held, 0, codes) * 0.4, constants])
    codes, constants = round_rows(*how, by, largest, held)
    assert not codes[held].any()
    assert (
        loss(seen, rows, np.column_stack([codes * 0.4, constants])) < loss(seen, rows, zeroed) / 2
    )


def test_nothing_that_is_held_changes_no_code():
    rng = np.random.default_rng(6)
    seen, rows = operands(rng, 400, 24), rng.normal(size=(8, 25))
    how = rows, np.full((8, 1), 0.4), np.zeros(24, int)
    by = best_compensation(seen, *how, (7,))
    plain = round_rows(*how, by, (7,))
    with_mask = round_rows(*how, by, (7,), np.zeros((8, 24), bool))
    assert all((one == other).all() for one, other in zip(plain, with_mask, strict=True))
