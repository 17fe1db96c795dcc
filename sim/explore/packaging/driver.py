"""The C driver of a package, and networks for its example."""

from collections.abc import Mapping

from hw.descriptor import DESCRIPTOR_BYTES, FIELDS
from hw.modes import Plan
from hw.registers import OVERRIDE_WORD, OVERRIDES, Error
from sim.explore.compiling.made import Made, Wanted, compile_integer
from sim.explore.compiling.writing import compiled_files
from sim.explore.packaging.facts import Facts, filled, template
from sim.image.modes import LayerModes, Modes
from sim.model.random_network import random_network
from sim.networks.network import IntegerNetwork

__all__ = ["driver_files", "example_images", "example_network", "image_files"]

_AS_THEY_ARE = ("board.h", "example.c", "Makefile")
_NAME = "example of a package"
_STEPS = 8
"""Of the batch."""
_INPUTS, _UNITS = 9, 14
"""Sizes of the example, where the configuration has room for them."""


def driver_files(facts: Facts) -> dict[str, str]:
    """Texts of the driver by path in the package."""
    errors = [each for each in Error if each]
    bits = 8 * facts.config.code_bytes
    more = {
        "act_width": str(facts.config.act_width),
        "value_type": f"int{bits}_t",
        "threshold_type": f"uint{bits}_t",
        "high_word": str(FIELDS["x_threshold_high"].word),
        "overrides": str(OVERRIDES),
        "override_word": str(OVERRIDE_WORD),
        "descriptor_bytes": str(DESCRIPTOR_BYTES),
        "states_bits": str(sum(1 << FIELDS[name].lsb for name in ("load_state", "store_state"))),
        "plan_scored": str(int(Plan.SCORED)),
        "mapped_bit": str(1 << FIELDS["mapped"].lsb),
        "places_word": str(FIELDS["keeper"].word),
        "error_codes": ",\n".join(f"  REFRAIN_ERROR_{each.name} = {int(each)}" for each in errors),
        "error_texts": "\n".join(
            f'    case REFRAIN_ERROR_{each.name}:\n      return "{each.name}: {_plain(each.doc)}";'
            for each in errors
        ),
    }
    texts = {name: filled(f"driver/{name}", facts, **more) for name in ("refrain.h", "refrain.c")}
    texts |= {name: template(f"driver/{name}") for name in _AS_THEY_ARE}
    made = f"Made by Refrain {facts.release}. SPDX-License-Identifier: Apache-2.0"
    heads = {".c": f"/* {made} */\n", ".h": f"/* {made} */\n", "": f"# {made}\n\n"}
    return {
        f"driver/{name}": heads["." + name.partition(".")[2] if "." in name else ""] + text
        for name, text in texts.items()
    }


def _plain(text: str) -> str:
    """A text without the marks of code, in a string of C."""
    return text.replace("`", "").replace("\\", "\\\\").replace('"', '\\"')


def example_network(facts: Facts) -> IntegerNetwork:
    """A small network with random weights that fits the configuration."""
    config = facts.config
    sizes = min(_INPUTS, config.max_input), min(_UNITS, config.max_hidden)
    bits = {"weight_bits": config.multiplier.weight_width, "activation_bits": config.act_width}
    return random_network(sizes, seed=1, **bits)


def example_images(facts: Facts) -> dict[str, Made]:
    """Images of the example network: a batch of steps, and one step for streams."""
    network = example_network(facts)
    modes = Modes.of(LayerModes(mode="delta"))
    wanted = {"config": facts.config, "sequences": 1, "modes": modes, "name": _NAME}
    return {
        name: compile_integer(network, Wanted(**wanted, steps=steps))
        for name, steps in (("batch", _STEPS), ("stream", 1))
    }


def image_files(images: Mapping[str, Made]) -> dict[str, bytes]:
    """Files of images by path in the package."""
    return {
        f"images/{name}/{file}": content
        for name, made in images.items()
        for file, content in compiled_files(made, name).items()
    }
