"""Multipliers from outside: a table, or a module in Verilog."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from amaranth import Cat, Instance, Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.multipliers.family import Nets
from hw.multipliers.forms import TwosComplement

__all__ = ["Entries", "TableMultiplier", "VerilogMultiplier"]

_LIMIT = 1 << 17


@dataclass(frozen=True)
class Entries:
    """A table of products that can be compared and hashed.

    Parameters
    ----------
    data : bytes
        int32, little endian, row by row; made by ``Entries.of``.
    """

    data: bytes = field(repr=False)

    @classmethod
    def of(cls, table: np.ndarray) -> "Entries":
        """Entries of an integer array ``[256, 256]`` or ``[512, 256]``.

        Row ``value + 128`` (or ``+ 256``), column ``weight + 128``.
        """
        shape = list(table.shape)
        if shape not in ([256, 256], [512, 256]) or table.dtype.kind not in "iu":
            raise ValueError(
                f"a table of products must be integers [256, 256] or [512, 256], not "
                f"{table.dtype} {shape}"
            )
        largest = int(np.abs(table.astype(np.int64)).max())
        if largest >= _LIMIT:
            raise ValueError(f"a table's products must be below {_LIMIT}, not {largest}")
        return cls(np.ascontiguousarray(table, "<i4").tobytes())

    def __repr__(self):
        return f"Entries({self.digest})"

    @property
    def digest(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(self.data).hexdigest()[:16]

    @cached_property
    def array(self) -> np.ndarray:
        """int64 ``[rows, 256]``."""
        found = np.frombuffer(self.data, "<i4").reshape(-1, 256).astype(np.int64)
        found.flags.writeable = False
        return found

    @property
    def value_width(self) -> int:
        """Bits of the values that have a row: 8 or 9."""
        return len(self.array).bit_length() - 1


class _Rom(wiring.Component):
    """Products of a table, read without a clock.

    Members
    -------
    value, weight : In
        Bit patterns of both operands.
    product : Out
        The entry; signed.
    """

    def __init__(self, rows: np.ndarray, value_width: int, weight_width: int, width: int):
        self._rows = rows
        super().__init__(
            {
                "value": In(value_width),
                "weight": In(weight_width),
                "product": Out(signed(width)),
            }
        )

    def elaborate(self, platform):
        """One word for each pair; the weight is the lower part of the address."""
        m = Module()
        words = self._rows.reshape(-1).tolist()
        m.submodules.rom = rom = memory.Memory(
            shape=self.product.shape(), depth=len(words), init=words
        )
        port = rom.read_port(domain="comb")
        m.d.comb += [port.addr.eq(Cat(self.weight, self.value)), self.product.eq(port.data)]
        return m


@dataclass(frozen=True, kw_only=True)
class TableMultiplier(TwosComplement):
    """Products out of a table, two's complement.

    A table of 8-bit values is extended to differences: a value ``v`` beyond it is halved towards
    zero, ``v = 2 q + r``, and ``f(v, w) = 2 f(q, w) + r w``. That keeps an exact table exact, and
    an odd one odd. In gates the table is a memory of 64 K words in every lane: it runs in
    simulation, and is no way to build one.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    entries : Entries
        The products.
    origin : str
        The file that they came from; it is no part of what the multiplier is.
    """

    family: ClassVar[str] = "table"
    summary: ClassVar[str] = "imported: products out of a .npy file"

    entries: Entries
    origin: str = field(default="", compare=False, repr=False)

    @property
    def levels(self) -> tuple[str, ...]:
        """One level."""
        return ("table",)

    def _entry(self, value: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return self.entries.array[value + len(self.entries.array) // 2, weight + 128]

    def compute(self, value: np.ndarray, weight: np.ndarray, level: int = 0) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        self.check_level(level)
        value, weight = np.asarray(value, np.int64), np.asarray(weight, np.int64)
        half = len(self.entries.array) // 2
        beyond = (value < -half) | (value >= half)
        if not beyond.any():
            return self._entry(value, weight)
        quotient = np.where(beyond, (value + (value < 0)) >> 1, value)
        rest = (value - 2 * quotient) * weight
        found = self._entry(quotient, weight)
        return np.where(beyond, 2 * found + rest, found)

    @cached_property
    def _entry_width(self) -> int:
        limit = 1 << self.weight_width - 1
        used = self.entries.array[:, 128 - limit : 128 + limit]
        return max(int(np.abs(used).max()).bit_length() + 1, 2)

    def product_width(self, value_width: int) -> int:
        """Bits of a product; two more than the table's where it is extended."""
        return self._entry_width + (2 if value_width > self.entries.value_width else 0)

    def gates(self, net: Nets, operand, weight: Value, level: Value) -> Value:
        """Checks the width of the values, which a table limits."""
        if len(operand.value) > 9:
            raise ValueError(
                f"a table of products is for event values of up to 9 bits, not {len(operand.value)}"
            )
        return super().gates(net, operand, weight, level)

    def signed_product(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """The table's entry, or twice that of half the value and the rest."""
        width = self.entries.value_width
        if len(value) <= width:
            pattern = Cat(value, value[-1].replicate(width - len(value)))
            return self._look_up(net, pattern, weight)
        beyond = net(value[-1] ^ value[-2])
        half = (value + value[-1]) >> 1
        pattern = net(Mux(beyond, half, value)[:width])
        found = self._look_up(net, pattern, weight)
        odd = net(value[0])
        rest = net(Mux(value[-1], -weight, weight))
        return Mux(beyond, 2 * found + Mux(odd, rest, 0), found)

    def _look_up(self, net: Nets, value: Value, weight: Value) -> Value:
        count = 1 << self.weight_width
        patterns = np.arange(len(self.entries.array))
        values = (patterns ^ len(patterns) // 2) - len(patterns) // 2
        weights = (np.arange(count) ^ count // 2) - count // 2
        rows = self._entry(values[:, None], weights)
        rom = _Rom(rows, self.entries.value_width, self.weight_width, self._entry_width)
        net.submodule(rom)
        net.drive(rom.value, value)
        net.drive(rom.weight, weight)
        return rom.product


@dataclass(frozen=True, kw_only=True)
class VerilogMultiplier(TableMultiplier):
    """A combinational module in Verilog, and the table of what it computes.

    The module's ports are ``a``, the value in two's complement (8 or 9 bits, as many as the
    table's rows say), ``b``, the weight in two's complement (``weight_width`` bits), and ``p``, the
    product in two's complement, ``port_width`` bits. Table and module are compared on all pairs
    where the multiplier is imported; values of 9 bits are extended as those of a table.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    entries : Entries
        The products.
    source : str
        The Verilog.
    module : str
        Name of the module in it.
    port_width : int
        Bits of ``p``.
    origin : str
        The file that it came from; it is no part of what the multiplier is.
    """

    family: ClassVar[str] = "verilog"
    summary: ClassVar[str] = "imported: a module in Verilog"

    source: str = field(repr=False)
    module: str
    port_width: int

    def __repr__(self):
        digest = hashlib.sha256(self.source.encode()).hexdigest()[:16]
        return (
            f"VerilogMultiplier(weight_width={self.weight_width}, entries={self.entries}, "
            f"module={self.module!r}, port_width={self.port_width}, source={digest})"
        )

    @property
    def levels(self) -> tuple[str, ...]:
        """One level."""
        return (self.module,)

    @property
    def verilog(self) -> dict[str, str]:
        """The file of the module."""
        return {f"{self.module}.v": self.source}

    @cached_property
    def _entry_width(self) -> int:
        return self.port_width

    def _look_up(self, net: Nets, value: Value, weight: Value) -> Value:
        product = Signal(signed(self.port_width))
        ports = {"i_a": value, "i_b": weight, "o_p": product}
        net.submodule(Instance(self.module, **ports))
        return product
