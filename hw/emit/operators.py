"""Kinds of Yosys's cells, by which bits of their inputs a bit of their output needs."""

__all__ = [
    "BITWISE",
    "CARRYING",
    "COMPARISONS",
    "LOGIC",
    "MUXES",
    "REDUCTIONS",
    "REGISTERS",
]

BITWISE = {"$and": "&", "$or": "|", "$xor": "^", "$not": "~"}
"""Bit ``i`` needs bits ``i``."""

CARRYING = {"$add": "+", "$sub": "-", "$mul": "*", "$neg": "-"}
"""Bit ``i`` needs no bit above ``i``."""

COMPARISONS = {
    "$eq": "==",
    "$ne": "!=",
    "$eqx": "==",
    "$nex": "!=",
    "$lt": "<",
    "$le": "<=",
    "$gt": ">",
    "$ge": ">=",
}

REDUCTIONS = {
    "$reduce_and": "&",
    "$reduce_or": "|",
    "$reduce_bool": "|",
    "$reduce_xor": "^",
    "$reduce_xnor": "~^",
    "$logic_not": "~|",
}

LOGIC = {"$logic_and": "&", "$logic_or": "|"}

MUXES = {"$mux", "$pmux"}

REGISTERS = {"$dff"}
