"""FPGAs by family: how Yosys maps to them, and which of their cells are which."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FAMILIES", "Family"]


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of FPGAs whose parts have the same cells.

    Parameters
    ----------
    script : str
        Pass of Yosys that maps to it, without pads.
    luts : dict of int
        LUTs that each cell takes.
    flip_flops : tuple of str
        Cells that hold a bit.
    dsp : str
        The cell that multiplies.
    blocks : dict of float
        Block memories, and how much of the figure ``bram`` each is.
    """

    script: str
    luts: dict[str, int]
    flip_flops: tuple[str, ...]
    dsp: str
    blocks: dict[str, float]

    def counted(self, cells: Mapping[str, int]) -> dict[str, float]:
        """``lut``, ``ff``, ``dsp`` and ``bram`` of cells by kind."""
        return {
            "lut": sum(luts * cells.get(kind, 0) for kind, luts in self.luts.items()),
            "ff": sum(cells.get(kind, 0) for kind in self.flip_flops),
            "dsp": cells.get(self.dsp, 0),
            "bram": sum(size * cells.get(kind, 0) for kind, size in self.blocks.items()),
        }


FAMILIES = {
    "xc7": Family(
        script="synth_xilinx -family xc7 -flatten -noiopad -top top",
        luts={
            **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
            **{"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4},
            **{"SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1},
        },
        flip_flops=("FDRE", "FDSE", "FDCE", "FDPE", "LDCE", "LDPE"),
        dsp="DSP48E1",
        blocks={"RAMB36E1": 1.0, "RAMB18E1": 0.5},
    ),
    "ecp5": Family(
        script="synth_ecp5 -noiopad -top top",
        # A pair of carries is two LUTs, and a memory of 16 words of 4 bits is four.
        luts={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
        flip_flops=("TRELLIS_FF",),
        dsp="MULT18X18D",
        blocks={"DP16KD": 1.0, "PDPW16KD": 1.0},
    ),
}
"""Xilinx' 7 series and Lattice' ECP5."""
