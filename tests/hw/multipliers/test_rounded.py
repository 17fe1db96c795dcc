import numpy as np
import pytest

from hw.multipliers.rounded import RoundedWeights

WEIGHTS = np.array([-127, -120, -119, -8, -7, 0, 7, 8, 119, 120, 127])


def test_nearest_rounds_halves_away_from_zero_and_stays_inside():
    rounded = RoundedWeights(bits=(8, 4))
    assert rounded.effective_weight(WEIGHTS, 1).tolist() == [
        *(-112, -112, -112, -16, 0, 0, 0, 16, 112, 112, 112)
    ]
    assert rounded.effective_weight(WEIGHTS, 0).tolist() == WEIGHTS.tolist()


def test_centre_needs_only_the_upper_bits():
    centred = RoundedWeights(bits=(8, 4), method="centre")
    assert centred.effective_weight(WEIGHTS, 1).tolist() == [
        *(-120, -120, -120, -8, -8, 8, 8, 8, 120, 120, 120)
    ]
    upper = centred.encode(WEIGHTS) & 0xF0
    assert (
        centred.effective_weight(centred.decode(upper), 1)[WEIGHTS > 0]
        == centred.effective_weight(WEIGHTS, 1)[WEIGHTS > 0]
    ).all()


@pytest.mark.parametrize("method", ["nearest", "centre"])
def test_every_level_is_linear(method):
    rounded = RoundedWeights(bits=(8, 6, 5, 3), method=method)
    assert rounded.levels[3] == "weights of 3 bits"
    assert all(rounded.behaviour(level).linear for level in range(4))


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"bits": (9,)}, "bits must be from 2 to 8 for a weight of 8 bits, not 9"),
        ({"bits": ()}, "bits must hold at least one number, not none"),
        ({"method": "up"}, "method must be nearest or centre, not up"),
    ],
)
def test_a_rounding_that_cannot_be_is_refused(fields, sentence):
    with pytest.raises(ValueError) as error:
        RoundedWeights(**fields)
    assert str(error.value) == sentence
