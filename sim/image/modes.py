"""How the layers of a network choose the mode of each step: the user's settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from hw.descriptor import FIELDS, HIGH_FIELDS, pack
from hw.modes import DISTANCE_ONE, Middle, Plan
from hw.registers import OVERRIDE_WORD, OVERRIDES
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["NORMAL", "LayerModes", "Modes", "distance"]

_CHOICES = {
    "mode": ("normal", "delta", "reduced", "skip", "auto"),
    "middle": ("delta", "reduced"),
    "skip_action": ("freeze", "hold"),
    "reference": ("computed", "previous"),
}
_WHOLE = {
    "x_threshold": 65535,
    "h_threshold": 65535,
    "max_skips": 65535,
    "normal_every": 65535,
    "lookahead": 16,
}
_LEVELS = ("delta_level", "reduced_level")
_SCORES = ("skip_threshold", "delta_threshold")


def distance(score: float) -> int:
    """The largest distance, in parts of ``DISTANCE_ONE``, of rows whose score is ``score``."""
    return min(round((1 - score) * DISTANCE_ONE), DISTANCE_ONE - 1)


@dataclass(frozen=True, kw_only=True)
class LayerModes:
    """How one layer chooses the mode of each step. ``docs/modes.md`` defines what a mode does.

    Parameters
    ----------
    mode : str
        ``normal``, ``delta`` and ``reduced``: every step; ``skip``: a step is skipped where ``x``
        is near its reference, else normal; ``auto``: skipped, in the middle mode or normal, by
        the score.
    x_threshold, h_threshold : int
        In delta steps, a column is an event where it differs from what its sums account for by
        more than this many codes, at most 255 unless codes have 16 bits; 0 is exact.
    skip_threshold : float or None
        Score, 0 to 1, from which on a step is skipped; None skips none.
    delta_threshold : float or None
        In mode ``auto``, score from which on a step takes the middle mode; 0 for every step.
    middle : str
        The middle mode of ``auto``: ``delta`` or ``reduced``.
    skip_action : str
        What a skipped step does: ``hold`` runs the cell on the sums that are there, ``freeze``
        keeps ``h`` and ``c``. On real networks hold costs less accuracy, so it is the default.
    max_skips : int
        Longest run of skipped steps; 0 for any.
    normal_every : int
        Every so many steps is normal, which ends what errors have gathered; 0 for the first only.
    reference : str
        What the score compares ``x`` with: the last ``computed`` row, or the ``previous`` row.
    zero_skip : bool
        Normal and reduced steps leave out columns whose value is zero.
    lookahead : int
        Steps, 1 to 16, whose ``x`` parts one fetch of the streamed weights serves; delta steps
        then take every column of ``x``. 1 waits for no input.
    delta_level, reduced_level : int or str
        Level of the multiplier in delta and in reduced steps, by number or by name.
    unsafe_level : int, str or None
        A level that may be used in delta steps although errors gather there.

    Raises
    ------
    NetworkError
        A value is out of its range, or the mode lacks its threshold.
    """

    mode: str = "normal"
    x_threshold: int = 0
    h_threshold: int = 0
    skip_threshold: float | None = None
    delta_threshold: float | None = None
    middle: str = "delta"
    skip_action: str = "hold"
    max_skips: int = 0
    normal_every: int = 0
    reference: str = "computed"
    zero_skip: bool = False
    lookahead: int = 1
    delta_level: int | str = 0
    reduced_level: int | str = 0
    unsafe_level: int | str | None = None

    def __post_init__(self):
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = f"{', '.join(choices[:-1])} or {choices[-1]}"
                raise NetworkError(f"{name} must be {known}, not {getattr(self, name)}")
        for name, most in _WHOLE.items():
            value = getattr(self, name)
            least = int(name == "lookahead")
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise NetworkError(
                    f"{name} must be a whole number from {least} to {most}, not {value}"
                )
        for name in _LEVELS:
            _check_level(name, getattr(self, name))
        if self.unsafe_level is not None:
            _check_level("unsafe_level", self.unsafe_level)
        for name in _SCORES:
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (number and 0 <= value <= 1):
                raise NetworkError(f"{name} must be a number from 0 to 1, not {value}")
        if not isinstance(self.zero_skip, bool):
            raise NetworkError(f"zero_skip must be true or false, not {self.zero_skip}")
        for mode, name in (("skip", "skip_threshold"), ("auto", "delta_threshold")):
            if self.mode == mode and getattr(self, name) is None:
                raise NetworkError(f"mode {mode} needs a {name}")
        if self.lookahead > 1 and (self.skips or self._scored):
            raise NetworkError(
                f"lookahead must be 1 in mode {self.mode}: which steps a fetch serves must not "
                f"depend on their inputs"
            )
        if self.lookahead > 1 and any(getattr(self, name) for name in _LEVELS):
            raise NetworkError(
                "lookahead must be 1 where a level of the multiplier is set: one fetch serves "
                "exact products of x"
            )

    @property
    def _scored(self) -> bool:
        """Whether a score chooses between normal and the middle mode."""
        return self.mode == "auto" and bool(self.delta_threshold)

    @property
    def skips(self) -> bool:
        """Whether steps may be skipped."""
        return self.mode in ("skip", "auto") and self.skip_threshold is not None

    @property
    def deltas(self) -> bool:
        """Whether steps may be delta steps."""
        return self.mode == "delta" or (self.mode == "auto" and self.middle == "delta")

    @property
    def reduces(self) -> bool:
        """Whether steps may be reduced steps."""
        return self.mode == "reduced" or (self.mode == "auto" and self.middle == "reduced")

    @property
    def plain(self) -> bool:
        """Whether every step multiplies every column."""
        return self.mode == "normal" and not self.zero_skip

    def unused(self) -> tuple[str, ...]:
        """Settings that were changed from their default and mean nothing in this mode."""
        meant = {"mode", "zero_skip", "lookahead"}
        if self.mode != "normal":
            meant.add("normal_every")
        if self.deltas:
            meant |= {"h_threshold", "delta_level", "unsafe_level"}
            if self.lookahead == 1:
                meant.add("x_threshold")
        if self.reduces:
            meant.add("reduced_level")
        if self.mode == "auto":
            meant |= {"delta_threshold", "middle", "reference"}
        if self.mode in ("skip", "auto"):
            meant.add("skip_threshold")
        if self.skips:
            meant |= {"skip_action", "max_skips", "reference"}
        changed = (each.name for each in fields(self) if getattr(self, each.name) != each.default)
        return tuple(name for name in changed if name not in meant)

    def fields(self) -> dict[str, int]:
        """Descriptor fields but for levels; those that mean nothing in this mode are zero."""
        plan = Plan.NORMAL
        if self.mode in ("delta", "reduced"):
            plan = Plan.MIDDLE
        elif self.mode == "auto":
            plan = Plan.SCORED if self._scored else Plan.MIDDLE
        scored = plan == Plan.SCORED
        return {
            "plan": int(plan),
            "middle": int(Middle.REDUCED if self.reduces else Middle.DELTA),
            "skip": int(self.skips),
            "freeze": int(self.skips and self.skip_action == "freeze"),
            "previous": int((self.skips or scored) and self.reference == "previous"),
            "zero_skip": int(self.zero_skip),
            "lookahead": self.lookahead if self.lookahead > 1 else 0,
            "x_threshold": self.x_threshold if self.deltas and self.lookahead == 1 else 0,
            "h_threshold": self.h_threshold if self.deltas else 0,
            "skip_distance": distance(self.skip_threshold) if self.skips else 0,
            "middle_distance": distance(self.delta_threshold) if scored else 0,
            "max_skips": self.max_skips if self.skips else 0,
            "normal_every": 0 if self.mode == "normal" else self.normal_every,
        }

    def words(self) -> dict[int, int]:
        """Words of a descriptor that hold these settings, for ``Driver.override``.

        Raises
        ------
        NetworkError
            A threshold is larger than these words hold.
        """
        for name in HIGH_FIELDS:
            if self.fields()[name] >> FIELDS[name].width:
                raise NetworkError(
                    f"{name} is {self.fields()[name]}, and registers stand for thresholds of at "
                    f"most {(1 << FIELDS[name].width) - 1}; write it into the descriptors"
                )
        packed = np.frombuffer(pack(**self.fields()), "<u4")
        return {word: int(packed[word]) for word in range(OVERRIDE_WORD, OVERRIDE_WORD + OVERRIDES)}

    def changed(self) -> dict:
        """The settings that differ from their defaults, and the mode."""
        values = asdict(self)
        default = {each.name: each.default for each in fields(self)}
        return {k: v for k, v in values.items() if k == "mode" or v != default[k]}


def _check_level(name: str, value) -> None:
    number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 15
    if not number and not (isinstance(value, str) and value):
        raise NetworkError(f"{name} must be a number from 0 to 15 or a name, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class Modes:
    """Settings of all layers of a network; both directions of a layer share theirs.

    Parameters
    ----------
    layers : tuple of LayerModes
        One for each layer, or a single one for all of them.
    notes : dict
        Whatever the writer of a settings file wants to tell, ready for JSON.
    """

    layers: tuple[LayerModes, ...] = (LayerModes(),)
    notes: Mapping = field(default_factory=dict, compare=False)

    def __post_init__(self):
        if not self.layers:
            raise NetworkError("the settings must be for at least one layer")

    @classmethod
    def of(cls, given: "Modes | LayerModes | Sequence[LayerModes] | None") -> "Modes":
        """Settings from whatever stands for them; None is normal mode."""
        if given is None:
            return NORMAL
        if isinstance(given, Modes):
            return given
        return cls(layers=(given,) if isinstance(given, LayerModes) else tuple(given))

    @property
    def plain(self) -> bool:
        """Whether every step of every layer multiplies every column."""
        return all(layer.plain for layer in self.layers)

    def for_layers(self, count: int) -> tuple[LayerModes, ...]:
        """Settings of each of ``count`` layers.

        Raises
        ------
        NetworkError
            They are for another number of layers.
        """
        if len(self.layers) == 1:
            return self.layers * count
        if len(self.layers) != count:
            raise NetworkError(
                f"the settings are for {len(self.layers)} layers, and the network has {count}"
            )
        return self.layers

    def replace(self, **changes) -> "Modes":
        """These settings with the given ones changed in every layer."""
        layers = tuple(replace(layer, **changes) for layer in self.layers)
        return Modes(layers=layers, notes=self.notes)

    def to_json(self) -> str:
        """The text of a settings file."""
        values = {"layers": [layer.changed() for layer in self.layers]}
        if self.notes:
            values["notes"] = dict(self.notes)
        return json.dumps(values, indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Modes":
        """The settings of a file that :meth:`to_json` has made, or a person.

        Raises
        ------
        NetworkError
            The file is missing or holds something else.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise NetworkError(cannot_read(path, error)) from None
        except (ValueError, RecursionError):
            raise NetworkError(f"{path} is not a settings file: it is not JSON") from None
        layers = values.get("layers") if isinstance(values, dict) else None
        if not isinstance(layers, list) or not all(isinstance(each, dict) for each in layers):
            raise NetworkError(
                f'{path} is not a settings file: it has no list of settings named "layers"'
            )
        known = {each.name for each in fields(LayerModes)}
        for name in (name for layer in layers for name in layer if name not in known):
            raise NetworkError(f"{path} has an unknown setting, {name}")
        notes = values.get("notes", {})
        if not isinstance(notes, dict):
            raise NetworkError(f'{path} is not a settings file: "notes" must be an object')
        try:
            return cls(layers=tuple(LayerModes(**layer) for layer in layers), notes=notes)
        except NetworkError as error:
            raise NetworkError(f"{path}: {error}") from None


NORMAL = Modes()
"""Every column in every step."""
