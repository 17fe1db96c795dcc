import re

import numpy as np
import pytest

from hw.multipliers.masked import Cut, MaskedArray

VALUES = np.arange(-255, 256)
WEIGHTS = np.arange(-127, 128)


def dots(value, weight, kept):
    """A product, dot by dot: the definition."""
    total = 0
    for i in range(8):
        for j in range(7):
            if kept(i, j):
                total += (abs(value) >> i & 1) * (abs(weight) >> j & 1) << i + j
    return -total if (value < 0) != (weight < 0) else total


@pytest.mark.parametrize(
    "cut, kept",
    [
        (Cut(columns=5), lambda i, j: i + j >= 5),
        (Cut(rows=2, columns=4), lambda i, j: j >= 2 and i + j >= 4),
        (Cut(perforated=(1, 3)), lambda i, j: j not in (1, 2, 3)),
        (Cut(value_bits=2, weight_bits=3), lambda i, j: i >= 2 and j >= 3),
    ],
)
def test_a_cut_leaves_out_the_dots_that_it_names(cut, kept):
    array = MaskedArray(cuts=(Cut(), cut))
    rng = np.random.default_rng(5)
    values, weights = rng.choice(VALUES, 400), rng.choice(WEIGHTS, 400)
    wanted = [dots(int(v), int(w), kept) for v, w in zip(values, weights, strict=True)]
    assert array.compute(values, weights, 1).tolist() == wanted
    assert (array.compute(values, weights, 0) == values * weights).all()


def test_compensation_vanishes_with_an_operand_and_lowers_the_error():
    errors = {}
    for cut in (
        Cut(columns=5),
        Cut(columns=5, compensation="constant", constant=32),
        Cut(columns=5, compensation="variable"),
    ):
        behaviour = MaskedArray(cuts=(cut,)).behaviour(0)
        assert behaviour.zero_preserving and behaviour.odd_symmetric
        errors[cut.compensation] = behaviour.mean_absolute_error
    assert errors["none"] > 1.5 * errors["constant"] > 2 * errors["variable"]


def test_whole_rows_are_linear_and_have_effective_weights():
    array = MaskedArray(cuts=(Cut(), Cut(perforated=(0, 2)), Cut(columns=1)))
    weights = array.effective_weight(WEIGHTS, 1)
    assert (array.compute(VALUES[:, None], WEIGHTS, 1) == VALUES[:, None] * weights).all()
    assert array.effective_weight(WEIGHTS, 2) is None
    assert [array.behaviour(level).linear for level in range(3)] == [True, True, False]


def test_levels_are_named_by_what_they_leave_out():
    cuts = (
        Cut(),
        Cut(rows=2, columns=5),
        Cut(perforated=(1, 2)),
        Cut(columns=3, compensation="constant", constant=4),
        Cut(value_bits=1, weight_bits=2),
        Cut(columns=2, compensation="variable"),
    )
    assert MaskedArray(cuts=cuts).levels == (
        "exact",
        "columns < 5, rows < 2",
        "rows 1 to 2",
        "columns < 3, plus 4",
        "value bits < 1, weight bits < 2",
        "columns < 2, compensated",
    )
    assert MaskedArray(cuts=cuts).level_width == 3


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"columns": 13}, "columns must be an integer from 0 to 12, not 13"),
        ({"perforated": (1,)}, "perforated must be a first row and a number of rows, not (1,)"),
        (
            {"compensation": "some"},
            "compensation must be one of none, constant, variable, not some",
        ),
        (
            {"compensation": "variable"},
            "compensation needs 1 to 7 truncated columns, not 0",
        ),
        (
            {"columns": 2, "compensation": "constant", "constant": 6},
            "constant must be from 1 to 5 with 2 truncated columns and constant compensation, "
            "not 6",
        ),
        (
            {"columns": 2, "constant": 6},
            "constant must be from 0 to 0 with 2 truncated columns and none compensation, not 6",
        ),
    ],
)
def test_a_cut_that_cannot_be_is_refused(fields, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Cut(**fields)


def test_an_array_needs_a_level():
    with pytest.raises(ValueError, match=r"^cuts must hold at least one Cut, not none$"):
        MaskedArray(cuts=())
