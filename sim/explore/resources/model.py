"""LUTs and flip-flops of a machine before synthesis: a model fitted to Yosys's counts.

The features of a block are the bits of its operators and registers, as the design says them before
synthesis, so the model follows the design as it changes. What an operator's bit takes is fitted to
the blocks of machines that Yosys mapped, by non-negative least squares.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sim.explore.resources.mapping import RULES, block_memories, dsp_blocks, lut_memory
from sim.explore.resources.structure import OPERATORS, Block, Memory

__all__ = ["FEATURES", "Fitted", "features", "fit"]

FEATURES = (*OPERATORS, "registers", "read", "block", "memory", "dsp", "bram")
"""Bits of operators and of registers, bits that memories of LUTs put out, bits of ports of block
memories that are written and cannot give the old word, LUTs of memories, DSP blocks and block
memories."""

_LUT = (*OPERATORS, "block")
_FF = ("registers", "read", "block")
"""What takes LUTs and flip-flops. Where a block memory cannot give the old word while a new one is
written, as in an ECP5, Yosys puts registers and choices around it for the bits of its ports."""

_LEAST = 50
"""Cells of a block, below which its error counts as that of so many."""

_WHOLE = 10.0
"""Weight of a whole machine beside a block."""


def features(block: Block, family: str) -> list[float]:
    """Of a block in parts of a family, in the order of ``FEATURES``."""
    rules = RULES[family]
    placed = [(each, block_memories(each, rules)) for each in block.memories]
    made = [memory for memory, blocks in placed if blocks is None]
    return [
        *(block.bits[name] for name in OPERATORS),
        block.registers,
        sum(memory.width * memory.reads for memory in made),
        0 if rules.read_first else sum(_port_bits(memory) for memory, blocks in placed if blocks),
        sum(lut_memory(memory, rules) for memory in made),
        sum(dsp_blocks(product, rules) for product in block.products),
        sum(blocks or 0 for _, blocks in placed),
    ]


def _port_bits(memory: Memory) -> int:
    return memory.width * (1 + memory.reads) if memory.written else 0


@dataclass(frozen=True)
class Fitted:
    """What a bit takes.

    Members
    -------
    lut : array
        LUTs of a bit of each operator of ``OPERATORS``, and of ports of block memories.
    ff : array
        Flip-flops of a bit of registers, of one that a memory of LUTs puts out, and of ports of
        block memories.
    """

    lut: np.ndarray
    ff: np.ndarray

    def cells(self, found: Iterable[Sequence[float]]) -> dict[str, float]:
        """``lut``, ``ff``, ``dsp`` and ``bram`` of a machine, from the features of its blocks."""
        total = dict(zip(FEATURES, np.sum([*found], axis=0), strict=True))
        lut = np.array([total[name] for name in _LUT]) @ self.lut
        ff = np.array([total[name] for name in _FF]) @ self.ff
        return {
            "lut": round(float(lut + total["memory"])),
            "ff": round(float(ff)),
            "dsp": round(float(total["dsp"])),
            "bram": float(total["bram"]),
        }


def fit(machines: Sequence[Mapping[str, Mapping]]) -> Fitted:
    """The model of these machines.

    Parameters
    ----------
    machines : sequence of dict
        For each block by name ``features``, and the counted ``lut`` and ``ff``.
    """
    found = {}
    for name, columns in (("lut", _LUT), ("ff", _FF)):
        chosen = [FEATURES.index(column) for column in columns]
        rows, counts = [], []
        for blocks in machines:
            table = np.array([each["features"] for each in blocks.values()], float)
            # LUTs of memories are known.
            known = table[:, FEATURES.index("memory")] if name == "lut" else 0.0
            counted = np.array([each[name] for each in blocks.values()], float)
            weights = 1 / np.sqrt(np.maximum(counted, _LEAST))
            rows += [*(table[:, chosen] * weights[:, None])]
            counts += [*((counted - known) * weights)]
            whole = _WHOLE / np.sqrt(counted.sum())
            rows.append(table[:, chosen].sum(axis=0) * whole)
            counts.append((counted - known).sum() * whole)
        found[name], _ = nnls(np.array(rows), np.array(counts))
    return Fitted(**found)
