"""Test benches of a package: one in Verilog that checks itself, one for cocotb."""

import numpy as np

from hw.registers import ID_VALUE, OPTIONAL, REGISTERS
from sim.explore.compiling.formats import mem_text
from sim.explore.compiling.made import Made
from sim.explore.packaging.facts import Facts, filled

__all__ = ["bench_files"]

_REGISTERS = {
    "interrupt_enable": "interrupt_enable",
    "descriptor_register": "descriptor",
    "output_base_register": "output_base",
    "output_limit_register": "output_limit",
    "control": "control",
}
"""Registers that the bench writes, by what stands for them in it."""


def bench_files(facts: Facts, made: Made) -> dict[str, str]:
    """Texts by path in the package.

    Parameters
    ----------
    facts : Facts
        What files say of the configuration.
    made : Made
        The image that the Verilog bench runs.
    """
    image, size = made.image, facts.config.bus_bytes
    head = facts.comment("test bench.", "//")
    more = {key: f"{REGISTERS[name].addr:03x}" for key, name in _REGISTERS.items()}
    more |= {
        "words": str(image.size // size),
        "descriptor": str(image.descriptor),
        "output_base": str(image.output_base),
        "output_limit": str(image.output_limit),
        "resets": ", ".join(f".{name}(resetn)" for name in facts.resets),
    }
    expected, mask = _expected(made)
    memory = (made.data + image.pack_x(made.x)).ljust(image.size, b"\0")
    first = f"words of {size} bytes"
    python = {
        "reset_names": repr(facts.resets),
        "id": f"0x{ID_VALUE:08X}",
        "lanes": f"0x{REGISTERS['lanes'].addr:02X}",
        "features": f"0x{REGISTERS['features'].addr:02X}",
        "optional": ", ".join(f'("{name}", {bit})' for name, (bit, _) in OPTIONAL.items()),
    }
    comment = facts.comment("cocotb test bench.")
    return {
        "sim/bench.v": f"{head}\n{filled('sim/bench.v', facts, **more)}",
        "sim/Makefile": f"{facts.comment('simulations.')}\n{filled('sim/Makefile', facts)}",
        "sim/memory.mem": mem_text(memory, size, f"{first}: image and input"),
        "sim/expected.mem": mem_text(expected, size, f"{first} of the output window"),
        "sim/mask.mem": mem_text(mask, size, f"{first}: bits of the output window that count"),
        **{
            f"sim/cocotb/{name}": f"{comment}\n{filled(f'sim/cocotb/{name}', facts, **python)}"
            for name in ("Makefile", "test_refrain.py", "requirements.txt")
        },
    }


def _expected(made: Made) -> tuple[bytes, bytes]:
    """Bytes of the output window, and 255 for each that is a value of the last layer."""
    image = made.image
    window = np.zeros((2, image.output_limit), np.uint8)
    column = 0
    for placement in image.outputs:
        rows = placement.h
        for sequence in range(rows.sequences):
            for step in range(rows.steps):
                place = rows.addr + sequence * rows.sequence_stride + step * rows.stride
                values = made.h[sequence, step, column : column + rows.codes].view(np.uint8)
                window[0, place : place + len(values)] = values
                window[1, place : place + len(values)] = 255
        column += rows.codes
    expected, mask = window[:, image.output_base :]
    return expected.tobytes(), mask.tobytes()
