"""Parts by name, and machines that fit them or not."""

import pytest

from hw.config import ConfigError
from sim.explore.resources.parts import PARTS, family_of, find_part, fits


def test_a_machine_fits_a_part_that_has_as_much():
    part = find_part("xc7z020")
    assert fits(part, "xc7z020")
    for name in part:
        assert not fits({**part, name: part[name] + 0.5}, "xc7z020")


def test_parts_have_two_flip_flops_for_each_lut_of_six_inputs_and_one_for_each_of_four():
    for name, part in PARTS.items():
        assert part["ff"] == part["lut"] * {"xc7": 2, "ecp5": 1}[family_of(name)]


def test_an_unknown_part_is_one_sentence():
    with pytest.raises(ConfigError, match=r"^there is no part xc7z02; the parts are xc7z007s, .*"):
        find_part("xc7z02")
