"""The manifest of a compiled network: where everything is, and what it means, for programs."""

import hashlib
import importlib.metadata
import json
from dataclasses import fields
from importlib import resources

import numpy as np

from hw.descriptor import DESCRIPTOR_BYTES, FIELDS
from hw.multipliers.family import Multiplier
from hw.registers import OVERRIDE_WORD, OVERRIDES, REGISTERS
from sim.explore.compiling.made import Made
from sim.explore.compiling.relocating import alignment
from sim.image.image import Placement
from sim.image.memory import Rows, States
from sim.image.weights import part_beats
from sim.networks.network import Quantization

__all__ = ["FORMAT", "VERSION", "manifest_of", "schema"]

FORMAT = "refrain image"
VERSION = 1
"""Of the manifest: a reader of version 1 takes all that have this number."""

_STARTING = (
    *("id", "control", "status", "error", "interrupt", "interrupt_enable"),
    *("descriptor", "output_base", "output_limit"),
)
"""Registers that a host needs for a run."""


def schema() -> dict:
    """The JSON schema of a manifest."""
    text = resources.files("sim.explore.compiling").joinpath("manifest.schema.json").read_text()
    return json.loads(text)


def manifest_of(made: Made, names: dict[str, str]) -> dict:
    """The manifest of an image, ready for JSON.

    Parameters
    ----------
    made : Made
        The image.
    names : dict of str
        Names of its files by kind: ``bin``, ``hex``, ``mem``, ``header``, ``input``, ``input_npy``,
        ``expected`` and ``expected_npy``.
    """
    image, base = made.image, made.wanted.base
    return {
        "format": FORMAT,
        "version": VERSION,
        "generator": f"Refrain {importlib.metadata.version('refrain')}",
        "network": made.wanted.name,
        "configuration": _configuration(made),
        "image": {
            "base": base,
            "bytes": len(made.data),
            "memory_bytes": image.size,
            "alignment": alignment(image.config),
            "sha256": hashlib.sha256(made.data).hexdigest(),
            "files": {kind: names[kind] for kind in ("bin", "hex", "mem", "header")},
        },
        "descriptors": {
            "address": base + image.descriptor,
            "count": len(image.placements),
            "bytes_each": DESCRIPTOR_BYTES,
        },
        "output_window": {
            "base": base + image.output_base,
            "limit": base + image.output_limit,
        },
        "steps": image.steps,
        "sequences": image.sequences,
        "input": _rows(image.x, base) | _form(image.placements[0].direction.x),
        "outputs": [
            _rows(each.h, base)
            | _form(each.direction.h)
            | {"direction": _direction(each), "column": column}
            for each, column in zip(image.outputs, _columns(made), strict=True)
        ],
        "layers": [_layer(made, number) for number in range(len(image.placements))],
        "registers": {name: REGISTERS[name].addr for name in _STARTING},
        "overrides": _overrides(),
        "relocations": [
            {"offset": each.offset, "descriptor": each.descriptor, "field": each.field}
            for each in made.relocations
        ],
        "streaming": _streaming(made),
        "expected_cycles": {"cycles": made.cycles, "memory_latency": made.wanted.latency},
        "test_vector": _test_vector(made, names),
    }


def _configuration(made: Made) -> dict:
    """Every parameter of the machine; of its multiplier the family, the width and the levels."""
    config = made.wanted.config
    values = {item.name: getattr(config, item.name) for item in fields(config)}
    multiplier = values.pop("multiplier")
    return values | {
        "multiplier": type(multiplier).__name__,
        "weight_width": multiplier.weight_width,
        "weight_form": _weight_form(multiplier),
        "levels": list(multiplier.levels),
    }


def _weight_form(multiplier: Multiplier) -> str:
    """How weights are stored, seen at two neighbours of -1."""
    sign = 1 << multiplier.weight_width - 1
    stored = multiplier.encode(np.array([-1, -1], np.int8)).tolist()
    forms = {
        (sign | 1, sign | 1): "sign-magnitude",
        (2 * sign - 1, 2 * sign - 1): "twos-complement",
        (2 * sign - 1, 2 * sign - 2): "pairs",
    }
    return forms[tuple(stored)]


def _rows(rows: Rows, base: int) -> dict:
    return {
        "address": base + rows.addr,
        "values": rows.codes,
        "step_stride": rows.stride,
        "sequence_stride": rows.sequence_stride,
        "bytes": rows.end - rows.addr,
    }


def _form(form: Quantization) -> dict:
    return {"scale": form.scale, "zero_point": form.zero_point, "bits": form.bits}


def _direction(placement: Placement) -> str:
    return "backward" if placement.direction.reverse else "forward"


def _columns(made: Made) -> list[int]:
    """Where the values of each output begin in a row of the test vector."""
    sizes = [each.h.codes for each in made.image.outputs]
    return [sum(sizes[:k]) for k in range(len(sizes))]


def _states(states: States | None, base: int) -> dict | None:
    if states is None:
        return None
    return {"address": base + states.addr, "sequence_stride": states.stride}


def _layer(made: Made, number: int) -> dict:
    placement, base = made.image.placements[number], made.wanted.base
    values, direction, config = placement.fields, placement.direction, made.image.config
    table = base + made.image.descriptor + DESCRIPTOR_BYTES * number
    bits = [beats * config.bus_width // config.lanes for beats in part_beats(values)]
    return {
        "layer": placement.layer,
        "direction": _direction(placement),
        "inputs": values["input_size"],
        "hidden": values["hidden_size"],
        "descriptor": table,
        "params": base + values["params_addr"],
        "weights": base + values["weights_addr"],
        "weight_bits": bits[1],
        "x_weight_bits": bits[0],
        "blocks": config.blocks(values["hidden_size"]),
        "resident_blocks": values["resident_blocks"],
        **_map(placement, base),
        "state_in": _states(placement.state_in, base),
        "state_out": _states(placement.state_out, base),
        "x": _form(direction.x),
        "h": _form(direction.h),
        "c_scale": 2.0**direction.c_power,
        "settings": made.modes[placement.layer].changed(),
        "mode_words": [
            {"word": word, "address": table + 4 * word, "value": value}
            for word, value in _mode_words(made, number).items()
        ],
    }


def _map(placement: Placement, base: int) -> dict:
    """Of a layer with a map: where it and the words of streamed blocks are, and what they lack."""
    values, stored = placement.fields, placement.stored
    if stored is None:
        return {}
    return {
        "map": {
            "address": base + values["map_addr"],
            "words": values["map_words"],
            "x_stream": base + values["x_stream_addr"],
            "h_stream": base + values["h_stream_addr"],
            "stored_words": int(stored.block_words.sum()),
            "left_out_words": stored.left_out,
        }
    }


def _mode_words(made: Made, number: int) -> dict[int, int]:
    """Words of a descriptor that hold settings of modes, and their values."""
    words = [*range(OVERRIDE_WORD, OVERRIDE_WORD + OVERRIDES)]
    if made.image.config.act_width > 8:
        words.append(FIELDS["x_threshold_high"].word)
    table = np.frombuffer(made.image.table, "<u4").reshape(len(made.image.placements), -1)
    return {word: int(table[number, word]) for word in words}


def _overrides() -> dict:
    """The registers that stand for words of every descriptor, and what is in these words."""
    return {
        "enable": REGISTERS["override"].addr,
        "words": [
            {
                "word": OVERRIDE_WORD + k,
                "register": REGISTERS[f"override_{k}"].addr,
                "enable_bit": k,
                "fields": [
                    {"name": each.name, "lsb": each.lsb, "width": each.width}
                    for each in FIELDS.values()
                    if each.word == OVERRIDE_WORD + k
                ],
            }
            for k in range(OVERRIDES)
        ],
    }


def _streaming(made: Made) -> dict:
    """Words to write so that later runs go on from the one before."""
    table = made.wanted.base + made.image.descriptor
    first = [int.from_bytes(made.data[_at(made, k)], "little") for k in range(len(made.resumed))]
    return {
        "possible": made.why_not_resumed is None,
        "why_not": made.why_not_resumed,
        "words": [
            {"address": table + DESCRIPTOR_BYTES * k, "first": first[k], "resumed": word}
            for k, word in enumerate(made.resumed)
        ],
    }


def _at(made: Made, number: int) -> slice:
    start = made.image.descriptor + DESCRIPTOR_BYTES * number
    return slice(start, start + 4)


def _test_vector(made: Made, names: dict[str, str]) -> dict:
    return {
        "input": {
            "bin": names["input"],
            "npy": names["input_npy"],
            "address": made.wanted.base + made.image.x.addr,
            "shape": list(made.x.shape),
        },
        "expected": {
            "bin": names["expected"],
            "npy": names["expected_npy"],
            "shape": list(made.h.shape),
        },
    }
