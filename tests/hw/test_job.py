"""A job holds whatever its configuration allows."""

import pytest

from hw.config import CONFIGS
from hw.descriptor import FIELDS
from hw.job import job_layout


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_a_job_holds_the_largest_layer(config):
    largest = {
        "input_size": config.max_input,
        "x_head_size": config.max_input,
        "hidden_size": config.max_hidden,
        "blocks": config.max_blocks,
        "tail_units": config.units_per_block,
        "resident_blocks": config.max_blocks,
        "resident_base": config.weight_words,
        "steps": 2**32 - 1,
        "sequences": 2**32 - 1,
        "x_zero": -128,
        "h_zero": 127,
        "x_step_stride": -(2**31),
        "weights_addr": 2**32 - 1,
    }
    constant = job_layout(config).const(largest)
    assert {name: constant[name] for name in largest} == largest


def test_a_member_is_a_field_of_the_descriptor_or_follows_from_it(small):
    followed = {"blocks", "tail_units", "steps_ahead", "fresh_x"}
    assert set(job_layout(small()).members) - set(FIELDS) == followed
