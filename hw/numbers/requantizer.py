"""Requantisation in gates."""

from amaranth.hdl import Cat, Module, Mux, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.numbers.pipeline import Pipeline
from hw.numbers.requantize import ACC_WIDTH, MAX_LEFT_SHIFT, MULTIPLIER_WIDTH

__all__ = ["SHIFT_WIDTH", "Requantizer"]

SHIFT_WIDTH = 6
"""Bits of a signed shift, positive to the left."""

_LEFT_WIDTH = MAX_LEFT_SHIFT.bit_length()

_HALF = 17
"""Operands are cut here: either part fits a signed 18 x 18 multiplier."""

_PRODUCT_POINT = 31
"""The product is rounded at this bit."""


class Requantizer(wiring.Component):
    """Multiplies by a quantised multiplier, rounds twice, saturates.

    Equals :func:`hw.numbers.requantize.requantize`.

    Throughput: one value per cycle. Latency: ``latency`` cycles, without stalls.

    Parameters
    ----------
    out_width : int
        Bits of the result, 2 to 32.
    left_shift : bool
        Whether shifts may be positive; without, a stage is saved and positive shifts count as 0.

    Members
    -------
    i : In
        ``value``, ``multiplier`` and ``shift`` (positive to the left, -31 to 7) of one value.
    i_valid : In(1)
        ``i`` is to be taken.
    o : Out(signed(out_width))
        The result; it holds until the next one.
    o_valid : Out(1)
        High for one cycle for each result.

    References
    ----------
    TensorFlow Lite, ``MultiplyByQuantizedMultiplier`` with double rounding.
    """

    def __init__(self, *, out_width: int = 16, left_shift: bool = True):
        if not 2 <= out_width <= ACC_WIDTH:
            raise ValueError(f"out_width must be from 2 to {ACC_WIDTH}, not {out_width!r}")
        self.out_width = out_width
        self.left_shift = left_shift
        layout = data.StructLayout(
            {
                "value": signed(ACC_WIDTH),
                "multiplier": unsigned(MULTIPLIER_WIDTH),
                "shift": signed(SHIFT_WIDTH),
            }
        )
        super().__init__(
            {
                "i": In(layout),
                "i_valid": In(1),
                "o": Out(signed(out_width)),
                "o_valid": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``i_valid`` to ``o_valid``."""
        return 6 + self.left_shift

    def elaborate(self, platform):
        m = Module()
        pipe = Pipeline(m, self.i_valid)
        is_right = self.i.shift < 0
        right = Mux(is_right, -self.i.shift, 0)[:5]

        stage, value, multiplier = 0, self.i.value, self.i.multiplier
        if self.left_shift:
            # Wraps to 32 bits, as the reference does.
            left = Mux(is_right, 0, self.i.shift[:_LEFT_WIDTH])
            shifted = (value << left)[:ACC_WIDTH].as_signed()
            value = pipe.register(stage, shifted, "value")
            multiplier = pipe.register(stage, multiplier, "multiplier")
            stage += 1
        high = self._multiply(pipe, stage, value, multiplier)

        right = pipe.delay(0, stage + 3, right, "right")
        m.d.comb += self.o.eq(self._shift_right(m, pipe, stage + 3, high, right))
        m.d.comb += self.o_valid.eq(pipe.valid(self.latency))
        return m

    def _multiply(self, pipe: Pipeline, stage: int, value: Value, multiplier: Value) -> Value:
        """``(value * multiplier + 2**30) >> 31``, three stages later."""
        low, high = value[:_HALF], value[_HALF:].as_signed()
        low_by_low = pipe.register(stage, low * multiplier[:_HALF], "low_by_low")
        low_by_high = pipe.register(stage, low * multiplier[_HALF:], "low_by_high")
        high_by_low = pipe.register(stage, high * multiplier[:_HALF], "high_by_low")
        high_by_high = pipe.register(stage, high * multiplier[_HALF:], "high_by_high")

        # In units of 2**17: what lies below passes no carry.
        outer = Cat(low_by_low[_HALF:], high_by_high).as_signed()
        half = 1 << (_PRODUCT_POINT - 1 - _HALF)
        outer = pipe.register(stage + 1, (outer + half)[: len(outer)].as_signed(), "outer")
        middle = pipe.register(stage + 1, low_by_high + high_by_low, "middle")

        total = outer + middle
        point = _PRODUCT_POINT - _HALF
        result = total[point : point + ACC_WIDTH].as_signed()
        return pipe.register(stage + 2, result, "high")

    def _shift_right(self, m: Module, pipe: Pipeline, stage: int, value: Value, right: Value):
        """``value / 2**right`` to nearest, ties away from zero, saturated; three stages later."""
        # The bit below the point is kept, and whether any bit below that was set.
        guarded, sticky = Cat(0, value), 0
        fine = pipe.register(stage, right[:3], "fine")
        for step, index in ((8, right[3:]), (1, fine)):
            amounts = [step * k for k in range(1 << len(index))]
            lost = _select(index, [guarded[:amount].any() for amount in amounts])
            shifted = _select(index, [guarded.as_signed() >> amount for amount in amounts])
            sticky = pipe.register(stage, sticky | lost, "sticky")
            guarded = pipe.register(stage, shifted, "guarded")
            stage += 1

        body, is_negative = guarded[1:], guarded[-1]
        up = guarded[0] & (~is_negative | sticky)
        # The largest code saturates to itself, so the sum needs no further bit.
        magnitude, above = body[: self.out_width - 1], body[self.out_width - 1 :]
        over = ~is_negative & (above.any() | magnitude.all())
        under = is_negative & ~above.all()
        rounded = (body[: self.out_width] + up)[: self.out_width]
        limit = Cat(over.replicate(self.out_width - 1), under)
        return pipe.register(stage, Mux(over | under, limit, rounded).as_signed(), "rounded")


def _select(index: Value, options: list[Value]) -> Value:
    """The option at ``index``, sign-extended to the widest, by a tree of multiplexers."""
    width = max(len(option) for option in options)
    options = [Cat(option, option[-1].replicate(width - len(option))) for option in options]
    for bit in index:
        options = [Mux(bit, b, a) for a, b in zip(options[::2], options[1::2], strict=True)]
    return options[0]
