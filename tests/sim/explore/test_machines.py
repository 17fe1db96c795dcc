"""Configurations by name, with changes."""

from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS, SETTINGS, ConfigError
from hw.multipliers.catalogue import find_multiplier
from hw.multipliers.exact import Exact
from hw.multipliers.imported import Entries, TableMultiplier
from sim.explore.machine_values import changed, parse_changes, values_of
from sim.explore.machines import find_config, make_config
from sim.networks.network import NetworkError

EDGE = CONFIGS["edge"]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_name_is_found(name):
    assert find_config(name) is CONFIGS[name]
    assert find_config(name, []) is CONFIGS[name]


def test_changes_are_made_together():
    # Each alone contradicts the rest.
    found = find_config("edge", ["lanes=16", "bus-width = 64", "weight_bits=4", "clock_mhz=80"])
    expected = replace(EDGE, lanes=16, bus_width=64, multiplier=Exact(weight_width=4), clock_mhz=80)
    assert found == expected and isinstance(found.clock_mhz, float)


def test_a_multiplier_and_its_width_are_changed_apart_and_together():
    truncated = find_multiplier("truncated:4,5", 8)
    drum = find_config("edge", ["multiplier=drum:4"])
    assert find_config("edge", ["multiplier=truncated:4,5"]).multiplier == truncated
    assert changed(drum, {"weight_bits": 6}).multiplier == find_multiplier("drum:4", 6)
    both = find_config("edge", ["multiplier=drum:4", "weight_bits=6"])
    assert both.multiplier == find_multiplier("drum:4", 6)
    assert make_config("chip", weight_bits=4).multiplier == Exact(weight_width=4, tree=True)


def test_a_choice_is_true_or_false():
    assert find_config("edge", ["row_scales=true"]) == replace(EDGE, row_scales=True)
    assert find_config("edge", ["row-scales=False"]) == EDGE
    scaled = replace(EDGE, row_scales=True)
    assert make_config("edge", row_scales=True) == make_config(scaled) == scaled


def test_options_and_changes_are_one():
    made = make_config("edge", "drum:4", 6, 7, changes=["lanes=128"])
    assert made == find_config(
        "edge", ["multiplier=drum:4", "weight_bits=6", "activation_bits=7", "lanes=128"]
    )
    assert make_config(EDGE, weight_bits=4) == make_config("edge", weight_bits=4)


FIELDS = ", ".join(SETTINGS)
REFUSED = [
    (["lanes"], "--set takes FIELD=VALUE, such as lanes=16, not lanes"),
    (["lane=16"], f"there is no field lane; the fields are {FIELDS}; did you mean lanes?"),
    (["qqq=16"], f"there is no field qqq; the fields are {FIELDS}"),
    (["lanes=x"], "lanes must be a power of two from 4 to 4096, not 'x'"),
    (["lanes="], "lanes must be a power of two from 4 to 4096, not ''"),
    (["lanes=1.5"], "lanes must be a power of two from 4 to 4096, not '1.5'"),
    (["clock_mhz=fast"], "clock_mhz must be a positive number, not 'fast'"),
    (["clock_mhz=nan"], "clock_mhz must be a positive number, not nan"),
    (["lanes=24"], "lanes must be a power of two of at least 4, not 24"),
    (["lanes=8", "lanes=16"], "lanes is given twice by --set: as 8 and as 16; give one of them"),
    (["activation_bits=9"], "activation_bits must be from 4 to 8, or 16, not 9"),
    (["weight_bits=9"], "weight_bits must be an integer from 4 to 8, not 9"),
    (
        ["lanes=8"],
        "bus_width must be at most 64, what 8 lanes of 8-bit weights use per cycle, not 128",
    ),
    (["row_scales=1"], "row_scales must be true or false, not '1'"),
    (["name=a b"], f"name must be {SETTINGS['name'].allowed}, not 'a b'"),
]


@pytest.mark.parametrize("changes, sentence", REFUSED, ids=lambda value: str(value)[:24])
def test_changes_that_cannot_be_are_one_sentence(changes, sentence):
    with pytest.raises(ConfigError) as error:
        find_config("edge", changes)
    assert str(error.value) == sentence


def test_a_multiplier_that_is_none_is_refused():
    with pytest.raises(NetworkError, match=r"^there is no multiplier drom; the multipliers are "):
        find_config("edge", ["multiplier=drom"])


def test_a_value_that_an_option_gives_too_is_refused():
    sentence = "weight_bits is given twice: by --weight-bits and by --set; give one of them"
    with pytest.raises(ConfigError) as error:
        make_config("edge", weight_bits=4, changes=["weight_bits=4"])
    assert str(error.value) == sentence


def test_the_nearest_name_is_suggested():
    with pytest.raises(ConfigError) as error:
        find_config("egde")
    assert str(error.value) == (
        "there is no configuration egde; the configurations are tiny, speech, small, edge, chip, "
        "or name a .toml file; did you mean edge?"
    )


def test_values_have_the_names_of_files():
    assert parse_changes(["clock_mhz=80", "lanes=16"]) == {"clock_mhz": 80.0, "lanes": 16}
    values = values_of(CONFIGS["chip"])
    assert list(values) == list(SETTINGS)
    assert (values["multiplier"], values["weight_bits"]) == ("exact-tree", 8)
    assert (values["lanes"], values["activation_bits"]) == (128, 8)


def test_a_multiplier_without_a_name_is_told_by_its_parts():
    table = np.outer(np.arange(-128, 128), np.arange(-128, 128))
    multiplier = TableMultiplier(weight_width=8, entries=Entries.of(table))
    told = values_of(replace(EDGE, multiplier=multiplier))["multiplier"]
    assert told == repr(multiplier)
