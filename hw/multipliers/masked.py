"""Arrays from which dots are left out."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Value

from hw.multipliers.choose import Enables
from hw.multipliers.compressor import sum_columns
from hw.multipliers.family import Nets
from hw.multipliers.forms import SignMagnitude

__all__ = ["Cut", "MaskedArray"]

_COMPENSATIONS = ("none", "constant", "variable")


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Which dots of an array are left out.

    The dot of value bit ``i`` and weight bit ``j`` has the weight ``2**(i + j)``. Counting starts
    at the lowest bit of the magnitudes.

    Parameters
    ----------
    columns : int
        Dots with ``i + j < columns`` (truncation; the vertical cut of a broken array).
    rows : int
        Dots with ``j < rows`` (the horizontal cut of a broken array).
    perforated : tuple of two ints
        First row and number of rows left out (perforation).
    value_bits, weight_bits : int
        Low bits of the value's and of the weight's magnitude that count as 0 (operand truncation).
    compensation : str
        What stands for the truncated columns. ``none``: nothing. ``constant``: ``constant``, where
        neither operand is 0. ``variable``: the dots of the highest truncated column, moved up by
        one column; it depends on the operands, so a zero operand still gives 0.
    constant : int
        At most the weight of all truncated dots of an 8-bit by 4-bit array.

    References
    ----------
    H. R. Mahdiani et al., "Bio-inspired imprecise computational blocks for efficient VLSI
    implementation of soft-computing applications", IEEE TCAS-I 57(4), 2010 (broken array).
    G. Zervakis et al., "Design-efficient approximate multiplication circuits through partial
    product perforation", IEEE TVLSI 24(10), 2016.
    E. J. King and E. E. Swartzlander, "Data-dependent truncation scheme for parallel multipliers",
    Asilomar 1997 (variable compensation).
    """

    columns: int = 0
    rows: int = 0
    perforated: tuple[int, int] = (0, 0)
    value_bits: int = 0
    weight_bits: int = 0
    compensation: str = "none"
    constant: int = 0

    def __post_init__(self):
        for name in ("columns", "rows", "value_bits", "weight_bits"):
            number = getattr(self, name)
            if not isinstance(number, int) or not 0 <= number <= 12:
                raise ValueError(f"{name} must be an integer from 0 to 12, not {number!r}")
        if len(self.perforated) != 2 or min(self.perforated) < 0:
            raise ValueError(
                f"perforated must be a first row and a number of rows, not {self.perforated!r}"
            )
        if self.compensation not in _COMPENSATIONS:
            known = ", ".join(_COMPENSATIONS)
            raise ValueError(f"compensation must be one of {known}, not {self.compensation}")
        if self.compensation != "none" and not 1 <= self.columns <= 7:
            raise ValueError(f"compensation needs 1 to 7 truncated columns, not {self.columns}")
        largest = sum(min(k + 1, 3) << k for k in range(self.columns))
        wanted = range(1, largest + 1) if self.compensation == "constant" else (0,)
        if self.constant not in wanted:
            raise ValueError(
                f"constant must be from {wanted[0]} to {wanted[-1]} with {self.columns} truncated "
                f"columns and {self.compensation} compensation, not {self.constant}"
            )

    @property
    def name(self) -> str:
        """What is left out, in words."""
        first, count = self.perforated
        parts = [
            (self.columns, f"columns < {self.columns}"),
            (self.rows, f"rows < {self.rows}"),
            (count, f"rows {first} to {first + count - 1}"),
            (self.value_bits, f"value bits < {self.value_bits}"),
            (self.weight_bits, f"weight bits < {self.weight_bits}"),
        ]
        text = ", ".join(part for used, part in parts if used) or "exact"
        extra = {"none": "", "constant": f", plus {self.constant}", "variable": ", compensated"}
        return text + extra[self.compensation]

    def keeps_row(self, row: int) -> bool:
        """Whether any dot of a row of the array is kept."""
        first, count = self.perforated
        return row >= max(self.rows, self.weight_bits) and not first <= row < first + count

    def keeps(self, value_bit: int, weight_bit: int) -> bool:
        """Whether the array has the dot of two bits."""
        inside = value_bit >= self.value_bits and value_bit + weight_bit >= self.columns
        return inside and self.keeps_row(weight_bit)

    def moves_up(self, value_bit: int, weight_bit: int) -> bool:
        """Whether the dot of two bits is counted one column higher."""
        highest = value_bit + weight_bit == self.columns - 1 and value_bit >= self.value_bits
        return self.compensation == "variable" and highest and self.keeps_row(weight_bit)


@dataclass(frozen=True, kw_only=True)
class MaskedArray(SignMagnitude):
    """A sign-magnitude array whose levels leave out dots.

    Without compensation the magnitude is never above the exact one. Because the sign is apart,
    errors are odd in either operand, vanish with it, and have no mean over operands of either sign.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    cuts : tuple of Cut
        One for each level. ``Cut()`` leaves out nothing: level 0 of an array for normal mode.
    """

    family: ClassVar[str] = "masked"
    summary: ClassVar[str] = "array with dots left out: truncated, broken, perforated, cut operands"

    cuts: tuple[Cut, ...] = (Cut(), Cut(columns=4), Cut(columns=5), Cut(columns=6))

    def __post_init__(self):
        super().__post_init__()
        if not self.cuts:
            raise ValueError("cuts must hold at least one Cut, not none")

    @property
    def levels(self) -> tuple[str, ...]:
        """What each level leaves out."""
        return tuple(cut.name for cut in self.cuts)

    def effective_weight(self, weight: np.ndarray, level: int = 0) -> np.ndarray | None:
        """Weights without the rows that are left out, where only whole rows are."""
        cut = self.cuts[level]
        if cut.columns or cut.value_bits:
            return None
        kept = sum(cut.keeps_row(row) << row for row in range(self.weight_width - 1))
        wide = weight.astype(np.int64)
        return np.sign(wide) * (np.abs(wide) & kept)

    def magnitudes(self, value: np.ndarray, weight: np.ndarray, level: int) -> np.ndarray:
        """Row by row: the value without its dropped bits, where the weight's bit is set."""
        cut = self.cuts[level]
        total = np.zeros(np.broadcast_shapes(value.shape, weight.shape), np.int64)
        for row in range(self.weight_width - 1):
            if not cut.keeps_row(row):
                continue
            low = max(cut.value_bits, cut.columns - row)
            dots = value >> max(low, 0) << max(low, 0)
            top = cut.columns - 1 - row
            if cut.compensation == "variable" and top >= cut.value_bits:
                dots = dots + ((value >> top & 1) << top + 1)
            total += (dots << row) * (weight >> row & 1)
        if cut.compensation == "constant":
            total += cut.constant * ((value != 0) & (weight != 0))
        return total

    def magnitude(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """The array; a dot that some levels leave out has a third input."""
        width = len(value) + len(weight)
        columns = [[] for _ in range(width)]
        enables = Enables(net, level, len(self.cuts))
        for row, bit in enumerate(weight):
            for place, other in enumerate(value):
                self._add_dot(net, columns, enables, place, row, other & bit)
        self._add_constants(net, columns, enables, value.any() & weight.any())
        return sum_columns(net, columns, width)

    def _add_dot(self, net, columns, enables, place, row, dot):
        kept = enables(lambda number: self.cuts[number].keeps(place, row))
        moved = enables(lambda number: self.cuts[number].moves_up(place, row))
        if kept is not None:
            columns[place + row].append(net(dot & kept))
        if moved is not None:
            columns[place + row + 1].append(net(dot & moved))

    def _add_constants(self, net, columns, enables, operands):
        if not any(cut.constant for cut in self.cuts):
            return
        operands = net(operands)
        for place in range(len(columns)):
            used = enables(lambda number, place=place: self.cuts[number].constant >> place & 1)
            if used is not None:
                columns[place].append(net(operands & used))
