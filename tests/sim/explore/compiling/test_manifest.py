"""A manifest follows its schema and says what the image holds."""

import hashlib
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from hw.config import CONFIGS
from hw.descriptor import unpack
from hw.multipliers.booth import Booth
from hw.multipliers.dsp_pair import DspPair
from hw.registers import REGISTERS
from sim.explore.compiling.manifest import schema
from sim.image.modes import LayerModes, Modes
from sim.model.random_network import random_network

BASE = 0x8000


def _word(data, offset):
    return int.from_bytes(data[offset : offset + 4], "little")


@pytest.fixture(scope="module")
def made(compiled):
    return compiled(base=BASE)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_manifest_follows_the_schema(compiled, manifest, name):
    jsonschema.Draft202012Validator.check_schema(schema())
    delta = LayerModes(mode="delta", h_threshold=3)
    for wanted in ({}, {"base": BASE}, {"modes": Modes.of(delta)}):
        found = manifest(compiled(config=CONFIGS[name], **wanted))
        jsonschema.validate(found, schema(), jsonschema.Draft202012Validator)


def test_the_manifest_of_a_machine_with_wide_activations_follows_the_schema(compiled, manifest):
    network = random_network((5, 6), activation_bits=16)
    found = manifest(compiled(network=network, config=replace(CONFIGS["tiny"], act_width=16)))
    jsonschema.validate(found, schema(), jsonschema.Draft202012Validator)


def test_a_map_is_in_the_manifest_of_its_layer(sparse, manifest):
    made = sparse(base=BASE)
    found = manifest(made)
    jsonschema.validate(found, schema(), jsonschema.Draft202012Validator)
    assert found["configuration"]["map_words"] == 512
    assert [("map" in layer) for layer in found["layers"]] == [True, True, False]
    for layer, placement in zip(found["layers"][:2], made.image.placements, strict=False):
        fields = placement.fields
        assert layer["map"] == {
            "address": BASE + fields["map_addr"],
            "words": fields["map_words"],
            "x_stream": BASE + fields["x_stream_addr"],
            "h_stream": BASE + fields["h_stream_addr"],
            "stored_words": int(placement.stored.block_words.sum()),
            "left_out_words": placement.stored.left_out,
        }


@pytest.mark.parametrize("path", [("image", "sha256"), ("input", "address"), ("steps",)])
def test_the_schema_refuses_what_is_missing_or_too_much(made, manifest, path):
    *outer, last = path
    for change in (lambda part: part.pop(last), lambda part: part.update(more=1)):
        found = manifest(made)
        part = found
        for name in outer:
            part = part[name]
        change(part)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(found, schema())


def test_addresses_are_those_of_the_descriptors(made, manifest):
    found = manifest(made)
    assert found["descriptors"] == {"address": BASE, "count": 4, "bytes_each": 256}
    for number, layer in enumerate(found["layers"]):
        assert layer["descriptor"] == BASE + 256 * number
        values = unpack(made.data[256 * number : 256 * (number + 1)])
        assert layer["params"] == values["params_addr"]
        assert layer["weights"] == values["weights_addr"]
        assert layer["state_in"]["address"] == values["state_in_addr"]
        assert layer["state_out"]["address"] == values["state_out_addr"]
        assert layer["state_out"]["sequence_stride"] == values["state_sequence_stride"]
        assert (layer["inputs"], layer["hidden"]) == (values["input_size"], values["hidden_size"])
        assert (layer["direction"] == "backward") == (values["x_step_stride"] < 0)
    assert found["input"]["address"] == unpack(made.data)["x_addr"] == BASE + len(made.data)
    last = unpack(made.data[512:])
    assert found["outputs"][0]["address"] == last["h_addr"]
    assert [each["column"] for each in found["outputs"]] == [0, 7]
    for each in (*found["outputs"], *(layer["state_out"] for layer in found["layers"])):
        window = found["output_window"]
        assert window["base"] <= each["address"] < window["limit"]


def test_the_image_is_the_one_that_the_hash_is_of(made, manifest):
    image = manifest(made)["image"]
    assert image["sha256"] == hashlib.sha256(made.data).hexdigest()
    assert image["bytes"] == len(made.data) < image["memory_bytes"]


def test_words_of_modes_are_where_it_says(compiled, manifest):
    modes = Modes.of(
        [LayerModes(mode="delta", x_threshold=4), LayerModes(skip_threshold=0.5, mode="skip")]
    )
    made = compiled(base=BASE, modes=modes)
    found = manifest(made)
    for layer in found["layers"]:
        assert [each["word"] for each in layer["mode_words"]] == [33, 34, 35]
        for each in layer["mode_words"]:
            assert each["address"] == layer["descriptor"] + 4 * each["word"]
            assert each["value"] == _word(made.data, each["address"] - BASE)
    fields = {each["name"]: each for each in found["overrides"]["words"][0]["fields"]}
    x = fields["x_threshold"]
    value = found["layers"][0]["mode_words"][0]["value"]
    assert value >> x["lsb"] & (1 << x["width"]) - 1 == 4
    assert found["layers"][0]["settings"] == {"mode": "delta", "x_threshold": 4}
    assert found["overrides"]["enable"] == REGISTERS["override"].addr
    assert found["overrides"]["words"][2]["register"] == REGISTERS["override_2"].addr


def test_a_run_that_goes_on_differs_in_the_first_words(compiled, manifest):
    made = compiled(network=random_network((5, 6, 7), seed=2, initial=True), sequences=1, base=BASE)
    streaming = manifest(made)["streaming"]
    assert streaming["possible"] and streaming["why_not"] is None
    for number, word in enumerate(streaming["words"]):
        assert word["address"] == BASE + 256 * number
        assert word["first"] == _word(made.data, 256 * number)
        first, resumed = (
            unpack(word[name].to_bytes(4, "little") + bytes(252)) for name in ("first", "resumed")
        )
        loads = ("load_params", "load_weights", "load_state")
        assert [first[name] for name in loads] == [1, 1, 1]
        assert [resumed[name] for name in loads] == [0, 0, 0]
        assert (first["resume"], resumed["resume"]) == (0, 1)
        assert first["last"] == resumed["last"] == number


def test_why_runs_cannot_go_on_is_told(made, manifest):
    streaming = manifest(made)["streaming"]
    assert not streaming["possible"] and streaming["words"] == []
    assert streaming["why_not"].startswith("layer 0 runs backward")


@pytest.mark.parametrize(
    "multiplier, form",
    [(None, "sign-magnitude"), (Booth(), "twos-complement"), (DspPair(), "pairs")],
)
def test_the_form_of_weights_is_told(compiled, manifest, multiplier, form):
    config = CONFIGS["tiny"]
    if multiplier is not None:
        config = replace(config, multiplier=multiplier)
    found = manifest(compiled(config=config))
    assert found["configuration"]["weight_form"] == form


def test_no_time_is_expected_where_the_model_has_none(compiled, manifest):
    config = replace(CONFIGS["tiny"], lookahead=4)
    modes = Modes.of(LayerModes(lookahead=4))
    found = manifest(compiled(config=config, modes=modes))
    assert found["expected_cycles"]["cycles"] is None
    assert manifest(compiled())["expected_cycles"]["cycles"] > 100


def test_scales_are_those_of_the_network(compiled, manifest):
    network = random_network((5, 6, 7), seed=3)
    found = manifest(compiled(network=network))
    x, h = network.layers[0].directions[0].x, network.layers[1].directions[0].h
    assert (found["input"]["scale"], found["input"]["zero_point"]) == (x.scale, x.zero_point)
    assert (found["outputs"][0]["scale"], found["outputs"][0]["zero_point"]) == (
        h.scale,
        h.zero_point,
    )
    assert found["layers"][0]["c_scale"] == 2**-11
    assert np.prod(found["test_vector"]["expected"]["shape"]) == 2 * 3 * 7
