"""Integer constants of a network's directions, and how a descriptor holds them."""

from hw.cell.parameters import CellParameters
from sim.networks.network import IntegerLstm, NetworkError

__all__ = ["cell_fields", "cell_parameters"]


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
    per_gate = ("x_multiplier", "x_shift", "h_multiplier", "h_shift")
    scalar = ("output_multiplier", "output_shift", "product_shift", "tanh_shift", "cell_clip")
    return {
        **{f"{name}_{gate}": getattr(cell, name)[gate] for name in per_gate for gate in range(4)},
        **{name: getattr(cell, name) for name in scalar},
        "h_zero": cell.h_zero,
    }
