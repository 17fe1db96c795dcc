"""Requantisation in gates."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.numbers.pipeline import Pipeline
from hw.numbers.requantize import ACC_WIDTH, MAX_LEFT_SHIFT, MULTIPLIER_WIDTH

__all__ = ["SHIFT_WIDTH", "Requantizer"]

SHIFT_WIDTH = 6
"""Bits of a signed shift, positive to the left."""

_HALF = 17
"""Operands are cut here: either part fits a signed 18 x 18 multiplier."""

_POINT = 31
"""Without a shift, the product is rounded at this bit."""

_PARTS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Halves of the value and of the multiplier, in the order in which one multiplier takes them."""


class Requantizer(wiring.Component):
    """Multiplies by a quantised multiplier, rounds twice, saturates.

    Equals :func:`hw.numbers.requantize.requantize`. Shifts to the left and to the right are one:
    what would be shifted to the left loses its upper bits first, and less is shifted behind the
    product.

    Throughput: one value in ``cycles`` cycles. Latency: ``latency`` cycles, without stalls.

    Parameters
    ----------
    out_width : int
        Bits of the result, 2 to 32.
    left_shift : bool
        Whether shifts may be positive; without, a stage is saved and positive shifts count as 0.
    cycles : int
        Cycles from a value to the next, at least: 1, or 4, where one multiplier of 18 x 18 bits
        does the work of four and ``i`` must stand for these cycles.

    Members
    -------
    i : In
        ``value``, ``multiplier`` and ``shift`` (positive to the left, -31 to 15) of one value.
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

    def __init__(self, *, out_width: int = 16, left_shift: bool = True, cycles: int = 1):
        if not 2 <= out_width <= ACC_WIDTH:
            raise ValueError(f"out_width must be from 2 to {ACC_WIDTH}, not {out_width!r}")
        if cycles not in (1, len(_PARTS)) or (left_shift and cycles > 1):
            raise ValueError(f"cycles must be 1, or 4 without left shifts, not {cycles!r}")
        self.out_width = out_width
        self.left_shift = left_shift
        self.cycles = cycles
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
    def _product_stages(self) -> int:
        """Stages from the operands to their product."""
        return 3 if self.cycles == 1 else len(_PARTS) + 1

    @property
    def latency(self) -> int:
        """Cycles from ``i_valid`` to ``o_valid``."""
        return self.left_shift + self._product_stages + 3

    def elaborate(self, platform):
        m = Module()
        pipe = Pipeline(m, self.i_valid)
        shift, value, multiplier = self.i.shift, self.i.value, self.i.multiplier
        stage, is_right = 0, shift < 0
        # The least shift behind the product leaves its half at bit 0 of what is shifted.
        lowest = _POINT - 1
        right = Mux(is_right, -shift, 0)[: SHIFT_WIDTH - 1]
        if self.left_shift:
            value = pipe.register(0, _wrapped(value, shift), "value")
            multiplier = pipe.register(0, multiplier, "multiplier")
            is_right = pipe.register(0, is_right, "is_right")
            lowest -= MAX_LEFT_SHIFT
            right = (MAX_LEFT_SHIFT - shift)[:SHIFT_WIDTH]
            stage = 1
        # The first of two roundings adds half a unit at bit 31, and ties of the second go away from
        # zero: a unit there less for negative values. Without a second there is no first either.
        first = is_right & ~value[-1], is_right & value[-1]
        multiply = self._multiply if self.cycles == 1 else self._multiply_in_turn
        product = multiply(m, pipe, stage, (value, multiplier), first)
        stop = stage + self._product_stages
        right = pipe.delay(0, stop, right, "right")
        m.d.comb += self.o.eq(self._shift(pipe, stop, product[lowest:], right))
        m.d.comb += self.o_valid.eq(pipe.valid(self.latency))
        return m

    def _multiply(self, m: Module, pipe: Pipeline, stage: int, operands, first) -> Value:
        """The product and the first rounding, three stages later."""
        halves = [_halves(operand) for operand in operands]
        low_by_low, low_by_high, high_by_low, high_by_high = (
            pipe.register(stage, halves[0][a] * halves[1][b], name)
            for (a, b), name in zip(
                _PARTS, ("low_by_low", "low_by_high", "high_by_low", "high_by_high"), strict=True
            )
        )
        up, down = (
            pipe.register(stage, each, name)
            for each, name in zip(first, ("up", "down"), strict=True)
        )
        # In units of 2**17: what lies below passes no carry.
        width = ACC_WIDTH + MULTIPLIER_WIDTH - _HALF
        outer = Cat(low_by_low[_HALF:], high_by_high)[:width].as_signed()
        outer = (outer + _first_rounding(up, down, _POINT - 1 - _HALF, width))[:width].as_signed()
        low = pipe.register(stage + 1, low_by_low[:_HALF], "low")
        outer = pipe.register(stage + 1, outer, "outer")
        middle = pipe.register(stage + 1, low_by_high + high_by_low, "middle")
        low = pipe.register(stage + 2, low, "low")
        high = pipe.register(stage + 2, (outer + middle)[:width].as_signed(), "high")
        return Cat(low, high)

    def _multiply_in_turn(self, m: Module, pipe: Pipeline, stage: int, operands, first) -> Value:
        """The same by one multiplier, a part in each cycle; five stages later."""
        halves = [_halves(operand) for operand in operands]
        turns = [pipe.valid(stage + k) for k in range(len(_PARTS))]
        taken = []
        for side in (0, 1):
            low, high = halves[side]
            # Known a cycle before, in a register: it stands in front of the multiplier.
            is_high = Signal(name=f"is_high_{side}")
            before = [pipe.valid(stage + k - 1) for k, part in enumerate(_PARTS) if part[side]]
            m.d.sync += is_high.eq(Cat(before).any())
            taken.append(Mux(is_high, high, low))
        product = Signal(signed(2 * _HALF + 1))
        with m.If(Cat(turns).any()):
            m.d.sync += product.eq(taken[0] * taken[1])
        # Each part is added as its product is there; what the last is above is put away before it.
        begins, ends = pipe.valid(stage + 1), pipe.valid(stage + len(_PARTS))
        width = 2 * _HALF + 3
        total, low = Signal(signed(width)), Signal(_HALF)
        start = _first_rounding(*first, _POINT - 1, width)
        moves = pipe.valid(stage + 2) | ends
        before = Mux(begins, start, Mux(moves, total >> _HALF, total))
        with m.If(Cat(pipe.valid(stage + k) for k in range(1, len(_PARTS) + 1)).any()):
            m.d.sync += total.eq((before + product)[:width])
        with m.If(ends):
            m.d.sync += low.eq(total[:_HALF])
        # The lowest half of all is never asked for.
        return Cat(Const(0, _HALF), low, total)[: ACC_WIDTH + MULTIPLIER_WIDTH]

    def _shift(self, pipe: Pipeline, stage: int, value: Value, right: Value) -> Value:
        """``value`` shifted to the right, rounded at its bit 0, saturated; three stages later.

        Each step keeps the bits that the others may ask for, and notes whether any above them was
        not like the sign.
        """
        sign, over = value[-1], Const(0)
        fine = pipe.register(stage, right[:4], "fine")
        value, over = self._step(value, sign, over, right[4:], 16)
        value, over, sign = (
            pipe.register(stage, each, name)
            for each, name in ((value, "coarse"), (over, "over"), (sign, "sign"))
        )
        for index, step in ((fine[2:], 4), (fine[:2], 1)):
            value, over = self._step(value, sign, over, index, step)
        value, over, sign = (
            pipe.register(stage + 1, each, name)
            for each, name in ((value, "guarded"), (over, "over"), (sign, "sign"))
        )
        # The largest code saturates to itself, so the sum needs no further bit.
        guard, body = value[0], value[1:]
        over = over | (body[-1] ^ sign) | (~sign & body[:-1].all())
        limit = Cat((~sign).replicate(self.out_width - 1), sign)
        rounded = (body + guard)[: self.out_width]
        return pipe.register(stage + 2, Mux(over, limit, rounded).as_signed(), "rounded")

    def _step(self, value: Value, sign: Value, over: Value, index: Value, step: int):
        """``value >> (step * index)`` as far as it is wanted, and whether more was above that."""
        width = self.out_width + step
        amounts = [step * k for k in range(1 << len(index))]
        reach = amounts[-1] + width
        padded = Cat(value, sign.replicate(max(reach - len(value), 0)))
        unlike = value ^ sign.replicate(len(value))
        above = _select(index, [unlike[width + amount :].any() for amount in amounts])
        kept = _select(index, [padded[amount : amount + width] for amount in amounts])
        return kept, over | above


def _wrapped(value: Value, shift: Value) -> Value:
    """``value`` without the bits that a shift to the left loses, with the sign that it then has."""
    left = shift[:-2]
    is_left = ~shift[-1]
    first = ACC_WIDTH - 1 - MAX_LEFT_SHIFT
    sign = Cat(reversed(value[first:])).bit_select(left, 1)
    lost = Cat(is_left & (left > ACC_WIDTH - 1 - bit) for bit in range(first + 1, ACC_WIDTH))
    upper = value[first + 1 :]
    return Cat(value[: first + 1], (upper & ~lost) | (sign.replicate(len(lost)) & lost)).as_signed()


def _halves(operand: Value) -> tuple[Value, Value]:
    """Lower and upper part of an operand; the upper one is signed where the operand is."""
    low, high = operand[:_HALF], operand[_HALF:]
    return low, high.as_signed() if operand.shape().signed else high


def _first_rounding(up: Value, down: Value, point: int, width: int) -> Value:
    """``2**point`` where ``up``, ``-2**point`` where ``down``."""
    return Cat(Const(0, point), up | down, down.replicate(width - point - 1)).as_signed()


def _select(index: Value, options: list[Value]) -> Value:
    """The option at ``index``, all of one width, by a tree of multiplexers."""
    for bit in index:
        options = [Mux(bit, b, a) for a, b in zip(options[::2], options[1::2], strict=True)]
    return Value.cast(options[0])
