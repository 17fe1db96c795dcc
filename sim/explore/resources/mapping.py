"""Memories and products of a machine in the cells of an FPGA, by Yosys's rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from sim.explore.resources.structure import Memory, Product

__all__ = ["RULES", "Rules", "block_memories", "dsp_blocks", "lut_memory"]

_MUX_COST = 0.5
"""What Yosys weighs a bit that chooses among memories, beside the cost of a memory."""

_BYTE = 9
"""Bits of a byte of a block memory, which words are cut into where they are written."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How Yosys maps memories and products to a family.

    Parameters
    ----------
    luts : tuple of (int, int)
        Words and bits of the simple dual-port memories that are made of ``lut_cells`` LUTs.
    lut_cells : int
        See there.
    lut_cost : float
        What Yosys weighs such a memory.
    blocks : tuple of (float, float, tuple of (int, int))
        Of each kind of block memory what it weighs, how much of the figure ``bram`` it is, and its
        words and bits.
    inputs : int
        Inputs of a LUT, with the multiplexers beside it.
    factors : tuple of (int, int)
        Bits of the factors of a DSP block, the wider one first.
    part : int
        Bits that a longer factor is cut into.
    read_first : bool
        Whether a block memory of two ports gives the old word while a new one is written.
    least_factor, least_product : int
        Bits of the smallest factor and product in a DSP block.
    """

    luts: tuple[tuple[int, int], ...]
    lut_cells: int
    lut_cost: float
    blocks: tuple[tuple[float, float, tuple[tuple[int, int], ...]], ...]
    inputs: int
    factors: tuple[int, int]
    part: int
    read_first: bool
    least_factor: int = 2
    least_product: int = 0


def _shapes(words: int, *widths: int) -> tuple[tuple[int, int], ...]:
    """Words and bits of a block by its widths, the narrowest first."""
    return tuple((words >> k, width) for k, width in enumerate(widths))


RULES = {
    "xc7": Rules(
        luts=((32, 6), (64, 3)),
        lut_cells=4,
        lut_cost=8,
        blocks=(
            (129, 0.5, _shapes(16384, 1, 2, 4, 9, 18, 36)),
            (257, 1.0, _shapes(32768, 1, 2, 4, 9, 18, 36, 72)),
        ),
        inputs=6,
        factors=(25, 18),
        part=17,
        read_first=True,
        least_product=9,
    ),
    "ecp5": Rules(
        luts=((16, 4),),
        lut_cells=4,
        lut_cost=4,
        blocks=((128, 1.0, _shapes(16384, 1, 2, 4, 9, 18, 36)),),
        inputs=4,
        factors=(18, 18),
        part=18,
        read_first=False,
    ),
}
"""By family: Xilinx' 7 series with RAM32M and RAM64M, and Lattice' ECP5 with DPR16X4."""


def lut_memory(memory: Memory, rules: Rules) -> int:
    """LUTs of a memory that is made of them, a copy for each read port."""
    if not memory.written:
        return memory.reads * memory.width * ceil(memory.depth / 2**rules.inputs)
    _, cells, choosing = min(_lut_choices(memory, rules))
    return rules.lut_cells * cells + _choosing_luts(choosing)


def _lut_choices(memory: Memory, rules: Rules) -> Iterator[tuple[float, int, int]]:
    """What Yosys weighs each way, memories of LUTs that it takes, and bits that choose among them.

    A LUT of four inputs chooses one of two bits, and one of four with the multiplexer beside it.
    """
    for words, bits in rules.luts:
        deep = ceil(memory.depth / words)
        cells = memory.reads * deep * ceil(memory.width / bits)
        choosing = memory.reads * memory.width * (deep - 1)
        yield rules.lut_cost * cells + _MUX_COST * choosing, cells, choosing


def _choosing_luts(bits: int) -> int:
    return ceil(bits / 2)


def block_memories(memory: Memory, rules: Rules) -> float | None:
    """Blocks that a memory takes; None where it is made of LUTs."""
    cost, blocks = min(_block_choices(memory, rules))
    if memory.luts or not (memory.written or memory.block):
        return None
    if not memory.block and min(_lut_choices(memory, rules))[0] <= cost:
        return None
    return blocks


def _block_choices(memory: Memory, rules: Rules) -> Iterator[tuple[float, float]]:
    """What Yosys weighs each way, and blocks that it takes."""
    for cost, size, shapes in rules.blocks:
        for words, bits in shapes:
            byte = min(_BYTE, bits) if memory.written else 1
            deep = ceil(memory.depth / words)
            # What is left of a block beside one word takes a part of another.
            count = memory.reads * ceil(deep * byte * ceil(memory.width / byte) / bits)
            choosing = memory.reads * memory.width * (deep - 1)
            yield cost * count + _MUX_COST * choosing, size * count


def dsp_blocks(product: Product, rules: Rules) -> int:
    """DSP blocks of a product."""
    wide, narrow = max(product.widths), min(product.widths)
    if narrow < rules.least_factor or product.result < rules.least_product:
        return 0
    most = rules.factors
    return _pieces(wide, most[0], rules) * _pieces(narrow, most[1], rules)


def _pieces(width: int, most: int, rules: Rules) -> int:
    """Parts of a factor, without a last one that is too short for a DSP block."""
    if width <= most:
        return 1
    parts = ceil((width - most) / rules.part)
    return parts + (width - parts * rules.part >= rules.least_factor)
