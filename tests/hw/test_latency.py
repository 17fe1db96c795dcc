"""The cycles that the model of time is built on; whole runs hold it to the rest."""

import pytest

from hw import latency
from hw.cell.unit import CellUnit
from hw.config import CONFIGS
from hw.events.hidden import HiddenEvents
from hw.similarity.chooser import choice_latency
from hw.similarity.near import NearTest


@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("row_cycles", [1, 2])
def test_the_cell_unit_takes_the_cycles_that_the_model_of_time_counts(lanes, row_cycles):
    unit = CellUnit(24, lanes, row_cycles=row_cycles)
    assert unit.latency == latency.cell(lanes, row_cycles)


def test_the_maker_of_h_knows_its_mode_when_the_model_of_time_says():
    assert HiddenEvents.PRIME + 1 == latency.KNOWN


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_mode_is_chosen_when_the_model_of_time_says(config):
    assert NearTest.LATENCY == latency.TEST
    tree = ((config.bus_bytes - 1).bit_length() + 1) // 2
    chosen = latency.SCORE + tree + latency.TEST + 1
    assert choice_latency(config) == chosen + latency.MODE
