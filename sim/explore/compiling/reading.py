"""What is in an image or a manifest, told from the file alone."""

import hashlib
import json
from pathlib import Path

from hw.descriptor import DESCRIPTOR_BYTES, FIELDS, HIGH_FIELDS, MAGIC, unpack
from hw.maps.layout import MAP_WORD_BYTES
from hw.modes import Middle, Plan
from sim.explore.compiling.formats import IMAGE_SUFFIXES, read_image
from sim.explore.compiling.manifest import FORMAT, VERSION, schema
from sim.image.maps import map_words, unpack_map
from sim.image.weights import part_beats
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["IMAGE", "is_image", "tell_image"]

IMAGE = "image"
"""The kind of what ``tell_image`` tells."""
_LEFT_OUT = "words not stored"


def is_image(path: Path) -> bool:
    """Whether a file is an image or a manifest, by its name and its first bytes.

    A ``.bin`` file may also hold weights of PyTorch, and a ``.json`` file is no network.
    """
    suffix = path.suffix.lower()
    if suffix not in (*IMAGE_SUFFIXES, ".json"):
        return False
    if suffix != ".bin":
        return True
    try:
        with path.open("rb") as file:
            first = file.read(2)
    except OSError:
        # Whoever reads it as something else says why it cannot be read.
        return False
    return (
        len(first) == 2 and int.from_bytes(first, "little") % (1 << FIELDS["magic"].width) == MAGIC
    )


def tell_image(path: Path) -> dict:
    """What is in an image or a manifest, ready for JSON.

    Returns
    -------
    dict
        ``file``, ``kind`` (``image``), ``what`` it is, ``bytes``, ``sha256``, ``layers`` (a row for
        each descriptor), ``memory`` (rows of regions), ``configuration`` and ``expected_cycles``
        where a manifest says them, ``notes``, ``manifest`` (all of it) or None.

    Raises
    ------
    NetworkError
        The file is missing or is neither.
    """
    if path.suffix.lower() == ".json":
        return _of_manifest(path)
    data = read_image(path)
    descriptors = _descriptors(path, data)
    beside = path.with_name("manifest.json")
    known = " the manifest beside it says more" if beside.is_file() else ""
    return {
        "file": str(path),
        "kind": IMAGE,
        "what": f"an image of {len(descriptors)} layer descriptors;{known}".rstrip(";"),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "layers": _layers(data, descriptors),
        "memory": _places(descriptors),
        "configuration": None,
        "expected_cycles": None,
        "notes": ["a run takes {sequences} sequences of {steps} steps".format(**descriptors[0])],
        "manifest": None,
    }


def _descriptors(path: Path, data: bytes) -> list[dict[str, int]]:
    """The table at the begin of an image, which ends at the descriptor that says so."""
    found = []
    for start in range(0, len(data) - DESCRIPTOR_BYTES + 1, DESCRIPTOR_BYTES):
        values = unpack(data[start : start + DESCRIPTOR_BYTES])
        if values["magic"] != MAGIC:
            break
        found.append(values)
        if values["last"]:
            return found
    raise NetworkError(
        f"{path} is not an image: no table of layer descriptors is at its begin; give what refrain "
        f"compile writes"
    )


def _layers(data: bytes, descriptors: list[dict[str, int]]) -> list[dict]:
    """Every descriptor in words."""
    rows = [_layer(number, values) for number, values in enumerate(descriptors)]
    if any(values["mapped"] for values in descriptors):
        # refrain compile puts the first parameters right behind the table.
        base = descriptors[0]["params_addr"] - DESCRIPTOR_BYTES * len(descriptors)
        for row, values in zip(rows, descriptors, strict=True):
            row[_LEFT_OUT] = _told_words(_mapped_words(data, base, values))
    return rows


def _layer(number: int, values: dict[str, int]) -> dict:
    """A descriptor in words."""
    sizes, beats = (values["input_size"], values["hidden_size"]), part_beats(values)
    block_beats = sum(size * each for size, each in zip(sizes, beats, strict=True))
    beat = values["block_bytes"] // block_beats if block_beats else 0
    # A descriptor with a map does not say how many bytes a beat has.
    x_bytes, h_bytes = (None if values["mapped"] else each * beat for each in beats)
    return {
        "descriptor": number,
        "inputs": values["input_size"],
        "hidden": values["hidden_size"],
        "direction": "backward" if values["x_step_stride"] < 0 else "forward",
        "bytes of a word of x": x_bytes,
        "bytes of a word of h": h_bytes,
        "blocks that stay": values["resident_blocks"],
        "steps are": _mode(values),
        "state begins as": "given" if values["load_state"] else "zero",
    }


def _mapped_words(data: bytes, base: int, values: dict[str, int]) -> tuple[int, int] | None:
    """Column words of a layer that are left out and stored; None where its map is not found."""
    if not values["mapped"]:
        return 0, 0
    inputs, hidden = values["input_size"], values["hidden_size"]
    begin = values["map_addr"] - base
    found = data[begin : begin + MAP_WORD_BYTES * values["map_words"]] if begin >= 0 else b""
    blocks, rest = divmod(values["map_words"], map_words(inputs, hidden, 1))
    if rest or not blocks or len(found) < MAP_WORD_BYTES * values["map_words"]:
        return None
    stored, _ = unpack_map(found, inputs, hidden, blocks)
    if not all(part[:, -1].all() for part in stored.parts):
        return None
    return stored.left_out, int(stored.block_words.sum())


def _told_words(words: tuple[int, int] | None) -> str:
    """How many of all words are left out."""
    if words is None:
        return "unknown"
    left_out, stored = words
    return f"{left_out} of {left_out + stored}" if left_out else "none"


def _places(descriptors: list[dict[str, int]]) -> list[dict]:
    """Where what each descriptor points at begins."""
    fields = {"x": "x_addr", "h": "h_addr", "params": "params_addr", "weights": "weights_addr"}
    of_maps = {"map": "map_addr", "words of x": "x_stream_addr", "words of h": "h_stream_addr"}
    shown = fields | (of_maps if any(values["mapped"] for values in descriptors) else {})
    return [
        {"descriptor": number}
        | {
            name: f"0x{values[field]:08x}" if name in fields or values["mapped"] else "-"
            for name, field in shown.items()
        }
        for number, values in enumerate(descriptors)
    ]


def _mode(values: dict[str, int]) -> str:
    """What steps do, and with which thresholds."""
    middle = "reduced" if values["middle"] == Middle.REDUCED else "delta"
    plan = {Plan.NORMAL: "normal", Plan.MIDDLE: middle}
    text = plan.get(values["plan"], f"normal or {middle} by the score")
    if middle == "delta" and values["plan"] != Plan.NORMAL:
        x, h = (
            values[name] | values[high] << FIELDS[name].width for name, high in HIGH_FIELDS.items()
        )
        text += f" (x {x}, h {h})"
    return text + (" or skipped" if values["skip"] else "")


def _of_manifest(path: Path) -> dict:
    manifest = _read_manifest(path)
    image = manifest["image"]
    return {
        "file": str(path),
        "kind": IMAGE,
        "what": f"the manifest of an image, version {manifest['version']}: {manifest['network']} "
        f"for the configuration {manifest['configuration']['name']}",
        "bytes": image["bytes"],
        "sha256": image["sha256"],
        "layers": _told_layers(manifest["layers"]),
        "memory": _memory(manifest),
        "configuration": manifest["configuration"],
        "expected_cycles": manifest["expected_cycles"]["cycles"],
        "notes": list(_notes(path, manifest)),
        "manifest": manifest,
    }


def _read_manifest(path: Path) -> dict:
    # Here, as other files are looked into without it.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    except (ValueError, RecursionError):
        raise NetworkError(f"{path} is not a manifest: it is not JSON") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise NetworkError(
            f"{path} is not a manifest: its format is not {FORMAT!r}; refrain compile writes "
            f"manifests"
        )
    if values.get("version") != VERSION:
        raise NetworkError(
            f"{path} is a manifest of version {values.get('version')!r:.40}, and version {VERSION} "
            f"can be read: compile the network again"
        )
    wrong = best_match(Draft202012Validator(schema()).iter_errors(values))
    if wrong is not None:
        raise NetworkError(
            f"{path} is a damaged manifest: at {wrong.json_path}, {wrong.message:.160}"
        )
    return values


def _told_layers(layers: list[dict]) -> list[dict]:
    rows = [_told_layer(layer) for layer in layers]
    if any("map" in layer for layer in layers):
        for row, layer in zip(rows, layers, strict=True):
            known = layer.get("map", {"left_out_words": 0, "stored_words": 0})
            row[_LEFT_OUT] = _told_words((known["left_out_words"], known["stored_words"]))
    return rows


def _told_layer(layer: dict) -> dict:
    settings = dict(layer["settings"])
    mode = settings.pop("mode", "normal")
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    return {
        "layer": layer["layer"],
        "direction": layer["direction"],
        "inputs": layer["inputs"],
        "hidden": layer["hidden"],
        "descriptor": f"0x{layer['descriptor']:08x}",
        "params": f"0x{layer['params']:08x}",
        "weights": f"0x{layer['weights']:08x}",
        "bits of W and R": f"{layer['x_weight_bits']}, {layer['weight_bits']}",
        "blocks": layer["blocks"],
        "blocks that stay": layer["resident_blocks"],
        "steps are": f"{mode} ({told})" if told else mode,
        "state begins as": "given" if layer["state_in"] else "zero",
    }


def _memory(manifest: dict) -> list[dict]:
    """Regions of memory in the order of their addresses."""
    image, window = manifest["image"], manifest["output_window"]
    rows = [("image", image["base"], image["bytes"], "the host, once")]
    rows += [("input", manifest["input"]["address"], manifest["input"]["bytes"], "the host")]
    rows += [
        (f"output, {each['direction']}", each["address"], each["bytes"], "the machine")
        for each in manifest["outputs"]
    ]
    rows += [
        ("output window", window["base"], window["limit"] - window["base"], "the machine alone")
    ]
    return [
        {"region": name, "address": f"0x{address:08x}", "bytes": size, "written by": writer}
        for name, address, size, writer in sorted(rows, key=lambda row: row[1])
    ]


def _notes(path: Path, manifest: dict):
    """What a reader must know of it, each a sentence."""
    image, taken = manifest["image"], manifest["input"]
    yield (
        f"a run takes {manifest['sequences']} sequences of {manifest['steps']} steps; an input "
        f"value v means {taken['scale']:g} * (v - {taken['zero_point']})"
    )
    if image["base"]:
        yield f"made for the address 0x{image['base']:08x}"
    else:
        yield (
            f"made for the address 0; to move it, add a multiple of {image['alignment']} to the "
            f"{len(manifest['relocations'])} words that it names"
        )
    if manifest["streaming"]["possible"]:
        yield "runs can go on from each other"
    else:
        yield f"runs cannot go on from each other: {manifest['streaming']['why_not']}"
    beside = path.with_name(image["files"]["bin"])
    if not beside.is_file():
        yield f"{image['files']['bin']} is not beside it"
    elif hashlib.sha256(read_image(beside)).hexdigest() == image["sha256"]:
        yield f"{beside.name} beside it is the image that it describes"
    else:
        yield f"{beside.name} beside it is another image than the one that it describes"
