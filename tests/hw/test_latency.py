"""The cycles that the model of time is built on; whole runs hold it to the rest."""

import pytest

from hw import latency
from hw.cell.unit import CellUnit


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_the_cell_unit_takes_the_cycles_that_the_model_of_time_counts(lanes):
    assert CellUnit(24, lanes).latency == latency.CELL
