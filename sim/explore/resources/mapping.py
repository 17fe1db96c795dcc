"""Memories and products of a machine in the cells of Xilinx' 7 series, by Yosys's rules."""

from math import ceil

from sim.explore.resources.structure import Memory, Product

__all__ = ["block_memories", "dsp_blocks", "lut_memory"]

_LUTS = ((32, 6), (64, 3))
"""Words and bits of the simple dual-port memories of four LUTs: RAM32M and RAM64M."""

_LUT_COST, _SMALL_COST, _LARGE_COST = 8, 129, 257
"""What Yosys weighs: such a memory, a block of 18 kbit and one of 36."""

_SMALL = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_LARGE = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
"""Words and bits of blocks of both sizes."""

_WIDE, _NARROW = 25, 18
"""Bits of the factors of a DSP48E1."""

_PART = 17
"""Bits that a longer factor is cut into."""

_LEAST_PRODUCT = 9
"""Bits of the smallest product in a DSP block."""


def lut_memory(memory: Memory) -> int:
    """LUTs of a memory that is made of them, a copy for each read port."""
    if not memory.written:
        return memory.reads * memory.width * ceil(memory.depth / 64)
    each = min(ceil(memory.depth / words) * ceil(memory.width / bits) for words, bits in _LUTS)
    return 4 * memory.reads * each


def block_memories(memory: Memory) -> float | None:
    """Blocks of 36 kbit that a memory takes; None where it is made of LUTs."""
    choices = [
        (memory.reads * ceil(memory.depth / words) * ceil(memory.width / bits) * cost, size)
        for shapes, cost, size in ((_SMALL, _SMALL_COST, 0.5), (_LARGE, _LARGE_COST, 1.0))
        for words, bits in shapes
    ]
    cost, size = min(choices)
    if not memory.written and not memory.block:
        return None
    if not memory.block and _LUT_COST * lut_memory(memory) / 4 <= cost:
        return None
    return size * cost / (_SMALL_COST if size == 0.5 else _LARGE_COST)


def dsp_blocks(product: Product) -> int:
    """DSP48E1 of a product."""
    wide, narrow = max(product.widths), min(product.widths)
    if narrow < 2 or product.result < _LEAST_PRODUCT:
        return 0
    return _pieces(wide, _WIDE) * _pieces(narrow, _NARROW)


def _pieces(width: int, most: int) -> int:
    return 1 if width <= most else 1 + ceil((width - most) / _PART)
