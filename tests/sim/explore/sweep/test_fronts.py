"""Pareto fronts, and what is no worse within the standard error."""

from sim.explore.sweep.fronts import fronts_of, pareto, varied, within_error
from sim.explore.sweep.picture import sweep_picture
from sim.explore.sweep.running import AXES


def row(score, macs, error=0.0, *, lower=False, subject="a", multiplier="exact", **others):
    figures = {"score": score, "macs": macs, "standard_error": error, "lower_is_better": lower}
    rest = dict.fromkeys(AXES, 1.0)
    named = {"subject": subject, "multiplier": multiplier, "metric": "accuracy"}
    return {**rest, **named, **figures, **others}


def test_a_row_that_another_beats_is_not_on_the_front():
    rows = [row(0.9, 10), row(0.95, 20), row(0.94, 30), row(0.9, 12)]
    assert pareto(rows, "macs") == rows[:2]


def test_less_can_be_better():
    rows = [row(0.1, 10, lower=True), row(0.05, 20, lower=True), row(0.2, 5, lower=True)]
    assert pareto(rows, "macs") == [rows[2], rows[0], rows[1]]
    assert within_error(rows, "macs") == [rows[2], rows[0], rows[1]]


def test_the_front_of_one_point_has_others_that_are_no_worse():
    # Vowels on 370 utterances: a standard error of 0.007.
    rows = [row(0.981, 10, 0.007), row(0.978, 20, 0.0076), row(0.973, 30, 0.008)]
    assert pareto(rows, "macs") == rows[:1]
    assert within_error(rows, "macs") == rows[:2]
    assert within_error([row(0.981, 10, None), *rows[1:]], "macs")[1:] == []


def test_rows_without_a_cost_are_on_no_front():
    rows = [row(0.9, None), row(0.8, 3)]
    assert pareto(rows, "macs") == within_error(rows, "macs") == rows[1:]


def test_subjects_have_fronts_of_their_own():
    marked = fronts_of([row(0.9, 10), row(0.5, 20, subject="b")], ["macs"])
    assert [each["front_macs"] for each in marked] == [1, 1]
    assert varied(marked, ["macs", "bytes"]) == ["macs"]


def test_the_picture_draws_every_subject_and_bars():
    rows = [row(0.9, 10, 0.01), row(0.95, 20, 0.01, multiplier="drum"), row(0.5, 7, subject="b")]
    assert sweep_picture(rows, "a").startswith(b"\x89PNG")
