"""The new cell and hidden state of a unit, from its four activations."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.cell.parameters import MIN_PRODUCT_SHIFT
from hw.cell.settings import settings_layout
from hw.numbers.activator import Activator
from hw.numbers.pipeline import Pipeline
from hw.numbers.requantizer import Requantizer

__all__ = ["StateUpdate"]

_KEPT_SHIFT = 15
"""``f`` is Q0.15."""


class StateUpdate(wiring.Component):
    """``c' = clip(f c + i g)`` and ``h = o tanh(c')`` of one unit, in integers.

    Equals the second half of :func:`hw.cell.reference.cell_step`.

    Throughput: one unit in ``cycles`` cycles. Latency: ``latency`` cycles, without stalls.

    Parameters
    ----------
    act_width : int
        Bits of ``h``.
    cycles : int
        Cycles from a unit to the next, at least: 1, or 4 where ``input`` and ``cell`` stand for two
        cycles. Then one multiplier does the work of two, and another that of four.

    Members
    -------
    i : In
        ``input``, ``forget``, ``cell``, ``output`` (Q0.15) and ``c`` of one unit. ``cell`` is at
        least -32767 and the other three at least 0, as tanh and the sigmoid are.
    i_valid : In(1)
        ``i`` is to be taken.
    settings : In
        See :func:`hw.cell.settings.settings_layout`; steady from the cycle before the first
        unit to the last result.
    o : Out
        ``h`` (``act_width`` bits) and ``c`` (16 bits); they hold until the next unit's.
    o_valid : Out(1)
        High for one cycle for each unit.
    """

    def __init__(self, act_width: int = 8, *, cycles: int = 1):
        self._act_width = act_width
        self._shared = cycles > 1
        self._tanh = Activator(shiftable=True)
        # A scale of h below 2**-30 is refused, so the shift is never to the left.
        self._requantizer = Requantizer(left_shift=False, cycles=cycles)
        names = ("input", "forget", "cell", "output", "c")
        super().__init__(
            {
                "i": In(data.StructLayout(dict.fromkeys(names, signed(16)))),
                "i_valid": In(1),
                "settings": In(settings_layout()),
                "o": Out(data.StructLayout({"h": signed(act_width), "c": signed(16)})),
                "o_valid": Out(1),
            }
        )

    @property
    def _tanh_stage(self) -> int:
        return 4 + self._shared

    @property
    def _product_stage(self) -> int:
        return self._tanh_stage + self._tanh.latency

    @property
    def latency(self) -> int:
        """Cycles from ``i_valid`` to ``o_valid``."""
        return self._product_stage + 1 + self._requantizer.latency + 1

    def elaborate(self, platform):
        m = Module()
        pipe = Pipeline(m, self.i_valid)
        c = self._update_cell(m, pipe)

        m.submodules.tanh = tanh = self._tanh
        m.d.comb += [
            tanh.i.code.eq(c),
            tanh.i.is_tanh.eq(1),
            tanh.i.shift.eq(self.settings.tanh_shift),
            tanh.i_valid.eq(pipe.valid(self._tanh_stage)),
        ]

        stage = self._product_stage
        output = pipe.delay(0, stage, self.i.output, "output")
        m.submodules.requantizer = requantizer = self._requantizer
        # Near the multipliers: the settings are registers at the other end of the machine.
        factor, zero = self.settings.output_multiplier, self.settings.h_zero
        m.d.comb += [
            requantizer.i.value.eq(pipe.register(stage, output * tanh.o, "product")),
            requantizer.i.multiplier.eq(self._steady(m, factor, "output_multiplier")),
            requantizer.i.shift.eq(self.settings.output_shift),
            requantizer.i_valid.eq(pipe.valid(stage + 1)),
        ]

        h = requantizer.o + self._steady(m, zero, "h_zero")
        limit = 1 << self._act_width - 1
        h = _clamp(h, -limit, limit - 1)[: self._act_width]
        m.d.comb += [
            self.o.h.eq(pipe.register(self.latency - 1, h, "h")),
            self.o.c.eq(pipe.delay(self._tanh_stage, self.latency, c, "c")),
            self.o_valid.eq(pipe.valid(self.latency)),
        ]
        return m

    def _update_cell(self, m: Module, pipe: Pipeline) -> Value:
        """The new cell state, at the stage in which its tanh begins."""
        kept, added = (self._products_in_turn if self._shared else self._products)(m, pipe)
        stage = self._tanh_stage - 3
        half = 1 << (_KEPT_SHIFT - 1)
        kept = _round(kept, [half + 1, half - 1]) >> _KEPT_SHIFT
        kept = pipe.register(stage, kept[:16].as_signed(), "kept")
        total = kept + self._shift_added(m, pipe, stage, added)
        total = pipe.register(stage + 1, total, "total")

        is_free = self.settings.cell_clip == 0
        high = self._steady(m, Mux(is_free, (1 << 15) - 1, self.settings.cell_clip), "high")
        low = self._steady(m, Mux(is_free, -(1 << 15), -self.settings.cell_clip), "low")
        clamped = _clamp(total, low, high)[:16].as_signed()
        return pipe.register(stage + 2, clamped, "clamped")

    def _products(self, m: Module, pipe: Pipeline) -> tuple[Value, Value]:
        """``f c`` and ``i g``, a stage later."""
        kept = pipe.register(0, self.i.forget * self.i.c, "kept")
        return kept, pipe.register(0, self.i.input * self.i.cell, "added")

    def _products_in_turn(self, m: Module, pipe: Pipeline) -> tuple[Value, Value]:
        """The same by one multiplier, two stages later."""
        second = pipe.valid(1)
        a = Mux(second, self.i.input, self.i.forget)
        b = Mux(second, self.i.cell, self.i.c)
        product = Pipeline(m, pipe.valid(0) | second).register(0, a * b, "product")
        return pipe.register(1, product, "kept"), product

    def _shift_added(self, m: Module, pipe: Pipeline, stage: int, added: Value) -> Value:
        """``i g / 2**product_shift`` as 16 bits, rounded and saturated, one stage later."""
        # What remains to be shifted behind the least shift. What follows from the settings alone
        # is registered, to keep it out of the stages.
        more = self._steady(m, (self.settings.product_shift - MIN_PRODUCT_SHIFT)[:5], "more")
        half = (Const(1 << (MIN_PRODUCT_SHIFT - 1)) << more)[:30]
        constants = [self._steady(m, half + 1, "above"), self._steady(m, half - 1, "below")]
        # A product saturates if it rounds to 2**15 codes; that of two 16-bit codes is below 2**30,
        # and stays below the limit where the shift is 15 or more.
        least = (Const(1 << (MIN_PRODUCT_SHIFT + 15)) << more[:2]) - half - 1
        limit = self._steady(m, Mux(more[2:] == 0, least[:30], (1 << 30) - 1), "limit")
        sign = added[-1]
        over = pipe.register(stage, (added ^ sign.replicate(len(added)))[:30] >= limit, "over")
        bound = pipe.register(stage, Cat((~sign).replicate(15), sign), "bound")
        # Shifted by a multiple of four here, by the rest behind the register.
        coarse = (_round(added, constants) >> MIN_PRODUCT_SHIFT) >> Cat(Const(0, 2), more[2:])
        fine = pipe.register(stage, coarse[:19].as_signed(), "added") >> more[:2]
        return Mux(over, bound, fine[:16]).as_signed()

    def _steady(self, m: Module, value: Value, name: str) -> Signal:
        """A value that follows from the settings alone, one cycle later."""
        steady = Signal(value.shape(), name=name)
        m.d.sync += steady.eq(value)
        return steady


def _round(product: Value, constants: list) -> Value:
    """``product`` plus what rounds it twice when it is shifted: at bit 1 up, then ties away from 0.

    The first rounding adds 1 and the second half a unit, less 2 (1 behind the first shift) for
    negative values. ``constants`` are these sums for positive and for negative products.
    """
    return product + Mux(product[-1], constants[1], constants[0])


def _clamp(value: Value, low, high) -> Value:
    """``value`` where it lies between ``low`` and ``high``, else the nearer of these."""
    return Mux(value > high, high, Mux(value < low, low, value))
