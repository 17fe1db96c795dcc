import pytest

from boards.catalogue import BOARDS
from boards.clocks import Ecp5Clock, Ice40Clock, XilinxClock
from boards.uart.serial import cycles_per_bit

LIMITS = {Ecp5Clock: (400, 800), XilinxClock: (600, 1200), Ice40Clock: (533, 1066)}
"""MHz of the oscillator in each loop, of the slowest speed grade: see the classes' references."""


@pytest.mark.parametrize("wanted", [24, 50, 80, 100, 125, 150])
@pytest.mark.parametrize(
    ("clock", "reference"),
    [(Ecp5Clock, 25), (Ecp5Clock, 100), (XilinxClock, 100), (XilinxClock, 125), (Ice40Clock, 12)],
)
def test_a_loop_stays_inside_its_limits_and_near_the_wish(clock, reference, wanted):
    found = clock.settings_for(float(reference), float(wanted))
    oscillator = reference / found.divide * found.multiply
    low, high = LIMITS[clock]
    assert low <= oscillator <= high
    assert oscillator / found.post == pytest.approx(found.mhz)
    assert 0.9 * wanted <= found.mhz <= wanted + 1e-6


def test_the_usual_clock_is_exact():
    assert Ecp5Clock.settings_for(25.0, 100.0).mhz == 100
    assert XilinxClock.settings_for(100.0, 100.0).mhz == 100
    assert XilinxClock.settings_for(100.0, 100.0).divide == 1


@pytest.mark.parametrize("clock", [Ecp5Clock, XilinxClock, Ice40Clock])
def test_a_clock_that_cannot_be_made_is_refused(clock):
    with pytest.raises(ValueError) as refusal:
        clock.settings_for(25.0, 0.01)
    assert str(refusal.value) == "no clock near 0.01 MHz can be made from 25 MHz"


@pytest.mark.parametrize("board", [b for b in BOARDS.values() if b.baud], ids=lambda b: b.name)
def test_every_line_runs_at_a_million_bits_or_more(board):
    assert board.baud >= 1_000_000
    assert cycles_per_bit(board.clock_mhz * 1e6, board.baud) * board.baud == board.clock_mhz * 1e6


@pytest.mark.parametrize("shift", [-90, 360])
def test_a_shift_is_part_of_a_period(shift):
    with pytest.raises(ValueError) as refusal:
        Ecp5Clock("clk25", 25.0, 60.0, shift)
    assert str(refusal.value) == f"shift must be 0 to 359 degrees, not {shift}"
