"""DRUM and Mitchell against the figures of their papers.

DRUM: S. Hashemi et al., ICCAD 2015, 16-bit unsigned operands: mean absolute relative error, largest
error, and bias. The bias is compared in magnitude: an operand's segment is unbiased, so the mean
relative error of a product is positive and quarters with each further bit.
Mitchell: IRE Trans. EC-11(4), 1962, largest error 11.1 %, never above; mean 3.85 % as H. Saadat et
al., IEEE TCAD 37(11), 2018, state beside their correction: at 8 bits bias 0.05 %, mean 2.69 %,
largest 7.81 %.
"""

import numpy as np
import pytest

from hw.multipliers.drum import Drum
from hw.multipliers.mitchell import Mitchell
from sim.explore.multipliers.report import relative_errors

SHORT = np.arange(1, 1 << 8)
# Every 23rd number: 23 is odd, so all low bits occur alike.
LONG = np.arange(1, 1 << 16, 23)


def errors(multiplier, numbers):
    """Mean, mean absolute, largest positive and largest negative relative error, in percent."""
    found = multiplier.magnitudes(numbers[:, None], numbers, 0)
    return relative_errors(found, numbers[:, None] * numbers)


@pytest.mark.parametrize(
    "segment, absolute, bias, largest",
    [(3, 11.9, 2.08, 56), (4, 5.89, 0.53, 27), (5, 2.94, 0.14, 13), (6, 1.47, 0.04, 6.3)],
)
def test_drum_has_the_published_errors(segment, absolute, bias, largest):
    found = errors(Drum(segment=segment), LONG)
    assert found["mared_percent"] == pytest.approx(absolute, abs=0.04)
    assert found["bias_percent"] == pytest.approx(bias, abs=0.06)
    assert found["largest_percent"] == pytest.approx(largest, abs=0.5)


def test_mitchell_has_the_published_errors():
    found = errors(Mitchell(), LONG)
    assert found["bias_percent"] == pytest.approx(-3.85, abs=0.01)
    assert found["mared_percent"] == pytest.approx(3.85, abs=0.01)
    assert found["largest_percent"] == 0
    assert found["least_percent"] == pytest.approx(-11.11, abs=0.005)


def test_the_correction_has_the_published_errors():
    found = errors(Mitchell(corrected=True), SHORT)
    assert found["bias_percent"] == pytest.approx(0.05, abs=0.005)
    assert found["mared_percent"] == pytest.approx(2.69, abs=0.03)
    assert found["largest_percent"] == pytest.approx(7.81, abs=0.005)
