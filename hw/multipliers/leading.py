"""The leading one of a value."""

from amaranth import Cat, Const, Value

from hw.multipliers.family import Nets

__all__ = ["encode_one_hot", "leading_one"]


def leading_one(net: Nets, value: Value) -> list[Value]:
    """One bit for each bit of ``value``: set where it is the highest that is set."""
    found = []
    above = Const(0, 1)
    for bit in reversed(list(value)):
        found.append(net(bit & ~above))
        above = net(above | bit)
    return found[::-1]


def encode_one_hot(net: Nets, hot: list[Value], first: int = 0) -> Value:
    """Position of the one set bit, less ``first``; 0 where it is lower or no bit is set."""
    width = max((len(hot) - 1 - first).bit_length(), 1)
    bits = []
    for place in range(width):
        ones = [bit for k, bit in enumerate(hot[first:]) if k >> place & 1]
        bits.append(net(Cat(ones).any()) if ones else Const(0, 1))
    return Cat(bits)
