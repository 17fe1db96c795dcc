"""One gate row at a time: from accumulators to an activation."""

from amaranth.hdl import Cat, Module, Mux, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.numbers.activator import Activator
from hw.numbers.pipeline import Pipeline
from hw.numbers.requantize import ACC_WIDTH, MULTIPLIER_WIDTH
from hw.numbers.requantizer import SHIFT_WIDTH, Requantizer
from hw.numbers.wide_requantizer import WideRequantizer

__all__ = ["GateLane", "saturate_sum"]

_WIDE_ACC_WIDTH = 47
"""With a bias a sum of so many bits has 48, the most that are requantised."""


def saturate_sum(a: Value, b: Value) -> Value:
    """``a + b`` of two signed values of one width, saturated to that width."""
    total = a + b
    sign = total[-1]
    limit = Cat((~sign).replicate(len(a) - 1), sign)
    return Mux(sign ^ total[-2], limit, total[:-1]).as_signed()


class GateLane(wiring.Component):
    """Activation of ``Q(acc_x + bias) + Q(acc_h)``; each part and the sum saturate to 16 bits.

    Equals :func:`hw.cell.reference.pre_activations` and the activation behind it.

    Throughput: one gate row per cycle. Latency: ``latency`` cycles, without stalls.

    Parameters
    ----------
    acc_width : int
        Bits of an accumulator, at most 32; or at most 47 where sums are wide.
    wide : bool
        Sums are those of 16-bit activations: see ``CellParameters.wide``.

    Members
    -------
    i : In
        Accumulators, bias and requantisation of one gate row; ``is_tanh`` picks the function.
    i_valid : In(1)
        ``i`` is to be taken.
    o : Out(signed(16))
        The activation in Q0.15; it holds until the next one.
    o_valid : Out(1)
        High for one cycle for each activation.
    """

    def __init__(self, acc_width: int, *, wide: bool = False):
        most = _WIDE_ACC_WIDTH if wide else ACC_WIDTH
        if not 2 <= acc_width <= most:
            raise ValueError(f"acc_width must be from 2 to {most}, not {acc_width!r}")
        self.acc_width = acc_width
        # Wide sums hold the bias too. Others wrap to 32 bits with it, as the reference does.
        self._sum_width = max(acc_width, ACC_WIDTH) + 1 if wide else ACC_WIDTH
        self._x, self._h = (
            WideRequantizer(self._sum_width) if wide else Requantizer() for _ in range(2)
        )
        self._activator = Activator()
        layout = data.StructLayout(
            {
                "acc_x": signed(acc_width),
                "acc_h": signed(acc_width),
                "bias": signed(ACC_WIDTH),
                "x_multiplier": unsigned(MULTIPLIER_WIDTH),
                "x_shift": signed(SHIFT_WIDTH),
                "h_multiplier": unsigned(MULTIPLIER_WIDTH),
                "h_shift": signed(SHIFT_WIDTH),
                "is_tanh": unsigned(1),
            }
        )
        super().__init__(
            {
                "i": In(layout),
                "i_valid": In(1),
                "o": Out(signed(16)),
                "o_valid": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``i_valid`` to ``o_valid``."""
        return 1 + self._x.latency + 1 + self._activator.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.x, m.submodules.h = x, h = self._x, self._h
        m.submodules.activator = activator = self._activator
        pipe = Pipeline(m, self.i_valid)
        x_value = (self.i.acc_x + self.i.bias)[: self._sum_width].as_signed()
        for part, name, value in ((x, "x", x_value), (h, "h", self.i.acc_h)):
            m.d.comb += part.i_valid.eq(pipe.valid(1))
            m.d.comb += part.i.value.eq(pipe.register(0, value, f"{name}_value"))
            for field in ("multiplier", "shift"):
                value = self.i[f"{name}_{field}"]
                m.d.comb += part.i[field].eq(pipe.register(0, value, f"{name}_{field}"))
        code_stage = 1 + x.latency
        is_tanh = pipe.delay(0, code_stage + 1, self.i.is_tanh, "is_tanh")
        m.d.comb += [
            activator.i.code.eq(pipe.register(code_stage, saturate_sum(x.o, h.o), "code")),
            activator.i.is_tanh.eq(is_tanh),
            activator.i_valid.eq(pipe.valid(code_stage + 1)),
            self.o.eq(activator.o),
            self.o_valid.eq(activator.o_valid),
        ]
        return m
