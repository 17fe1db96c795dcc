"""Choices between a new and an old state by a mask, in the ways in which exporters write them."""

from dataclasses import dataclass

import numpy as np
import onnx

from sim.networks.onnx.sheet import Sheet

__all__ = ["Select", "read_select"]


@dataclass(frozen=True, kw_only=True)
class Select:
    """``new`` where ``mask`` is true, ``old`` where it is not."""

    mask: str
    new: str
    old: str


def read_select(sheet: Sheet, name: str) -> Select | None:
    """A tensor as a choice: a Where, or the sum of two products with a mask and its opposite."""
    where = sheet.maker(name, "Where")
    if where is not None:
        mask, new, old = where.input
        plain, turned = _plain_mask(sheet, mask)
        new, old = (old, new) if turned else (new, old)
        return Select(mask=plain, new=sheet.origin(new), old=sheet.origin(old))
    total = sheet.maker(name, "Add")
    products = [] if total is None else [sheet.maker(part, "Mul") for part in total.input]
    if len(products) != 2 or None in products:
        return None
    for one in (tuple(products[0].input), tuple(products[0].input)[::-1]):
        for other in (tuple(products[1].input), tuple(products[1].input)[::-1]):
            (first, turned), (second, opposite) = (_plain_mask(sheet, m[0]) for m in (one, other))
            boolean = sheet.element(first) == onnx.TensorProto.BOOL
            if boolean and first == second and turned != opposite:
                new, old = (other[1], one[1]) if turned else (one[1], other[1])
                return Select(mask=first, new=sheet.origin(new), old=sheet.origin(old))
    return None


def _plain_mask(sheet: Sheet, name: str) -> tuple[str, bool]:
    """The mask behind casts, copies along an axis and negations; whether it is negated."""
    turned = False
    while True:
        name = sheet.origin(name)
        node = sheet.maker(name, "Cast", "Tile", "Expand", "Not", "Sub")
        if node is None:
            return name, turned
        if node.op_type == "Sub":
            ones = sheet.value(node.input[0])
            if ones is None or not np.all(ones == 1):
                return name, turned
            name, turned = node.input[1], not turned
        else:
            name, turned = node.input[0], turned != (node.op_type == "Not")
