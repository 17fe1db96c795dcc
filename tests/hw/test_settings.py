"""What is said of the fields of a configuration."""

from dataclasses import MISSING, fields

import pytest

from hw.config import SETTINGS, Config


def test_every_field_is_a_setting_in_its_order():
    held = list(dict.fromkeys(setting.field for setting in SETTINGS.values()))
    assert held == [item.name for item in fields(Config)]
    assert list(SETTINGS) == [setting.name for setting in SETTINGS.values()]
    assert SETTINGS["weight_bits"].field == "multiplier"
    assert SETTINGS["activation_bits"].field == "act_width"


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_setting_is_explained_in_whole_sentences(setting):
    assert setting.meaning.endswith(".") and setting.cost.endswith(".")
    assert setting.allowed and not setting.allowed.endswith(".")
    assert (setting.unit == "") == (setting.kind in (str, bool))


def test_defaults_are_those_of_the_fields():
    given = {item.name: item.default for item in fields(Config) if item.default is not MISSING}
    said = {
        setting.field: setting.default
        for setting in SETTINGS.values()
        if setting.default is not None and setting.field != "multiplier"
    }
    assert said == given


def test_the_documentation_of_the_class_is_made_of_the_same_words():
    words = " ".join(Config.__doc__.split())
    for setting in SETTINGS.values():
        if setting.name != "weight_bits":
            assert f"{setting.field} : " in words
            assert " ".join(setting.meaning.split()) in words
            assert f"Must be {setting.allowed}. Cost: {setting.cost}" in words
