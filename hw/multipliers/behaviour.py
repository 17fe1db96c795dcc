"""What the products of a multiplier are like, computed from all of them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = ["BIAS_LIMIT", "STEPS_LIMIT", "Behaviour", "behaviour", "products"]

BIAS_LIMIT = 1 / 16
"""Largest share of the mean absolute error that the mean error may be."""

STEPS_LIMIT = 64
"""Most steps from one normal step to the next at a level whose errors cancel on average only: on
real networks longer ones lose accuracy (docs/precision.md)."""

_LARGEST = 255


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """Properties of one level, over event values -255 to 255 and all weights.

    Members
    -------
    exact : bool
        Every product is the exact one.
    zero_preserving : bool
        ``f(0, w) = 0``.
    proportionate : bool
        ``|f(v, w) - v w| <= |v w|``: errors vanish with either operand, and do not only stop there.
    odd_symmetric : bool
        ``f(-v, w) = -f(v, w)``.
    linear : bool
        ``f(v, w) = v f(1, w)``.
    mean_error, mean_absolute_error : float
        Of ``f(v, w) - v w``, all pairs alike.
    """

    exact: bool
    zero_preserving: bool
    proportionate: bool
    odd_symmetric: bool
    linear: bool
    mean_error: float
    mean_absolute_error: float

    @property
    def unbiased(self) -> bool:
        """The mean error is at most ``BIAS_LIMIT`` of the mean absolute error."""
        return abs(self.mean_error) <= BIAS_LIMIT * self.mean_absolute_error

    @property
    def cancels(self) -> bool:
        """Whether errors of a sum of differences cancel on average.

        They vanish with the operands, change sign with the value and have no mean. They still
        gather, step by step, where a value rises slowly and falls fast.
        """
        return self.proportionate and self.odd_symmetric and self.unbiased

    def safe_in_delta(self, normal_every: int) -> bool:
        """Whether errors stay bounded when products of differences are accumulated.

        Errors linear in the value telescope: after any number of steps their sum is the error of
        the value itself. Errors that cancel on average need a normal step at least every
        ``STEPS_LIMIT`` steps. Any other error adds up with every step.

        Parameters
        ----------
        normal_every : int
            Every so many steps is normal; 0 for the first only.
        """
        return self.linear or (self.cancels and 1 <= normal_every <= STEPS_LIMIT)

    @property
    def in_delta(self) -> str:
        """What becomes of errors in delta mode, in words."""
        if self.exact:
            return "safe: exact"
        if self.linear:
            return "safe: errors are linear in the event value and telescope"
        if self.cancels:
            return (
                f"safe with a normal step at least every {STEPS_LIMIT} steps: errors vanish with "
                f"the operands, are odd in the event value and cancel on average"
            )
        reasons = (
            (self.zero_preserving, "f(0, w) is not 0"),
            (
                self.proportionate or not self.zero_preserving,
                "products of small operands are wrong by more than themselves",
            ),
            (self.odd_symmetric, "f(-v, w) is not -f(v, w)"),
            (self.unbiased, "the mean error is not small beside the mean absolute error"),
        )
        return "unsafe, errors accumulate: " + "; ".join(why for fine, why in reasons if not fine)


def products(multiplier, level: int) -> np.ndarray:
    """Products, int64 ``[511, weights]``, of event values -255 to 255 and all weights."""
    limit = multiplier.weight_limit
    return multiplier.compute(_values()[:, None], np.arange(-limit, limit + 1), level)


@lru_cache(maxsize=256)
def behaviour(multiplier, level: int) -> Behaviour:
    """Properties of one level of ``multiplier``."""
    found = products(multiplier, level)
    limit = multiplier.weight_limit
    exact = _values()[:, None] * np.arange(-limit, limit + 1)
    error = found - exact
    return Behaviour(
        exact=not error.any(),
        zero_preserving=not found[_LARGEST].any(),
        proportionate=bool((np.abs(error) <= np.abs(exact)).all()),
        odd_symmetric=bool((found == -found[::-1]).all()),
        linear=bool((found == _values()[:, None] * found[_LARGEST + 1]).all()),
        mean_error=float(error.mean()),
        mean_absolute_error=float(np.abs(error).mean()),
    )


def _values() -> np.ndarray:
    return np.arange(-_LARGEST, _LARGEST + 1)
