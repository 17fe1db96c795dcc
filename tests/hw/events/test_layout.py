"""An event holds every column and every difference of two codes."""

import pytest

from hw.config import CONFIGS
from hw.events.layout import column_width, event_layout


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_an_event_holds_the_last_column_and_the_largest_differences(config):
    layout = event_layout(config)
    for value in (-255, 255):
        event = {"column": max(config.max_input, config.max_hidden) - 1, "value": value}
        constant = layout.const(event)
        assert (constant.column, constant.value) == (event["column"], value)
    assert layout.size == column_width(config) + 9


@pytest.mark.parametrize("sizes", [(1, 1), (1, 2), (16, 3), (3, 17), (4096, 1)])
def test_a_column_takes_no_more_bits_than_the_larger_size_needs(small, sizes):
    config = small(max_input=sizes[0], max_hidden=sizes[1])
    assert column_width(config) == max((max(sizes) - 1).bit_length(), 1)
