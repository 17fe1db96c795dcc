import random

import pytest
from amaranth import Cat, Const, Module, Mux, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

SHAPES = {"a": unsigned(4), "b": unsigned(3), "c": signed(4), "d": signed(3), "e": unsigned(1)}
BINARY = (
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x & y,
    lambda x, y: x | y,
    lambda x, y: x ^ y,
    lambda x, y: x == y,
    lambda x, y: x != y,
    lambda x, y: x < y,
    lambda x, y: x <= y,
    lambda x, y: x > y,
    lambda x, y: x >= y,
    lambda x, y: x << y[:2],
    lambda x, y: x >> y[:2],
    lambda x, y: Cat(x, y),
    lambda x, y: x.bit_select(y[:2], 2),
    lambda x, y: x.as_unsigned() // y.as_unsigned(),
    lambda x, y: x.as_unsigned() % y.as_unsigned(),
)
UNARY = (
    lambda x: -x,
    lambda x: ~x,
    lambda x: x.bool(),
    lambda x: x.all(),
    lambda x: x.any(),
    lambda x: x.xor(),
    lambda x: x[1:] if len(x) > 1 else x,
    lambda x: x.as_signed(),
    lambda x: x.matches("--1"[-len(x) :]) if len(x) < 4 else x[:3],
    lambda x: x.replicate(2),
)


def expression(rng, leaves, depth):
    """A random value of at most 6 bits, of inputs and constants."""
    if depth == 0:
        return rng.choice([*leaves, rng.randrange(-3, 6)])
    kind = rng.random()
    operands = [expression(rng, leaves, depth - 1) for _ in range(3)]
    operands = [Const(o) if isinstance(o, int) else o for o in operands]
    if kind < 0.2:
        found = Mux(operands[0].bool(), operands[1], operands[2])
    elif kind < 0.4:
        found = rng.choice(UNARY)(operands[0])
    else:
        found = rng.choice(BINARY)(operands[0], operands[1])
    return found if len(found) <= 6 else found[:6]


class Many(wiring.Component):
    """Outputs of random expressions of the inputs."""

    def __init__(self, seed, count=12, depth=3):
        self._rng, self._depth = random.Random(seed), depth
        self._count = count
        outputs = {f"y{k}": Out(7) for k in range(count)}
        super().__init__({name: In(shape) for name, shape in SHAPES.items()} | outputs)

    def elaborate(self, platform):
        m = Module()
        leaves = [getattr(self, name) for name in SHAPES]
        for k in range(self._count):
            m.d.comb += getattr(self, f"y{k}").eq(expression(self._rng, leaves, self._depth))
        return m


@pytest.mark.parametrize("seed", range(12))
def test_random_expressions_are_what_they_were(prove, seed):
    prove(Many(seed))


def test_a_wrong_operator_is_found(prove):
    with pytest.raises(AssertionError, match="proof did fail"):
        prove(Many(10), edit=lambda text: text.replace(" ^ ", " & "))
