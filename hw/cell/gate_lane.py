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

    Throughput: one gate row in ``cycles`` cycles. Latency: ``latency`` cycles, without stalls.

    Parameters
    ----------
    acc_width : int
        Bits of an accumulator, at most 32; or at most 47 where sums are wide.
    wide : bool
        Sums are those of 16-bit activations: see ``CellParameters.wide``.
    cycles : int
        1, or 2 where one requantiser takes the sum of x and then that of h: ``i`` stands for both.

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

    def __init__(self, acc_width: int, *, wide: bool = False, cycles: int = 1):
        most = _WIDE_ACC_WIDTH if wide else ACC_WIDTH
        if not 2 <= acc_width <= most:
            raise ValueError(f"acc_width must be from 2 to {most}, not {acc_width!r}")
        if cycles not in (1, 2):
            raise ValueError(f"cycles must be 1 or 2, not {cycles!r}")
        self.acc_width = acc_width
        self.cycles = cycles
        # Wide sums hold the bias too. Others wrap to 32 bits with it, as the reference does.
        self._sum_width = max(acc_width, ACC_WIDTH) + 1 if wide else ACC_WIDTH
        self._requantizers = [
            WideRequantizer(self._sum_width) if wide else Requantizer() for _ in range(2 // cycles)
        ]
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
        return self.cycles + self._requantizers[0].latency + 1 + self._activator.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.activator = activator = self._activator
        sum_x = (self.i.acc_x + self.i.bias)[: self._sum_width].as_signed()
        sums = {"x": sum_x, "h": self.i.acc_h}
        pipe = Pipeline(m, self.i_valid)
        parts = self._side_by_side if self.cycles == 1 else self._in_turn
        x, h = parts(m, pipe, sums)
        code_stage = self.cycles + self._requantizers[0].latency
        is_tanh = pipe.delay(0, code_stage + 1, self.i.is_tanh, "is_tanh")
        m.d.comb += [
            activator.i.code.eq(pipe.register(code_stage, saturate_sum(x, h), "code")),
            activator.i.is_tanh.eq(is_tanh),
            activator.i_valid.eq(pipe.valid(code_stage + 1)),
            self.o.eq(activator.o),
            self.o_valid.eq(activator.o_valid),
        ]
        return m

    def _side_by_side(self, m: Module, pipe: Pipeline, sums: dict[str, Value]):
        """Both sums requantised, each by a requantiser of its own."""
        for (name, value), part in zip(sums.items(), self._requantizers, strict=True):
            m.submodules[name] = part
            m.d.comb += [
                part.i_valid.eq(pipe.valid(1)),
                part.i.value.eq(pipe.register(0, value, f"{name}_value")),
            ]
            for field in ("multiplier", "shift"):
                value = self.i[f"{name}_{field}"]
                m.d.comb += part.i[field].eq(pipe.register(0, value, f"{name}_{field}"))
        return (part.o for part in self._requantizers)

    def _in_turn(self, m: Module, pipe: Pipeline, sums: dict[str, Value]):
        """The same by one requantiser: x, and h a cycle later. What it found for x is kept."""
        m.submodules.requantizer = part = self._requantizers[0]
        second = pipe.valid(1)
        values = {"value": (sums["x"], sums["h"])}
        for field in ("multiplier", "shift"):
            values[field] = tuple(self.i[f"{name}_{field}"] for name in sums)
        turns = Pipeline(m, self.i_valid | second)
        for field, (of_x, of_h) in values.items():
            m.d.comb += part.i[field].eq(turns.register(0, Mux(second, of_h, of_x), field))
        m.d.comb += part.i_valid.eq(turns.valid(1))
        return pipe.register(1 + part.latency, part.o, "x_part"), part.o
