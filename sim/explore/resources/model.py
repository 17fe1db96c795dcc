"""LUTs and flip-flops of a machine before synthesis: a model fitted to Yosys's counts.

The features of a block are the bits of its operators and registers, as the design says them before
synthesis, so the model follows the design as it changes. What an operator's bit takes is fitted to
the blocks of machines that Yosys mapped, by non-negative least squares.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sim.explore.resources.mapping import block_memories, dsp_blocks, lut_memory
from sim.explore.resources.structure import OPERATORS, Block

__all__ = ["FEATURES", "Fitted", "features", "fit"]

FEATURES = (*OPERATORS, "registers", "read", "memory", "dsp", "bram")
"""Bits of operators and of registers, bits that memories of LUTs put out, LUTs of these memories,
DSP blocks and block memories."""

_LEAST = 50
"""Cells of a block, below which its error counts as that of so many."""

_WHOLE = 10.0
"""Weight of a whole machine beside a block."""


def features(block: Block) -> list[float]:
    """Of a block, in the order of ``FEATURES``."""
    placed = [(each, block_memories(each)) for each in block.memories]
    made = [memory for memory, blocks in placed if blocks is None]
    return [
        *(block.bits[name] for name in OPERATORS),
        block.registers,
        sum(memory.width * memory.reads for memory in made),
        sum(lut_memory(memory) for memory in made),
        sum(dsp_blocks(product) for product in block.products),
        sum(blocks or 0 for _, blocks in placed),
    ]


@dataclass(frozen=True)
class Fitted:
    """What a bit takes.

    Members
    -------
    lut : array
        LUTs of a bit of each operator of ``OPERATORS``.
    ff : array
        Flip-flops of a bit of registers, and of one that a memory of LUTs puts out.
    """

    lut: np.ndarray
    ff: np.ndarray

    def cells(self, found: Iterable[Sequence[float]]) -> dict[str, float]:
        """``lut``, ``ff``, ``dsp`` and ``bram`` of a machine, from the features of its blocks."""
        total = np.sum([*found], axis=0)
        operators, (registers, read, memory, dsp, bram) = np.split(total, [len(OPERATORS)])
        return {
            "lut": round(float(operators @ self.lut + memory)),
            "ff": round(float(np.array([registers, read]) @ self.ff)),
            "dsp": round(float(dsp)),
            "bram": float(bram),
        }


def fit(machines: Sequence[Mapping[str, Mapping]]) -> Fitted:
    """The model of these machines.

    Parameters
    ----------
    machines : sequence of dict
        For each block by name ``features``, and the counted ``lut`` and ``ff``.
    """
    found = {}
    operators, registers = len(OPERATORS), FEATURES.index("registers")
    for name, chosen in (("lut", slice(operators)), ("ff", slice(registers, registers + 2))):
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
