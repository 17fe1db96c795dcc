import pytest

from boards.dram.widen import Widen


@pytest.mark.parametrize("wide", [64, 96])
def test_a_port_that_is_no_multiple_is_refused(wide):
    with pytest.raises(ValueError) as refusal:
        Widen(64, wide, 2)
    assert str(refusal.value) == f"wide must be a multiple of the 64 bits of narrow, not {wide}"


def test_identifiers_carry_the_place_of_the_first_beat():
    assert [Widen(64, wide, 2).place_width for wide in (128, 256, 512)] == [1, 2, 3]
    assert len(Widen(64, 256, 2).o.arid) == 4
