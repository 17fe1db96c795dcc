import numpy as np
import pytest

from hw.multipliers.booth import Booth

VALUES = np.arange(-256, 256)


def test_dropping_digits_rounds_the_weight_to_a_multiple_of_a_power_of_4():
    weights = np.array([-128, -127, -3, -2, -1, 0, 1, 2, 3, 6, 7, 8, 126, 127])
    booth = Booth(dropped=(0, 1, 2))
    assert booth.effective_weight(weights, 1).tolist() == [
        *(-128, -128, -4, 0, 0, 0, 0, 4, 4, 8, 8, 8, 128, 128)
    ]
    assert booth.effective_weight(weights, 2).tolist() == [
        *(-128, -128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 128, 128)
    ]
    for level in range(3):
        product = booth.compute(VALUES[:, None], weights, level)
        assert (product == VALUES[:, None] * booth.effective_weight(weights, level)).all()


def test_errors_are_linear_so_every_level_is_safe_in_delta_mode():
    booth = Booth(dropped=(0, 1, 2, 3))
    assert booth.levels == ("exact", "digits < 1", "digits < 2", "digits < 3")
    assert all(booth.safe_in_delta(level) for level in range(4))


@pytest.mark.parametrize("number", [4, -1, 1.0])
def test_digits_that_there_are_not_are_refused(number):
    with pytest.raises(ValueError) as error:
        Booth(dropped=(number,))
    assert str(error.value) == f"dropped must be from 0 to 3 digits, not {number}"
