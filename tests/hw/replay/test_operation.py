"""An operation names everything that a configuration has."""

import pytest
from amaranth.hdl import unsigned

from hw.config import CONFIGS
from hw.replay.operation import operation_layout
from hw.weights.address import weight_address_width


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_an_operation_holds_every_index_word_and_block(config):
    largest = {
        "index": max(config.max_input, config.max_hidden) - 1,
        "weight_base": config.weight_words + config.stream_words - 1,
        "block": config.max_blocks - 1,
    }
    constant = operation_layout(config).const(largest)
    assert {name: constant[name] for name in largest} == largest
    width = weight_address_width(config)
    assert operation_layout(config)["weight_base"].shape == unsigned(width)
