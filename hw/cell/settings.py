"""The cell parameters as run-time signals."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from hw.cell.parameters import CellParameters
from hw.numbers.activator import TANH_SHIFT_WIDTH
from hw.numbers.requantize import MULTIPLIER_WIDTH
from hw.numbers.requantizer import SHIFT_WIDTH

__all__ = ["settings_layout", "settings_of"]

_WIDTHS = {
    "x_multiplier": unsigned(MULTIPLIER_WIDTH),
    "x_shift": signed(SHIFT_WIDTH),
    "h_multiplier": unsigned(MULTIPLIER_WIDTH),
    "h_shift": signed(SHIFT_WIDTH),
    "output_multiplier": unsigned(MULTIPLIER_WIDTH),
    "output_shift": signed(SHIFT_WIDTH),
    "product_shift": unsigned(5),
    "tanh_shift": signed(TANH_SHIFT_WIDTH),
    "cell_clip": unsigned(15),
    "h_zero": signed(8),
}

_PER_GATE = ("x_multiplier", "x_shift", "h_multiplier", "h_shift")


def settings_layout() -> data.StructLayout:
    """Fields named as in :class:`~hw.cell.parameters.CellParameters`; four per gate as arrays."""
    return data.StructLayout(
        {
            name: data.ArrayLayout(shape, 4) if name in _PER_GATE else shape
            for name, shape in _WIDTHS.items()
        }
    )


def settings_of(params: CellParameters) -> dict:
    """Value of :func:`settings_layout` for these parameters; those of rows are no part of it."""
    values = {name: getattr(params, name) for name in _WIDTHS}
    if params.by_row:
        values |= dict.fromkeys(_PER_GATE, (0,) * 4)
    return {name: list(v) if name in _PER_GATE else v for name, v in values.items()}
