"""What a package is not made of."""

from dataclasses import replace

import pytest

from hw.config import CONFIGS, ConfigError
from sim.explore.packaging.contents import package_files


def test_a_machine_of_16_bit_activations_has_no_package():
    with pytest.raises(ConfigError) as caught:
        package_files(replace(CONFIGS["tiny"], act_width=16), "refrain package tiny")
    assert str(caught.value) == (
        "the driver of a package moves values of 8 bits, and configuration tiny has "
        "activation_bits 16; take the gates of refrain verilog and images of refrain compile "
        "instead"
    )
