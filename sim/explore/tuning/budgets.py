"""How much accuracy a saving may cost."""

import math
import re
from dataclasses import dataclass

from sim.networks.network import NetworkError
from sim.workloads.scores import Score

__all__ = ["Budget", "Outcome"]

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_EXACT = "exact"
_FORMS = {
    "errors": re.compile(rf"{_NUMBER}se"),
    "relative": re.compile(rf"{_NUMBER}%"),
    "decibels": re.compile(rf"{_NUMBER}dB"),
    "floor": re.compile(rf">={_NUMBER}"),
    "ceiling": re.compile(rf"<={_NUMBER}"),
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
        ``exact``: not a bit of ``h`` may change. ``0``: bits may, the metric may lose nothing;
        ``0.01``: it may lose that much; ``1%``: that share of it; ``1se``: so many of its standard
        errors. ``>=0.95``: it stays at least there; ``<=0.05``: at most there, where less is
        better; ``30dB``: ``sqnr`` stays at least there.

    Raises
    ------
    NetworkError
        It is none of these.
    """

    text: str

    def __post_init__(self):
        self._parse()

    def _parse(self) -> tuple[str, float]:
        if self.text.strip() == _EXACT:
            return _EXACT, 0.0
        for kind, form in _FORMS.items():
            match = form.fullmatch(self.text.strip())
            if match:
                return kind, float(match[1])
        raise NetworkError(
            "a budget is exact (no bit changes), 0 (the metric loses nothing), a loss such as "
            f"0.01, 1% or 1se, or a limit such as >=0.95, <=0.05 or 30dB, not {self.text}"
        )

    @property
    def exact(self) -> bool:
        """Whether no bit may change."""
        return self._parse()[0] == _EXACT

    @property
    def in_errors(self) -> bool:
        """Whether it is stated in standard errors."""
        return self._parse()[0] == "errors"

    def check_metric(self, metric: str, lower: bool = False):
        """Refuse a budget that means nothing for a metric, of which less may be better.

        Raises
        ------
        NetworkError
            Decibels are for ``sqnr``, and ``sqnr`` takes nothing else but ``exact``; a limit is on
            the wrong side.
        """
        kind, amount = self._parse()
        if metric == "sqnr" and kind not in ("decibels", _EXACT):
            raise NetworkError(
                f"metric sqnr needs a budget in dB, such as 30dB, or exact, not {self.text}"
            )
        if metric != "sqnr" and kind == "decibels":
            raise NetworkError(f"a budget in dB is for metric sqnr, not for {metric}")
        if lower and kind == "floor":
            raise NetworkError(
                f"less is better of {metric}, so its limit is <={amount:g}, not {self.text}"
            )
        if not lower and kind == "ceiling":
            raise NetworkError(
                f"more is better of {metric}, so its limit is >={amount:g}, not {self.text}"
            )

    def least(self, normal: Score, metric: str) -> float:
        """The lowest gain that is allowed, where ``normal`` is the score of the normal mode.

        Raises
        ------
        NetworkError
            The standard error is not known, not even the normal mode reaches the limit, or nothing
            of the metric need be left.
        """
        kind, amount = self._parse()
        if kind in ("floor", "ceiling", "decibels"):
            limit = -amount if kind == "ceiling" else amount
            if normal.gain < limit:
                raise NetworkError(
                    f"the budget {self.text} cannot be met: the network itself reaches {metric} "
                    f"{normal.value:.4g}"
                )
            return limit
        if kind == "errors" and not math.isfinite(normal.standard_error):
            raise NetworkError(f"{metric} has no standard error on these data; name a drop instead")
        lost = {
            _EXACT: 0.0,
            "drop": amount,
            "relative": abs(normal.value) * amount / 100,
            "errors": normal.standard_error * amount,
        }
        if lost[kind] >= normal.gain > 0:
            raise NetworkError(
                f"the budget {self.text} must leave something of {metric}, which is "
                f"{normal.value:.4g}"
            )
        return normal.gain - lost[kind]

    def excess(self, outcome: Outcome, normal: Score, metric: str) -> float:
        """How far below what is allowed; not positive where the budget is met."""
        if self.exact:
            return 0.0 if outcome.exact else 1.0
        # Scores are ratios of counts: what is equal but for rounding is equal.
        return self.least(normal, metric) - outcome.score.gain - 1e-12
