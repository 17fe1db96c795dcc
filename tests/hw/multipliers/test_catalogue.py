import numpy as np
import pytest

from hw.multipliers.catalogue import MULTIPLIERS, find_multiplier, multiplier_name
from hw.multipliers.masked import Cut, MaskedArray


@pytest.mark.parametrize("name", MULTIPLIERS)
@pytest.mark.parametrize("width", [4, 8])
def test_every_named_multiplier_has_an_exact_level_0(name, width):
    numbers = ":2" if name in ("booth", "rounded", "centred") else ""
    numbers = ":1" if name == "booth" else numbers
    multiplier = find_multiplier(name + numbers, width)
    assert multiplier.weight_width == width
    assert multiplier.levels[0] == "exact"
    assert multiplier.behaviour(0).exact
    assert len(set(multiplier.levels)) == len(multiplier.levels)


@pytest.mark.parametrize("name", MULTIPLIERS)
def test_weights_come_back_from_their_patterns(name):
    multiplier = find_multiplier(name)
    # Neighbours in pairs of every sign, and 0 beside each.
    weights = np.append(np.arange(-127, 128), 0).reshape(8, 32).astype(np.int8)
    codes = multiplier.encode(weights)
    assert codes.dtype == np.uint8 and codes.shape == weights.shape
    assert (multiplier.decode(codes) == weights).all()
    assert multiplier.decode(codes).dtype == np.int8


@pytest.mark.parametrize("name", MULTIPLIERS)
def test_effective_weights_give_the_products_of_linear_levels(name):
    multiplier = find_multiplier(name)
    values, weights = np.arange(-255, 256)[:, None], np.arange(-127, 128)
    for level in range(len(multiplier.levels)):
        effective = multiplier.effective_weight(weights, level)
        assert (effective is not None) == multiplier.behaviour(level).linear
        if effective is not None:
            assert (multiplier.compute(values, weights, level) == values * effective).all()


def test_numbers_follow_a_colon():
    expected = MaskedArray(cuts=(Cut(), Cut(columns=3), Cut(columns=7)))
    assert find_multiplier("truncated:3,7") == expected


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("exact:3", "exact takes no numbers, not 3"),
        ("broken:1", "broken takes these numbers: rows left out, columns left out, not 1"),
        ("drum:x", "drum:x: x is not a list of integers"),
        ("drum:2", "segment must be an integer from 3 to 8, not 2"),
        (
            "best",
            f"there is no multiplier best; the multipliers are {', '.join(MULTIPLIERS)}",
        ),
    ],
)
def test_an_unknown_multiplier_is_refused(text, sentence):
    with pytest.raises(ValueError) as error:
        find_multiplier(text)
    assert str(error.value) == sentence


NUMBERS = (":1", ":3,2", ":5,32", ":0,2", ":4,5,6", ":2,2")


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("name", MULTIPLIERS)
def test_the_name_of_a_multiplier_finds_it_again(name, width):
    named = 0
    for numbers in ("", *NUMBERS):
        try:
            multiplier = find_multiplier(name + numbers, width)
        except ValueError:
            # A family that takes no such numbers.
            continue
        found = multiplier_name(multiplier)
        assert find_multiplier(found, width) == multiplier, found
        # Other numbers may make what a family before has, such as broken:0,2 and truncated:2.
        assert numbers or found.partition(":")[0] == name
        named += 1
    assert named


def test_a_multiplier_that_no_name_makes_has_none():
    assert multiplier_name(MaskedArray(cuts=(Cut(), Cut(rows=1), Cut(columns=2)))) is None
    assert multiplier_name(MaskedArray(cuts=(Cut(columns=2),))) is None
