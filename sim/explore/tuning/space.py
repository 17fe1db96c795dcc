"""Which settings of the modes are searched, and where the search begins."""

from collections.abc import Iterator

from sim.image.modes import LayerModes, Modes
from sim.networks.network import NetworkError

__all__ = ["FAMILIES", "Space"]

FAMILIES = ("delta", "skip", "all")
"""Delta steps only; skipped and normal steps; delta steps, some of them skipped."""

_X_LIMIT, _H_LIMIT = 32, 48
_LADDER = (0, 1, 2, 4, 6, 8, 12, 16, 24)
_NORMAL_EVERY = (0, 4, 8, 16, 32, 64)
_MAX_SKIPS = (1, 2, 4, 0)
_SKIP = ("skip_threshold", "skip_action", "max_skips")
_SCORES = (0.99, 0.97, 0.95, 0.92, 0.9, 0.87, 0.85, 0.8, 0.75, 0.7, 0.6)


class Space:
    """Settings as a handful of named choices that an optimiser can make.

    Parameters
    ----------
    family : str
        One of ``FAMILIES``.
    layers : int
        Layers that have thresholds of their own.
    activation_bits : int
        Bits of values; thresholds of 16 bits are tried in steps of what was one of 8.

    Raises
    ------
    NetworkError
        There is no such family.
    """

    def __init__(self, family: str, layers: int, activation_bits: int = 8):
        if family not in FAMILIES:
            known = f"{', '.join(FAMILIES[:-1])} or {FAMILIES[-1]}"
            raise NetworkError(f"the modes to tune must be {known}, not {family}")
        self.family, self.layers = family, layers
        self._step = 1 << max(activation_bits - 8, 0)

    def suggest(self, trial) -> Modes:
        """What an Optuna trial chooses."""
        if self.family == "skip":
            return self.modes(self._suggest_skip(trial))
        choices = {}
        for layer in range(self.layers):
            choices[f"x{layer}"] = trial.suggest_int(f"x{layer}", 0, _X_LIMIT)
            choices[f"h{layer}"] = trial.suggest_int(f"h{layer}", 0, _H_LIMIT)
        choices["normal_every"] = trial.suggest_categorical("normal_every", _NORMAL_EVERY)
        if self.family == "all":
            choices["skips"] = trial.suggest_categorical("skips", (False, True))
            if choices["skips"]:
                choices |= self._suggest_skip(trial)
        return self.modes(choices)

    def _suggest_skip(self, trial) -> dict:
        return {
            "skip_threshold": trial.suggest_float("skip_threshold", 0.5, 1, step=0.005),
            "skip_action": trial.suggest_categorical("skip_action", ("hold", "freeze")),
            "max_skips": trial.suggest_categorical("max_skips", _MAX_SKIPS),
        }

    def modes(self, choices: dict) -> Modes:
        """Settings of all layers.

        Columns that are zero are left out everywhere: that changes no bit.
        """
        skip = {
            k: choices[k] for k in ("skip_threshold", "skip_action", "max_skips") if k in choices
        }
        if self.family == "skip":
            return Modes(layers=(LayerModes(mode="skip", zero_skip=True, **skip),) * self.layers)
        common = {"normal_every": choices["normal_every"], "zero_skip": True}
        common |= {"mode": "auto", "delta_threshold": 0.0, **skip} if skip else {"mode": "delta"}
        return Modes(
            layers=tuple(
                LayerModes(
                    x_threshold=self._step * choices[f"x{layer}"],
                    h_threshold=self._step * choices[f"h{layer}"],
                    **common,
                )
                for layer in range(self.layers)
            )
        )

    def exact(self) -> Iterator[Modes]:
        """Settings that change no bit, whatever the data."""
        for mode in ("delta", "normal"):
            yield Modes(layers=(LayerModes(mode=mode, zero_skip=True),) * self.layers)

    def first(self) -> Iterator[dict]:
        """Choices that are tried first, the mildest at the beginning."""
        if self.family == "skip":
            for score in _SCORES:
                for longest in (1, 0):
                    yield {"skip_threshold": score, "skip_action": "hold", "max_skips": longest}
            return
        for x, h in _ladder():
            choices = {f"x{layer}": x for layer in range(self.layers)}
            choices |= {f"h{layer}": h for layer in range(self.layers)}
            yield {**choices, "normal_every": 0} | (
                {"skips": False} if self.family == "all" else {}
            )


def _ladder() -> Iterator[tuple[int, int]]:
    """Thresholds of x and h: alike, and h one rung above x."""
    for rung, x in enumerate(_LADDER):
        for h in _LADDER[rung : rung + 2]:
            yield x, h
