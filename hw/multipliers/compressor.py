"""Sums of many bits of different weight, as a tree of full and half adders."""

from collections.abc import Sequence

from amaranth import Cat, Const, Value

from hw.multipliers.family import Nets

__all__ = ["sum_columns"]


def sum_columns(net: Nets, columns: Sequence[Sequence[Value]], width: int) -> Value:
    """Sum, modulo ``2**width``, of bits that stand in columns of equal weight.

    Dadda's scheme: each layer of adders does as little as will still reach two rows in the least
    number of layers; a carry-propagate adder sums these.

    Parameters
    ----------
    net : Nets
        Where the adders are written to.
    columns : list of lists of bits
        Column ``k`` holds the bits of weight ``2**k``.
    width : int
        Bits of the sum.

    References
    ----------
    L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34, 1965.
    """
    columns = [list(column) for column in columns][:width]
    columns += [[] for _ in range(width - len(columns))]
    for height in _heights(max(map(len, columns))):
        _reduce(net, columns, height)
    rows = [
        Cat(column[row] if row < len(column) else Const(0, 1) for column in columns)
        for row in range(2)
    ]
    if not any(len(column) > 1 for column in columns):
        return rows[0]
    return (rows[0] + rows[1])[:width]


def _heights(tallest: int) -> list[int]:
    """Heights to reduce to, one after the other: 2, 3, 4, 6, 9, 13 and so on, from the top."""
    heights = [2]
    while heights[-1] * 3 // 2 < tallest:
        heights.append(heights[-1] * 3 // 2)
    return heights[::-1]


def _reduce(net: Nets, columns: list[list[Value]], height: int):
    """Bring every column down to ``height`` bits, carries from below included."""
    for place, column in enumerate(columns):
        while len(column) > height:
            if len(column) == height + 1:
                one, other = column.pop(0), column.pop(0)
                total, carry = one ^ other, one & other
            else:
                one, other, third = column.pop(0), column.pop(0), column.pop(0)
                half = net(one ^ other)
                total, carry = half ^ third, (one & other) | (half & third)
            column.append(net(total))
            if place + 1 < len(columns):
                columns[place + 1].append(net(carry))
