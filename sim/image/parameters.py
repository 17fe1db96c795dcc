"""Integer constants of a network's directions, and how descriptors and parameters hold them."""

import numpy as np

from hw.cell.parameters import CellParameters
from hw.numbers.requantize import MULTIPLIER_WIDTH, ROW_MULTIPLIER_WIDTH
from sim.networks.network import IntegerLstm, NetworkError

__all__ = ["cell_fields", "cell_parameters", "pack_params", "unit_bytes", "unpack_params"]

_PER_GATE = ("x_multiplier", "x_shift", "h_multiplier", "h_shift")
_SHIFT_WIDTH = 32 - ROW_MULTIPLIER_WIDTH
_DROPPED = MULTIPLIER_WIDTH - ROW_MULTIPLIER_WIDTH


def cell_parameters(direction: IntegerLstm) -> CellParameters:
    """What the cell unit must know of ``direction``."""
    try:
        return CellParameters.from_scales(
            x_scale=direction.x.scale,
            W_scale=direction.W_scale,
            h_scale=direction.h.scale,
            R_scale=direction.R_scale,
            c_power=direction.c_power,
            cell_clip=direction.cell_clip,
            h_zero=direction.h.zero_point,
            h_width=direction.h.bits,
        )
    except ValueError as error:
        raise NetworkError(f"the scales of the network cannot be run: {error}") from error


def cell_fields(cell: CellParameters) -> dict[str, int]:
    """Descriptor fields of ``cell``."""
    scalar = ("output_multiplier", "output_shift", "product_shift", "tanh_shift", "cell_clip")
    per_gate = {
        f"{name}_{gate}": 0 if cell.by_row else getattr(cell, name)[gate]
        for name in _PER_GATE
        for gate in range(4)
    }
    return {
        "row_scales": int(cell.by_row),
        **per_gate,
        **{name: getattr(cell, name) for name in scalar},
        "h_zero": cell.h_zero,
    }


def unit_bytes(row_scales: bool) -> int:
    """Bytes of a unit's parameters."""
    return 48 if row_scales else 16


def pack_params(bias: np.ndarray, cell: CellParameters) -> bytes:
    """Parameters of all units.

    For each unit four int32 biases in gate order. If rows have multipliers of their own, four words
    for ``x`` and four for ``h`` are behind them: a multiplier's upper 26 bits, and below them its
    shift in 6 bits.

    Parameters
    ----------
    bias : int32 [4, H]
        Biases.
    cell : CellParameters
        Multipliers and shifts.
    """
    words = [bias.T.astype(np.int64)]
    if cell.by_row:
        for part in ("x", "h"):
            multiplier = cell.rows(f"{part}_multiplier") >> _DROPPED << _SHIFT_WIDTH
            shift = cell.rows(f"{part}_shift") & (1 << _SHIFT_WIDTH) - 1
            words.append((multiplier | shift).T)
    return np.concatenate(words, axis=1).astype("<u4").tobytes()


def unpack_params(data: bytes, row_scales: bool) -> dict[str, np.ndarray]:
    """``bias`` int32 [4, H] of packed parameters, and by row what ``CellParameters`` calls so."""
    words = np.frombuffer(data, "<u4").reshape(-1, unit_bytes(row_scales) // 16, 4)
    bias, *parts = words.transpose(1, 2, 0)
    found = {"bias": bias.astype(np.int32)}
    half = 1 << _SHIFT_WIDTH - 1
    for name, part in zip("xh", parts, strict=False):
        part = part.astype(np.int64)
        found[f"{name}_multiplier"] = part >> _SHIFT_WIDTH << _DROPPED
        found[f"{name}_shift"] = ((part & 2 * half - 1) ^ half) - half
    return found
