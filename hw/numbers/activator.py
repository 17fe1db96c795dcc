"""Sigmoid and tanh in gates."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.numbers.activation import SIGMOID_TABLE
from hw.numbers.pipeline import Pipeline

__all__ = ["TANH_SHIFT_WIDTH", "Activator"]

TANH_SHIFT_WIDTH = 5
"""Bits of a signed tanh shift, positive to the left."""

_FRACTION = 9
"""Bits of an argument below the table's index; tanh's eight are aligned to the sigmoid's nine."""

_LEVEL_WIDTH = 16
_LAST = len(SIGMOID_TABLE) - 1
_SLOPES = [*(SIGMOID_TABLE[1:] - SIGMOID_TABLE[:-1]).tolist(), 0]
_SLOPE_WIDTH = max(_SLOPES).bit_length()
_ROWS = [
    level | slope << _LEVEL_WIDTH
    for level, slope in zip(SIGMOID_TABLE.tolist(), _SLOPES, strict=True)
]


class Activator(wiring.Component):
    """Sigmoid or tanh of a 16-bit code, by a table and linear interpolation.

    Equals :func:`hw.numbers.activation.sigmoid` and :func:`hw.numbers.activation.tanh`.

    Throughput: one value per cycle. Latency: ``latency`` cycles, without stalls.

    Parameters
    ----------
    shiftable : bool
        Whether the argument is scaled by ``2**shift`` first; without, a stage is saved.

    Members
    -------
    i : In
        ``code`` (Q3.12), ``is_tanh`` and, if shiftable, ``shift`` (positive to the left, -7 to
        12) of one value; ``shift`` is steady from the cycle before the first value to the last one.
    i_valid : In(1)
        ``i`` is to be taken.
    o : Out(signed(16))
        The result in Q0.15; it holds until the next one.
    o_valid : Out(1)
        High for one cycle for each result.

    References
    ----------
    TFLite-Micro, ``reference_integer_ops::Logistic`` and ``Tanh`` for int16.
    """

    def __init__(self, *, shiftable: bool = False):
        self.shiftable = shiftable
        members = {"code": signed(16), "is_tanh": unsigned(1)}
        if shiftable:
            members["shift"] = signed(TANH_SHIFT_WIDTH)
        super().__init__(
            {
                "i": In(data.StructLayout(members)),
                "i_valid": In(1),
                "o": Out(signed(16)),
                "o_valid": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``i_valid`` to ``o_valid``."""
        return 5 + self.shiftable

    def elaborate(self, platform):
        m = Module()
        pipe = Pipeline(m, self.i_valid)
        stage = self.latency - 4  # in which the table is addressed
        magnitude = self._scale_by_power(m, pipe) if self.shiftable else self._scale(pipe)
        is_negative = pipe.delay(0, stage, self.i.code[-1], "is_negative")
        is_tanh = pipe.delay(0, stage, self.i.is_tanh, "is_tanh")

        # The table's output is registered again: block memories are slow.
        aligned = Mux(is_tanh, magnitude << 1, magnitude)
        row = pipe.register(stage + 1, self._read(m, pipe, stage, aligned), "row")
        fraction = pipe.delay(stage, stage + 2, aligned[:_FRACTION], "fraction")
        is_negative = pipe.delay(stage, stage + 2, is_negative, "is_negative")
        is_tanh = pipe.delay(stage, stage + 2, is_tanh, "is_tanh")

        # value = level + fraction * slope; for negative arguments its complement. The rounding
        # constant is added while the multiplier works, and ~(a + b) = ~a + ~b + 1.
        level = Cat(Const(0, _FRACTION), row[:_LEVEL_WIDTH])
        base = Mux(is_negative, ~level, level) + Mux(is_tanh, 1 << 8, 1 << 9) + is_negative
        base = pipe.register(stage + 2, base[: len(level)], "base")
        product = pipe.register(stage + 2, fraction * row[_LEVEL_WIDTH:], "product")
        is_negative = pipe.register(stage + 2, is_negative, "is_negative")
        is_tanh = pipe.register(stage + 2, is_tanh, "is_tanh")

        total = (base + (product ^ is_negative.replicate(len(level))))[: len(level)]
        # tanh = 2 sigmoid - 1: the subtraction inverts the top bit.
        result = Mux(is_tanh, Cat(total[9:-1], ~total[-1]), total[10:])
        m.d.comb += self.o.eq(pipe.register(stage + 3, result.as_signed(), "result"))
        m.d.comb += self.o_valid.eq(pipe.valid(self.latency))
        return m

    def _scale(self, pipe: Pipeline) -> Value:
        """``|3 * code|``, one stage later."""
        tripled = self.i.code + (self.i.code << 1)
        return pipe.register(0, abs(tripled)[:17], "magnitude")

    def _scale_by_power(self, m: Module, pipe: Pipeline) -> Value:
        """``|3 * code * 2**shift|``, rounded to nearest, ties up; two stages later."""
        shift = self.i.shift
        is_right = shift < 0
        right, left, half = Signal(3), Signal(4), Signal(7)
        # In registers beside the pipeline, to keep it out of the sum.
        now = Mux(is_right, -shift, 0)[:3]
        m.d.sync += [
            right.eq(now),
            left.eq(Mux(is_right, 0, shift[:4])),
            half.eq(Cat(now == 1 + bit for bit in range(7))),
        ]
        tripled = self.i.code + (self.i.code << 1) + half
        scaled = pipe.register(0, (tripled >> right)[:18].as_signed(), "scaled")
        magnitude = pipe.register(1, (abs(scaled)[:17] << left[:2]), "magnitude")
        return magnitude << Cat(Const(0, 2), left[2:])

    def _read(self, m: Module, pipe: Pipeline, stage: int, argument: Value) -> Value:
        """Row of the table: the level at its argument and the slope to the next.

        Tools that are not told would make the table of LUTs.
        """
        m.submodules.table = table = memory.Memory(
            shape=unsigned(_LEVEL_WIDTH + _SLOPE_WIDTH),
            depth=len(_ROWS),
            init=_ROWS,
            attrs={"ram_style": "block"},
        )
        port = table.read_port()
        index = argument[_FRACTION:]
        # Beyond the table both functions are constant, as its last row is.
        m.d.comb += port.addr.eq(Mux(index[8:].any(), _LAST, index[:8]))
        m.d.comb += port.en.eq(pipe.valid(stage))
        return port.data
