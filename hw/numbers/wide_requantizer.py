"""Requantisation of sums of more than 32 bits, in gates."""

from amaranth.hdl import Cat, Module, Mux, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.numbers.pipeline import Pipeline
from hw.numbers.requantize import (
    ACC_WIDTH,
    MULTIPLIER_WIDTH,
    REDUCED_WIDTH,
    WIDE_LEFT_SHIFT,
)
from hw.numbers.requantizer import SHIFT_WIDTH

__all__ = ["WideRequantizer"]

_OUT_WIDTH = 16

_HALF = 17
"""Values are cut here: either part fits a signed 18 x 18 multiplier if the whole has 35 bits."""

_LEAST = REDUCED_WIDTH - WIDE_LEFT_SHIFT
"""The product is shifted right by at least this."""

_FINE = 3
"""Bits of the remaining shift that are taken behind the others."""


class WideRequantizer(wiring.Component):
    """Multiplies by a quantised multiplier of which 15 bits are kept, rounds once, saturates.

    Equals :func:`hw.numbers.requantize.requantize_wide`.

    Throughput: one value per cycle. Latency: ``latency`` cycles, without stalls.

    Parameters
    ----------
    value_width : int
        Bits of a value, 33 to 48.

    Members
    -------
    i : In
        ``value``, ``multiplier`` (31 bits) and ``shift`` (positive to the left, -31 to 7) of one
        value.
    i_valid : In(1)
        ``i`` is to be taken.
    o : Out(signed(16))
        The result; it holds until the next one.
    o_valid : Out(1)
        High for one cycle for each result.

    References
    ----------
    TensorFlow Lite, ``MultiplyByQuantizedMultiplier`` for int64.
    """

    latency = 7
    """Cycles from ``i_valid`` to ``o_valid``."""

    def __init__(self, value_width: int):
        if not ACC_WIDTH < value_width <= 48:
            raise ValueError(f"value_width must be from 33 to 48, not {value_width!r}")
        self.value_width = value_width
        layout = data.StructLayout(
            {
                "value": signed(value_width),
                "multiplier": unsigned(MULTIPLIER_WIDTH),
                "shift": signed(SHIFT_WIDTH),
            }
        )
        super().__init__(
            {
                "i": In(layout),
                "i_valid": In(1),
                "o": Out(signed(_OUT_WIDTH)),
                "o_valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pipe = Pipeline(m, self.i_valid)
        right = pipe.delay(0, 3, (WIDE_LEFT_SHIFT - self.i.shift)[:SHIFT_WIDTH], "right")
        product = self._multiply(pipe)

        # The bit below the point is kept: half of floor(2 v) + 1 is v to nearest, ties up.
        guarded = product >> (_LEAST - 1)
        kept = ACC_WIDTH + 1
        coarse = _select(right[_FINE:], guarded, 1 << _FINE, kept + (1 << _FINE) - 1)
        fine = pipe.register(3, right[:_FINE], "fine")
        guarded = pipe.register(3, coarse, "coarse")
        guarded = pipe.register(4, _select(fine, guarded, 1, kept), "fine_shifted")
        # Wraps to 32 bits, as the reference does.
        rounded = pipe.register(5, ((guarded + 1) >> 1)[:ACC_WIDTH].as_signed(), "rounded")

        body, above = rounded[: _OUT_WIDTH - 1], rounded[_OUT_WIDTH - 1 :]
        is_negative = rounded[-1]
        outside = Mux(is_negative, ~above.all(), above.any())
        limit = Cat((~is_negative).replicate(_OUT_WIDTH - 1), is_negative)
        result = Mux(outside, limit, Cat(body, is_negative)).as_signed()
        m.d.comb += self.o.eq(pipe.register(6, result, "result"))
        m.d.comb += self.o_valid.eq(pipe.valid(self.latency))
        return m

    def _multiply(self, pipe: Pipeline) -> Value:
        """The product with the reduced multiplier, three stages later."""
        low = MULTIPLIER_WIDTH - REDUCED_WIDTH
        nearest = (self.i.multiplier + (1 << low - 1)) >> low
        reduced = Mux(nearest[REDUCED_WIDTH], (1 << REDUCED_WIDTH) - 1, nearest[:REDUCED_WIDTH])
        reduced = pipe.register(0, reduced[:REDUCED_WIDTH], "reduced")
        value = pipe.register(0, self.i.value, "value")
        by_low = pipe.register(1, value[:_HALF] * reduced, "by_low")
        by_high = pipe.register(1, value[_HALF:].as_signed() * reduced, "by_high")
        total = Cat(by_low[:_HALF], (by_high + by_low[_HALF:])).as_signed()
        return pipe.register(2, total[: self.value_width + REDUCED_WIDTH].as_signed(), "product")


def _select(index: Value, value: Value, step: int, width: int) -> Value:
    """``value >> (step * index)`` of signed values, its lowest ``width`` bits."""
    for place, bit in enumerate(index):
        value = Mux(bit, value >> (step << place), value)
    return Value.cast(value)[:width].as_signed()
