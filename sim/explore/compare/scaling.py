"""Energy at 65 nm of what was measured at an older node, by two published rules."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["NODES", "RULES", "Rule", "scaled_range"]

NODES = (130, 90, 65)
"""Nanometres of the nodes that energy is scaled from."""

_TO = 65
_VOLTS = (1.2, 1.0)
"""Supplies at 65 nm that the range spans: that of the published chips, and the node's own."""

_FACTORS = {
    130: (7.171, -6.709, 2.904),
    90: (4.762, -4.781, 2.092),
    65: (3.755, -4.398, 1.975),
}
"""Energy of an operation against the supply: coefficients of V squared, of V, and the constant."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How energy changes with node and supply.

    Members
    -------
    name, source : str
        What it is called, and where it was published.
    factor : function of (from nm, its volts, to nm, its volts)
        Energy after, over energy before.
    """

    name: str
    source: str
    factor: Callable[[int, float, int, float], float]


def _fitted(old: int, old_volts: float, new: int, new_volts: float) -> float:
    return _factor(new, new_volts) / _factor(old, old_volts)


def _factor(node: int, volts: float) -> float:
    square, linear, constant = _FACTORS[node]
    return square * volts**2 + linear * volts + constant


def _general(old: int, old_volts: float, new: int, new_volts: float) -> float:
    """Capacitance follows lengths, and energy is capacitance times the square of the supply."""
    return new / old * (new_volts / old_volts) ** 2


RULES = (
    Rule(
        name="Stillmaker and Baas",
        source="A. Stillmaker, B. Baas, Scaling equations for the accurate prediction of CMOS "
        "device performance from 180 nm to 7 nm, Integration 58 (2017) 74-81, polynomials of "
        "energy of table 5",
        factor=_fitted,
    ),
    Rule(
        name="general scaling",
        source="G. Baccarani, M. Wordeman, R. Dennard, Generalized scaling theory and its "
        "application to a 1/4 micrometer MOSFET design, IEEE Trans. Electron Devices 31 (1984) "
        "452-462: capacitance follows lengths, energy is C V^2",
        factor=_general,
    ),
)


def scaled_range(rule: Rule, node: int, volts: float) -> tuple[float, float]:
    """Least and largest factor from a node at ``volts`` to 65 nm at 1.0 to 1.2 V."""
    found = sorted(rule.factor(node, volts, _TO, each) for each in _VOLTS)
    return found[0], found[-1]
