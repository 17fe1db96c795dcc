"""Settings of modes: what they mean in a descriptor, and what is refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.descriptor import FIELDS, unpack
from hw.modes import Middle, Plan
from hw.multipliers.masked import MaskedArray
from sim.image.compile import compile_network
from sim.image.modes import NORMAL, LayerModes, Modes, distance
from sim.model.random_network import random_network
from sim.networks.network import NetworkError

TINY = CONFIGS["tiny"]
ZERO = dict.fromkeys(LayerModes().fields(), 0)
THRESHOLDS = {"x_threshold": 3, "h_threshold": 5}


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({}, {}),
        ({**THRESHOLDS, "max_skips": 2, "normal_every": 3, "skip_action": "freeze"}, {}),
        ({"zero_skip": True}, {"zero_skip": 1}),
        (
            {"mode": "delta", **THRESHOLDS, "normal_every": 9, "zero_skip": True},
            {"plan": Plan.MIDDLE, **THRESHOLDS, "normal_every": 9, "zero_skip": 1},
        ),
        ({"mode": "delta", "skip_threshold": 0.5, "reference": "previous"}, {"plan": Plan.MIDDLE}),
        (
            {"mode": "reduced", **THRESHOLDS},
            {"plan": Plan.MIDDLE, "middle": Middle.REDUCED},
        ),
        (
            {"mode": "skip", "skip_threshold": 0.75, "delta_threshold": 0.5, "max_skips": 7},
            {"skip": 1, "skip_distance": 0x4000, "max_skips": 7},
        ),
        (
            {"mode": "skip", "skip_threshold": 1, "skip_action": "freeze", "normal_every": 8},
            {"skip": 1, "freeze": 1, "normal_every": 8},
        ),
        (
            {"mode": "auto", "delta_threshold": 0.5, "reference": "previous", "max_skips": 7},
            {"plan": Plan.SCORED, "middle_distance": 0x8000, "previous": 1},
        ),
        (
            {"mode": "auto", "delta_threshold": 0, "skip_threshold": 0.0, **THRESHOLDS},
            {"plan": Plan.MIDDLE, "skip": 1, "skip_distance": 0xFFFF, **THRESHOLDS},
        ),
        (
            {"mode": "auto", "delta_threshold": 1, "middle": "reduced", **THRESHOLDS},
            {"plan": Plan.SCORED, "middle": Middle.REDUCED},
        ),
    ],
)
def test_settings_become_descriptor_fields(settings, fields):
    assert LayerModes(**settings).fields() == {**ZERO, **fields}


def test_a_score_of_one_asks_for_equal_rows():
    assert [distance(score) for score in (1, 0.9, 0.5, 0)] == [0, 6554, 0x8000, 0xFFFF]


scores = st.one_of(st.none(), st.floats(0, 1))


@given(
    mode=st.sampled_from(["normal", "delta", "reduced", "skip", "auto"]),
    codes=st.lists(st.integers(0, 255), min_size=2, max_size=2),
    counts=st.lists(st.integers(0, 65535), min_size=2, max_size=2),
    given_scores=st.lists(scores, min_size=2, max_size=2),
    middle=st.sampled_from(["delta", "reduced"]),
    zero_skip=st.booleans(),
)
def test_what_is_unused_changes_no_field_and_what_is_used_survives_a_file(
    tmp_path_factory, mode, codes, counts, given_scores, middle, zero_skip
):
    skip, delta = given_scores
    try:
        layer = LayerModes(
            mode=mode,
            x_threshold=codes[0],
            h_threshold=codes[1],
            max_skips=counts[0],
            normal_every=counts[1],
            skip_threshold=skip,
            delta_threshold=delta,
            middle=middle,
            zero_skip=zero_skip,
        )
    except NetworkError:
        assert (mode, skip) == ("skip", None) or (mode, delta) == ("auto", None)
        return
    default = {name: getattr(LayerModes(), name) for name in layer.unused()}
    assert replace(layer, **default).fields() == layer.fields()
    assert replace(layer, **default).unused() == ()
    for name, value in layer.fields().items():
        assert 0 <= value < 1 << FIELDS[name].width
    assert layer.plain == (layer.fields() == ZERO)
    path = tmp_path_factory.getbasetemp() / "settings.json"
    path.write_text(Modes.of(layer).to_json())
    assert Modes.read(path) == Modes.of(layer)


def refusal(**settings):
    with pytest.raises(NetworkError) as caught:
        LayerModes(**settings)
    return str(caught.value)


def test_settings_that_cannot_be_are_refused():
    assert refusal(mode="fast") == "mode must be normal, delta, reduced, skip or auto, not fast"
    assert refusal(skip_action="stop") == "skip_action must be freeze or hold, not stop"
    sentence = "x_threshold must be a whole number from 0 to 65535, not 65536"
    assert refusal(x_threshold=65536) == sentence
    assert refusal(h_threshold=-1) == "h_threshold must be a whole number from 0 to 65535, not -1"
    assert refusal(max_skips=1.5) == "max_skips must be a whole number from 0 to 65535, not 1.5"
    assert refusal(normal_every=True) == (
        "normal_every must be a whole number from 0 to 65535, not True"
    )
    assert refusal(skip_threshold=1.01) == "skip_threshold must be a number from 0 to 1, not 1.01"
    assert refusal(delta_threshold=float("nan")) == (
        "delta_threshold must be a number from 0 to 1, not nan"
    )
    assert refusal(delta_threshold="a") == "delta_threshold must be a number from 0 to 1, not a"
    assert refusal(zero_skip=2) == "zero_skip must be true or false, not 2"
    assert refusal(mode="skip") == "mode skip needs a skip_threshold"
    assert refusal(mode="auto", skip_threshold=0.9) == "mode auto needs a delta_threshold"


def test_one_setting_is_for_all_layers_and_several_for_one_each():
    delta = LayerModes(mode="delta")
    assert Modes.of(None) is NORMAL and NORMAL.plain
    assert Modes.of(delta).for_layers(3) == (delta,) * 3
    both = Modes.of([delta, LayerModes()])
    assert both.for_layers(2) == (delta, LayerModes()) and not both.plain
    assert Modes.of(both) is both
    assert both.replace(mode="normal").plain
    with pytest.raises(NetworkError) as caught:
        both.for_layers(3)
    assert str(caught.value) == "the settings are for 2 layers, and the network has 3"
    with pytest.raises(NetworkError) as caught:
        Modes.of([])
    assert str(caught.value) == "the settings must be for at least one layer"


def test_a_file_holds_layers_and_notes(tmp_path):
    path = tmp_path / "settings.json"
    modes = Modes(layers=(LayerModes(mode="delta", x_threshold=4),), notes={"loss": 0.01})
    path.write_text(modes.to_json())
    assert json.loads(path.read_text()) == {
        "layers": [{"mode": "delta", "x_threshold": 4}],
        "notes": {"loss": 0.01},
    }
    assert Modes.read(path).notes == {"loss": 0.01}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "{} is not a settings file: it is not JSON"),
        ("[]", '{} is not a settings file: it has no list of settings named "layers"'),
        ('{"layers": [3]}', '{} is not a settings file: it has no list of settings named "layers"'),
        ('{"layers": []}', "{}: the settings must be for at least one layer"),
        ('{"layers": [{"speed": 3}]}', "{} has an unknown setting, speed"),
        ('{"layers": [{}], "notes": 3}', '{} is not a settings file: "notes" must be an object'),
        (
            '{"layers": [{"mode": "skip"}]}',
            "{}: mode skip needs a skip_threshold",
        ),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, text, sentence):
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(NetworkError) as caught:
        Modes.read(path)
    assert str(caught.value) == sentence.replace("{}", str(path), 1)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(NetworkError) as caught:
        Modes.read(tmp_path / "no.json")
    assert str(caught.value) == f"{tmp_path / 'no.json'} cannot be read: No such file or directory"


def test_an_image_holds_the_settings_of_each_layer_for_both_directions():
    network = random_network([5, 6, 7], bidirectional=True)
    layers = [LayerModes(mode="delta", x_threshold=4), LayerModes(zero_skip=True)]
    image = compile_network(network, TINY, steps=3, sequences=2, modes=layers, resident=False)
    for k, placement in enumerate(image.placements):
        fields = unpack(image.data[256 * k : 256 * k + 256])
        assert layers[k // 2].fields().items() <= fields.items()
        columns, hidden = [(11, 6), (19, 7)][k // 2]
        assert fields["dense_macs"] == columns * 4 * hidden
        assert fields["dense_bytes"] == -(-hidden // 2) * columns * 8
        assert not placement.plain
    image = compile_network(network, TINY, steps=3, sequences=2, resident=True)
    assert all(each.plain and not each.fields["dense_bytes"] for each in image.placements)


def test_settings_for_another_network_are_refused():
    with pytest.raises(NetworkError) as caught:
        compile_network(
            random_network([5, 6]), TINY, steps=1, sequences=1, modes=[LayerModes()] * 2
        )
    assert str(caught.value) == "the settings are for 2 layers, and the network has 1"


@pytest.mark.parametrize("value", [0, 17, True, 2.0])
def test_a_lookahead_is_one_to_sixteen_steps(value):
    with pytest.raises(NetworkError) as caught:
        LayerModes(lookahead=value)
    assert str(caught.value) == f"lookahead must be a whole number from 1 to 16, not {value}"


@pytest.mark.parametrize(
    "settings", [{"mode": "skip", "skip_threshold": 1.0}, {"mode": "auto", "delta_threshold": 0.5}]
)
def test_lookahead_is_refused_where_modes_depend_on_inputs(settings):
    with pytest.raises(NetworkError) as caught:
        LayerModes(lookahead=2, **settings)
    assert str(caught.value) == (
        f"lookahead must be 1 in mode {settings['mode']}: which steps a fetch serves must not "
        f"depend on their inputs"
    )


def test_lookahead_is_refused_with_a_level():
    with pytest.raises(NetworkError) as caught:
        LayerModes(mode="delta", lookahead=2, delta_level=1)
    assert str(caught.value) == (
        "lookahead must be 1 where a level of the multiplier is set: one fetch serves exact "
        "products of x"
    )


def test_with_lookahead_delta_steps_take_all_of_x():
    modes = LayerModes(mode="delta", lookahead=4, x_threshold=3, h_threshold=2)
    assert modes.unused() == ("x_threshold",)
    fields = modes.fields()
    assert (fields["lookahead"], fields["x_threshold"], fields["h_threshold"]) == (4, 0, 2)
    assert LayerModes().fields()["lookahead"] == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"delta_level": 16}, "delta_level must be a number from 0 to 15 or a name, not 16"),
        ({"reduced_level": ""}, "reduced_level must be a number from 0 to 15 or a name, not ''"),
        ({"unsafe_level": -1}, "unsafe_level must be a number from 0 to 15 or a name, not -1"),
    ],
)
def test_levels_must_be_numbers_or_names(settings, sentence):
    with pytest.raises(NetworkError) as caught:
        LayerModes(**settings)
    assert str(caught.value) == sentence


def test_levels_become_descriptor_fields_where_steps_take_them():
    config = replace(TINY, multiplier=MaskedArray())
    levels = {"delta_level": "columns < 5", "reduced_level": 3}
    flushed = {"normal_every": 64}
    for settings, expected in (
        ({}, (0, 0)),
        ({"mode": "skip", "skip_threshold": 0.5}, (0, 0)),
        ({"mode": "delta", **flushed}, (2, 0)),
        ({"mode": "reduced"}, (0, 3)),
        ({"mode": "auto", "delta_threshold": 0.5, **flushed}, (2, 0)),
        ({"mode": "auto", "delta_threshold": 0.5, "middle": "reduced"}, (0, 3)),
    ):
        modes = LayerModes(**settings, **levels)
        network = random_network([2, 2])
        image = compile_network(network, config, steps=1, sequences=1, modes=modes)
        found = unpack(image.data)
        assert (found["delta_level"], found["reduced_level"]) == expected
    again = Modes.of(LayerModes(mode="delta", **levels)).to_json()
    assert json.loads(again)["layers"][0]["delta_level"] == "columns < 5"
