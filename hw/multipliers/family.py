"""What every multiplier is: a small value from which the model, the gates and the table come."""

from typing import ClassVar

import numpy as np
from amaranth import Const, Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.multipliers.behaviour import Behaviour, behaviour
from hw.multipliers.lane import Lane

__all__ = ["Multiplier", "Nets", "Product", "check_weight_width"]


def check_weight_width(width: int):
    """Refuse a width that weights cannot have."""
    if not isinstance(width, int) or not 4 <= width <= 8:
        raise ValueError(f"weight_width must be an integer from 4 to 8, not {width!r}")


class Nets:
    """Where gates are written to.

    With a module every value that is used more than once becomes a named wire; without one it
    stays an expression, and what needs a submodule is refused.
    """

    def __init__(self, module: Module | None = None):
        self._module = module
        self._count = 0

    def __call__(self, value: Value) -> Value:
        """``value`` as something that can be used many times."""
        if self._module is None:
            return Value.cast(value)
        wire = Signal.like(Value.cast(value), name=f"n{self._count}")
        self._count += 1
        self._module.d.comb += wire.eq(value)
        return wire

    def submodule(self, part):
        """Add ``part`` to the module."""
        if self._module is None:
            raise TypeError("this multiplier has parts; elaborate its component instead")
        self._module.submodules += part
        return part

    def drive(self, target, value):
        """Assign ``value`` to ``target``."""
        self._module.d.comb += target.eq(value)


class Multiplier:
    """The product of a signed event value and a signed weight, exact or approximate.

    A subclass is a frozen dataclass: its fields say everything about it, so that it can be
    compared, hashed, printed, and stand in a configuration. What it defines once serves the NumPy
    model (``compute``), the gates (``operand``, ``gates``, ``accumulate``) and everything that is
    computed from its table.

    An array is built for all of its ``levels``, and a signal of ``level_width`` bits chooses one
    while it runs. Level 0 is exact, unless the family has no exact level: then no layer of it
    equals the integer reference, see ``Switched``.

    Members
    -------
    weight_width : int
        Bits of a weight, sign included.
    levels : tuple of str
        Names of the levels, the most exact first.
    extends_sign : bool
        Upper bits that a short weight lacks are its sign, as in two's complement; else zero.
    verilog : dict of str
        Files, by name, that hold modules that the gates use.
    lanes_together : int
        Neighbouring lanes of an array that one component holds.
    shares_operand : bool
        One register holds the operand of all lanes. A DSP block has one of its own.
    """

    family: ClassVar[str]
    summary: ClassVar[str]
    levels: tuple[str, ...] = ("exact",)
    extends_sign: ClassVar[bool] = False
    verilog: ClassVar[dict[str, str]] = {}
    lanes_together: ClassVar[int] = 1

    @property
    def shares_operand(self) -> bool:
        """Families that can write products out as gates do so then: no lane needs its own."""
        return False

    @property
    def level_width(self) -> int:
        """Bits of the signal that chooses a level; 0 where there is one."""
        return (len(self.levels) - 1).bit_length()

    @property
    def weight_limit(self) -> int:
        """Largest magnitude of a weight that every family can store."""
        return 2 ** (self.weight_width - 1) - 1

    @property
    def least_weight(self) -> int:
        """The least weight that can be stored."""
        return -self.weight_limit

    def check_values(self, value_width: int):
        """Refuse event values of more than 9 bits, unless products are linear in the value.

        Products that are not are known for values of 9 bits only: as a table, or by their errors.
        """
        one = np.ones(1, np.int8)
        for level, name in enumerate(self.levels):
            if value_width > 9 and self.effective_weight(one, level) is None:
                raise ValueError(
                    f"the {self.family} multiplier's level {level} ({name}) takes values of at "
                    f"most 9 bits; choose exact or another multiplier of 'refrain multipliers' "
                    f"that is linear in the value"
                )

    def check_level(self, level: int):
        """Refuse a level that there is not."""
        if not 0 <= level < len(self.levels):
            known = ", ".join(f"{number} ({name})" for number, name in enumerate(self.levels))
            raise ValueError(f"there is no level {level}; the levels are {known}")

    # The model.

    def compute(self, value: np.ndarray, weight: np.ndarray, level: int = 0) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        raise NotImplementedError

    def effective_weight(self, weight: np.ndarray, level: int = 0) -> np.ndarray | None:
        """Weights ``w`` with ``compute(value, weight, level) == value * w``, else None."""
        return weight.astype(np.int64) if self.levels[level] == "exact" else None

    def encode(self, weight: np.ndarray) -> np.ndarray:
        """Bit patterns, uint8, that the lanes take for signed weights."""
        raise NotImplementedError

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Signed weights, int8, of bit patterns: ``encode`` undone."""
        raise NotImplementedError

    def product_limit(self, value_width: int) -> int:
        """A magnitude that no product of an event value of ``value_width`` bits exceeds.

        An event value is never the most negative number of its width.
        """
        return (2 ** (value_width - 1) - 1) * self.weight_limit

    # The gates.

    def operand_layout(self, value_width: int) -> data.StructLayout:
        """What the lanes are sent for an event value of ``value_width`` signed bits."""
        raise NotImplementedError

    def operand(self, value: Value) -> Value:
        """Bits of ``operand_layout`` for a signed event value other than its most negative."""
        raise NotImplementedError

    def product_layout(self, value_width: int) -> data.StructLayout:
        """What a lane keeps between multiplying and accumulating."""
        raise NotImplementedError

    def gates(self, net: Nets, operand: data.View, weight: Value, level: Value) -> Value:
        """Bits of ``product_layout``, written to ``net``; ``product`` without a level or module."""
        raise NotImplementedError

    def product(self, operand: data.View, weight: Value, level: Value | None = None) -> Value:
        """Bits of ``product_layout`` for an operand and a weight's bit pattern, as an expression.

        Large arrays are better elaborated from ``component``, where shared gates have names.
        """
        return self.gates(Nets(), operand, weight, Const(0, 1) if level is None else level)

    def component(self, value_width: int) -> "Product":
        """The gates between operand register and product register of one lane."""
        return Product(self, value_width)

    def accumulate(self, total: Value, product: data.View) -> Value:
        """``total`` plus the product, at the width of ``total``."""
        raise NotImplementedError

    def lanes(self, value_width: int, acc_width: int) -> wiring.Component:
        """``lanes_together`` lanes of an array: a component with ``lane_members``."""
        return Lane(self, value_width, acc_width)

    # What follows from the table.

    def table(self, level: int = 0) -> np.ndarray:
        """Products, int32 ``[256, 256]``: row ``value + 128``, column ``weight + 128``.

        A weight that cannot be stored stands for the nearest one that can.
        """
        self.check_level(level)
        codes = np.arange(-128, 128)
        weights = np.clip(codes, self.least_weight, self.weight_limit)
        return self.compute(codes[:, None], weights, level).astype(np.int32)

    def behaviour(self, level: int = 0) -> Behaviour:
        """What a level's products are like, over all event values of 9 bits and all weights."""
        self.check_level(level)
        return behaviour(self, level)

    def safe_in_delta(self, level: int, normal_every: int = 0) -> bool:
        """Whether errors of a level stay bounded when differences are accumulated.

        See ``Behaviour.safe_in_delta``.
        """
        return self.behaviour(level).safe_in_delta(normal_every)


class Product(wiring.Component):
    """A multiplier's gates alone: combinational, from operand and weight to product.

    Parameters
    ----------
    multiplier : Multiplier
        What is multiplied with.
    value_width : int
        Bits of an event's signed value.

    Members
    -------
    operand : In
        Event value in the multiplier's form.
    weight : In
        Weight's bit pattern.
    level : In
        Level; stands still while products are made. One bit that nothing reads where there is
        only one level.
    product : Out
        In the multiplier's form.
    """

    def __init__(self, multiplier: Multiplier, value_width: int):
        self.multiplier = multiplier
        super().__init__(
            {
                "operand": In(multiplier.operand_layout(value_width)),
                "weight": In(unsigned(multiplier.weight_width)),
                "level": In(unsigned(max(multiplier.level_width, 1))),
                "product": Out(multiplier.product_layout(value_width)),
            }
        )

    def elaborate(self, platform):
        """Every shared gate has a wire of its own."""
        m = Module()
        gates = self.multiplier.gates(Nets(m), self.operand, self.weight, self.level)
        m.d.comb += self.product.as_value().eq(gates)
        return m
