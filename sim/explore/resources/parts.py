"""FPGAs by name, and what they have."""

from collections.abc import Mapping
from difflib import get_close_matches

from hw.config import ConfigError

__all__ = ["COUNTED", "PARTS", "RESOURCES", "family_of", "find_part", "fits"]

RESOURCES = ("lut", "ff", "dsp", "bram")
"""Look-up tables, flip-flops, DSP blocks and block memories: DSP48E1 and blocks of 36 kbit of the
7 series, MULT18X18D and blocks of 18 kbit of the ECP5, whose look-up tables have four inputs."""


COUNTED = {
    "lut": (
        "LUTs",
        "counted by Yosys before placing, or estimated; of 4 inputs in an ECP5, else of 6",
    ),
    "ff": ("flip-flops", "counted by Yosys, or estimated"),
    "dsp": ("DSP blocks", "counted by Yosys, or estimated"),
    "bram": (
        "blocks",
        "of 36 kbit, in an ECP5 of 18; counted by Yosys, or estimated; half a block is one half",
    ),
    "cells_from": ("", "where these four come from: Yosys, or the model that estimates them"),
    "part": ("", "the part that they are compared with"),
    "fits": ("", "whether the machine alone is no larger than the part"),
}
"""Names of what is counted, each with its unit and where it comes from."""


def _part(lut: int, dsp: int, bram: float) -> dict[str, float]:
    # Every LUT of the 7 series has two flip-flops beside it.
    return {"lut": lut, "ff": 2 * lut, "dsp": dsp, "bram": bram}


def _ecp5(lut: int, dsp: int, bram: float) -> dict[str, float]:
    return {"lut": lut, "ff": lut, "dsp": dsp, "bram": bram}


PARTS = {
    "xc7z007s": _part(14_400, 66, 50),
    "xc7z010": _part(17_600, 80, 60),
    "xc7z020": _part(53_200, 220, 140),
    "xc7z045": _part(218_600, 900, 545),
    "xc7a35t": _part(20_800, 90, 50),
    "xc7a100t": _part(63_400, 240, 135),
    "xc7a200t": _part(134_600, 740, 365),
    "xc7k325t": _part(203_800, 840, 445),
    "lfe5u-25f": _ecp5(24_288, 28, 56),
    "lfe5u-45f": _ecp5(43_848, 72, 108),
    "lfe5u-85f": _ecp5(83_640, 156, 208),
}
"""Parts of Xilinx' 7 series (DS180 and DS190) and of Lattice' ECP5 (FPGA-DS-02012): what they have
by the names of ``RESOURCES``."""


def family_of(part: str | None) -> str:
    """The family of a part that there is, one of ``FAMILIES``; without a part, the 7 series."""
    return "ecp5" if part and part.startswith("lfe5") else "xc7"


def find_part(name: str) -> dict[str, float]:
    """What a part has.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name in PARTS:
        return PARTS[name]
    near = get_close_matches(name, list(PARTS), n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ConfigError(f"there is no part {name}; the parts are {', '.join(PARTS)}{hint}")


def fits(cells: Mapping[str, float], part: str) -> bool:
    """Whether a machine of so many cells is no larger than a part."""
    limits = find_part(part)
    return all(cells[name] <= limits[name] for name in RESOURCES)
