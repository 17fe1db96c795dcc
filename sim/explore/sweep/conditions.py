"""Conditions between the values of a point, as a plan writes them."""

import ast
from collections.abc import Mapping
from functools import cached_property

from simpleeval import EvalWithCompoundTypes, InvalidExpression

from hw.config import SETTINGS
from sim.explore.sweep.points import MODE_KEYS, QUANTISER_KEYS
from sim.networks.network import NetworkError

__all__ = ["Condition"]

_NAMES = ("subject", *SETTINGS, *QUANTISER_KEYS, *MODE_KEYS)
_LONGEST = 500


class Condition:
    """An expression in the names of settings, in Python's notation, that is true of every point.

    It has numbers, names in quotes, comparisons, arithmetic, ``and``, ``or``, ``not`` and ``in``;
    no calls.

    Parameters
    ----------
    text : str
        The expression, such as ``lanes * weight_bits >= 128``.

    Raises
    ------
    NetworkError
        It is none, or names something that a point does not have.
    """

    def __init__(self, text: str):
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise NetworkError(
                "[conditions] require takes expressions of at most 500 characters, in quotes"
            )
        self.text = text
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError):
            raise NetworkError(
                f"the condition {text!r} is no expression, such as lanes * weight_bits >= 128"
            ) from None
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id not in _NAMES:
                raise NetworkError(
                    f"the condition {text!r} names {node.id}, which no point has; names are "
                    f"{', '.join(_NAMES)}"
                )
            if isinstance(node, ast.Call | ast.Attribute | ast.Lambda | ast.comprehension):
                raise NetworkError(f"the condition {text!r} calls something; it may only compare")

    @cached_property
    def _expression(self) -> ast.expr:
        return ast.parse(self.text.strip(), mode="eval").body

    def holds(self, values: Mapping[str, object]) -> bool:
        """Whether it is true of these values, by name.

        Raises
        ------
        NetworkError
            It cannot be computed of them.
        """
        evaluator = EvalWithCompoundTypes(functions={}, names=dict(values))
        try:
            return bool(evaluator.eval(self.text, previously_parsed=self._expression))
        except (InvalidExpression, TypeError, ArithmeticError, ValueError, MemoryError) as error:
            raise NetworkError(f"the condition {self.text!r} fails: {error}") from None
