"""How much accuracy a saving may cost."""

import math
import re
from dataclasses import dataclass

from sim.networks.network import NetworkError
from sim.workloads.scores import Score

__all__ = ["Budget", "Outcome"]

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_FORMS = {
    "errors": re.compile(rf"{_NUMBER}se"),
    "relative": re.compile(rf"{_NUMBER}%"),
    "decibels": re.compile(rf"{_NUMBER}dB"),
    "floor": re.compile(rf">={_NUMBER}"),
    "drop": re.compile(_NUMBER),
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one setting gave on one part of the data.

    Members
    -------
    score : Score
        Of the outputs; for ``sqnr``, whose unit is dB, infinite where nothing differs.
    exact : bool
        Whether every bit of ``h`` is that of the normal mode.
    macs, bytes : float
        Shares of the products, and of the bytes of weights with all of them streamed, that a dense
        run does and this one did not.
    """

    score: Score
    exact: bool
    macs: float
    bytes: float

    def saved(self, what: str) -> float:
        """The share named ``macs`` or ``bytes``."""
        return getattr(self, what)


@dataclass(frozen=True)
class Budget:
    """What may be lost, against the network in normal mode on the same data.

    Parameters
    ----------
    text : str
        ``0``: not a bit of ``h``; ``0.01``: that much of the metric; ``1%``: that share of it;
        ``1se``: so many of its standard errors; ``>=0.95``: the metric stays at least there;
        ``30dB``: ``sqnr`` stays at least there.

    Raises
    ------
    NetworkError
        It is none of these.
    """

    text: str

    def __post_init__(self):
        self._parse()

    def _parse(self) -> tuple[str, float]:
        for kind, form in _FORMS.items():
            match = form.fullmatch(self.text.strip())
            if match:
                amount = float(match[1])
                return ("exact", 0.0) if kind == "drop" and not amount else (kind, amount)
        raise NetworkError(
            f"a budget is 0 for exact, a drop such as 0.01, 1% or 1se, or a floor such as >=0.95 "
            f"or 30dB, not {self.text}"
        )

    @property
    def exact(self) -> bool:
        """Whether nothing may change."""
        return self._parse()[0] == "exact"

    def check_metric(self, metric: str):
        """Refuse a budget that means nothing for a metric.

        Raises
        ------
        NetworkError
            Decibels are for ``sqnr``, and ``sqnr`` takes nothing else but 0.
        """
        kind, _ = self._parse()
        if metric == "sqnr" and kind not in ("decibels", "exact"):
            raise NetworkError(
                f"metric sqnr needs a budget in dB, such as 30dB, or 0, not {self.text}"
            )
        if metric != "sqnr" and kind == "decibels":
            raise NetworkError(f"a budget in dB is for metric sqnr, not for {metric}")

    def least(self, normal: Score, metric: str) -> float:
        """The lowest score that is allowed, where ``normal`` is the score of the normal mode.

        Raises
        ------
        NetworkError
            The standard error is not known, not even the normal mode reaches the floor, or nothing
            of the metric need be left.
        """
        kind, amount = self._parse()
        if kind in ("floor", "decibels"):
            if normal.value < amount:
                raise NetworkError(
                    f"the budget {self.text} cannot be met: the network itself reaches {metric} "
                    f"{normal.value:.4g}"
                )
            return amount
        if kind == "errors" and not math.isfinite(normal.standard_error):
            raise NetworkError(f"{metric} has no standard error on these data; name a drop instead")
        lost = {
            "exact": 0.0,
            "drop": amount,
            "relative": normal.value * amount / 100,
            "errors": normal.standard_error * amount,
        }
        if lost[kind] >= normal.value > 0:
            raise NetworkError(
                f"the budget {self.text} must leave something of {metric}, which is "
                f"{normal.value:.4g}"
            )
        return normal.value - lost[kind]

    def excess(self, outcome: Outcome, normal: Score, metric: str) -> float:
        """How far below what is allowed; not positive where the budget is met."""
        if self.exact:
            return 0.0 if outcome.exact else 1.0
        # Scores are ratios of counts: what is equal but for rounding is equal.
        return self.least(normal, metric) - outcome.score.value - 1e-12
