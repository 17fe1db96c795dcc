"""The C header of a compiled network: the manifest's numbers as macros, and bytes as arrays."""

from collections.abc import Iterator, Mapping

import numpy as np

__all__ = ["header_text"]

_COLUMNS = 16
"""Numbers on a line of an array."""


def header_text(name: str, manifest: Mapping, arrays: Mapping[str, bytes]) -> str:
    """A C99 header.

    Parameters
    ----------
    name : str
        A C identifier that every name in it begins with.
    manifest : mapping
        What ``manifest_of`` gives.
    arrays : dict of bytes
        Bytes by the rest of an array's name. They are there for whoever defines ``NAME_ARRAYS``
        before including the header.
    """
    upper = name.upper()
    lines = [
        f"/* {manifest['generator']}: {manifest['network']} for the configuration "
        f"{manifest['configuration']['name']}.",
        " *",
        f" * Define {upper}_ARRAYS before this file is included for the bytes as arrays. */",
        "",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stdint.h>",
        "",
        *_rows_comment(manifest["input"]["bits"]),
        f"struct {name}_rows {{",
        "  uint32_t address, values, step_stride, sequence_stride;",
        "};",
        "",
    ]
    lines += [line for part in _parts(upper, manifest) for line in (*part, "")]
    lines += [f"#ifdef {upper}_ARRAYS"]
    for rest, data in arrays.items():
        size = _value_bytes(manifest["input"]["bits"]) if rest == "expected" else None
        kind = f"int{8 * size}_t" if size else "uint8_t"
        values = np.frombuffer(data, f"<i{size}" if size else "<u1").tolist()
        lines += [f"static const {kind} {name}_{rest}[{len(values)}] = {{"]
        lines += list(_numbers(values))
        lines += ["};"]
    return "\n".join([*lines, "#endif", "", "#endif", ""])


def _value_bytes(bits: int) -> int:
    return 1 if bits <= 8 else 2


def _rows_comment(bits: int) -> list[str]:
    """How rows of values lie in memory."""
    if _value_bytes(bits) == 1:
        return [
            "/* Rows of int8 values: value v of step t of sequence s is the byte at",
            " * address + s * sequence_stride + t * step_stride + v. */",
        ]
    return [
        "/* Rows of int16 values, the lower byte first: value v of step t of sequence s begins at",
        " * address + s * sequence_stride + t * step_stride + 2 * v. */",
    ]


def _parts(upper: str, manifest: Mapping) -> Iterator[list[str]]:
    image, window = manifest["image"], manifest["output_window"]
    taken, outputs = manifest["input"], manifest["outputs"]
    yield [
        "/* Where the image lies, its bytes, and all bytes that a run uses from there on. */",
        f"#define {upper}_BASE {_address(image['base'])}",
        f"#define {upper}_BYTES {image['bytes']}u",
        f"#define {upper}_MEMORY_BYTES {image['memory_bytes']}u",
        f"#define {upper}_ALIGNMENT {image['alignment']}u",
    ]
    yield [
        "/* What the registers DESCRIPTOR, OUTPUT_BASE and OUTPUT_LIMIT take. */",
        f"#define {upper}_DESCRIPTOR {_address(manifest['descriptors']['address'])}",
        f"#define {upper}_OUTPUT_BASE {_address(window['base'])}",
        f"#define {upper}_OUTPUT_LIMIT {_address(window['limit'])}",
    ]
    yield [
        "/* Input: real = SCALE * (value - ZERO_POINT). */",
        f"#define {upper}_STEPS {manifest['steps']}u",
        f"#define {upper}_SEQUENCES {manifest['sequences']}u",
        f"#define {upper}_INPUT {_rows(taken)}",
        f"#define {upper}_INPUT_ADDRESS {_address(taken['address'])}",
        f"#define {upper}_INPUT_VALUES {taken['values']}u",
        f"#define {upper}_VALUE_BYTES {_value_bytes(taken['bits'])}u",
        f"#define {upper}_INPUT_SCALE {taken['scale']!r}",
        f"#define {upper}_INPUT_ZERO_POINT ({taken['zero_point']})",
    ]
    yield [
        "/* Outputs of the last layer: one for each direction, forward first. */",
        f"#define {upper}_OUTPUT_COUNT {len(outputs)}u",
        f"#define {upper}_OUTPUTS {{{', '.join(map(_rows, outputs))}}}",
        f"#define {upper}_OUTPUT_VALUES {sum(each['values'] for each in outputs)}u",
        f"#define {upper}_OUTPUT_SCALE {outputs[0]['scale']!r}",
        f"#define {upper}_OUTPUT_ZERO_POINT ({outputs[0]['zero_point']})",
    ]
    offsets = [each["offset"] for each in manifest["relocations"]]
    yield [
        "/* Offsets, in the image, of 32-bit words to which a host adds where it puts the image",
        " * less BASE. */",
        f"#define {upper}_RELOCATION_COUNT {len(offsets)}u",
        f"#define {upper}_RELOCATIONS {{{', '.join(f'{each}u' for each in offsets)}}}",
    ]
    yield from _machine_parts(upper, manifest)
    cycles = manifest["expected_cycles"]
    if cycles["cycles"] is not None:
        yield [
            f"/* Expected, where a read takes {cycles['memory_latency']} cycles. */",
            f"#define {upper}_CYCLES {cycles['cycles']}u",
        ]


def _machine_parts(upper: str, manifest: Mapping) -> Iterator[list[str]]:
    """What a driver compares with the machine, and what it writes into descriptors."""
    config = manifest["configuration"]
    yield [
        "/* The machine that the image is made for: what its register LANES reads. */",
        f"#define {upper}_LANES {config['lanes']}u",
        f"#define {upper}_BUS_BYTES {config['bus_width'] // 8}u",
    ]
    words = manifest["streaming"]["words"]
    rows = [f"{{{_address(w['address'])}, {w['first']}u, {w['resumed']}u}}" for w in words]
    yield [
        "/* Words of memory that tell the machine to begin anew, or to go on from the run before:",
        " * address, value of a first run, value of a later one. COUNT is 0 where none can. */",
        f"#define {upper}_DESCRIPTOR_COUNT {manifest['descriptors']['count']}u",
        f"#define {upper}_STREAM_COUNT {len(words)}u",
        f"#define {upper}_STREAM_WORDS {{{', '.join(rows) or '{0u, 0u, 0u}'}}}",
    ]


def _address(value: int) -> str:
    return f"0x{value:08x}u"


def _rows(rows: Mapping) -> str:
    strides = ", ".join(f"{rows[key]}u" for key in ("values", "step_stride", "sequence_stride"))
    return f"{{{_address(rows['address'])}, {strides}}}"


def _numbers(values: list[int]) -> Iterator[str]:
    for k in range(0, len(values), _COLUMNS):
        yield "  " + ", ".join(map(str, values[k : k + _COLUMNS])) + ","
