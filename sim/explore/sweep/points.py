"""The points of a sweep: a machine, a network's precision and the settings of its modes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from hw.config import SETTINGS, Config
from sim.explore.machine_values import changed, values_of
from sim.explore.tuning.problems import digest
from sim.image.levels import level_fields
from sim.image.modes import LayerModes, Modes
from sim.networks.network import NetworkError

__all__ = [
    "MODES",
    "MODE_KEYS",
    "QUANTISER_KEYS",
    "Point",
    "point_of",
    "split_multipliers",
    "split_numbers",
]

MODES = ("normal", "delta", "reduced")
"""Modes of the short form of a plan."""

_BOTH = ("zero_skip",)
_LEVELLED = (*_BOTH, "level", "normal_every")
_DELTA = (*_LEVELLED, "x_threshold", "h_threshold", "unsafe_level")
_SKIPPING = ("skip_threshold", "skip_action", "max_skips", "reference", "normal_every", *_BOTH)
_USED = {
    "normal": _BOTH,
    "delta": _DELTA,
    "reduced": _LEVELLED,
    "skip": _SKIPPING,
    "auto": tuple(dict.fromkeys((*_SKIPPING, *_DELTA, "delta_threshold", "middle"))),
}
"""Settings that a mode reads; the others make no point of their own."""

_LEVELS = ("delta_level", "reduced_level")

_OTHERS = ("mode", "lookahead", *_LEVELS)

MODE_KEYS = ("mode", "level", *(e.name for e in fields(LayerModes) if e.name not in _OTHERS))
"""What can be varied of the modes: fields of ``LayerModes``, and one ``level`` for both."""

QUANTISER_KEYS = ("network_bits", "percentile")
"""What can be varied of the quantiser, beside what the configuration says."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """What one measurement is of; equal points give equal results wherever they are measured.

    Members
    -------
    subject : str
        Name of the network and its data.
    config : Config
        The machine.
    network_bits : int or None
        Bits of the network's weights; None for as many as the machine's.
    percentile : float or None
        Of ``quantize``.
    mode : LayerModes
        Settings of every layer.
    """

    subject: str
    config: Config
    network_bits: int | None = None
    percentile: float | None = None
    mode: LayerModes = field(default_factory=LayerModes)

    @property
    def level(self) -> int | str:
        """Level of the multiplier in that mode."""
        chosen = self.mode.reduced_level if self.mode.mode == "reduced" else self.mode.delta_level
        return chosen

    def modes(self) -> Modes:
        """Settings of every layer."""
        return Modes.of(self.mode)

    def values(self) -> dict:
        """All of it, ready for JSON."""
        quantiser = {name: getattr(self, name) for name in QUANTISER_KEYS}
        machine = values_of(self.config)
        return {"subject": self.subject, "config": machine, **quantiser, "modes": asdict(self.mode)}

    def key(self, subject: str) -> str:
        """A name that changes with the point and with ``subject``, the key of what is measured."""
        return digest(subject, repr(self.config), self.network_bits, self.percentile, self.mode)

    def shown(self) -> dict:
        """The settings, ready for a table."""
        machine = values_of(self.config)
        widths = {name: machine.pop(name) for name in ("weight_bits", "activation_bits")}
        modes = asdict(self.mode)
        used = {name: modes[name] for name in ("x_threshold", "h_threshold", "normal_every")}
        settings = {"network_bits": self.network_bits or widths["weight_bits"]}
        settings |= {"percentile": self.percentile, "multiplier": machine.pop("multiplier")}
        settings |= {"mode": self.mode.mode, "level": self.level, **used}
        rest = {
            name: value
            for name, value in modes.items()
            if name not in (*settings, *_LEVELS, "unsafe_level", "lookahead")
        }
        machine["config"] = machine.pop("name")
        return {"subject": self.subject, **widths, **settings, **machine, **rest}


def _check_known(name: str, known: Sequence[str]):
    if name not in known:
        raise NetworkError(f"a point has no {name}; it has {', '.join(known)}")


def point_of(subject: str, base: Config, values: dict) -> Point:
    """The point of these values, by the names of settings, of the quantiser and of the modes.

    Raises
    ------
    ConfigError, NetworkError
        There is no such machine or mode, or they contradict each other.
    """
    for name in values:
        _check_known(name, (*SETTINGS, *QUANTISER_KEYS, *MODE_KEYS))
    config = changed(base, {name: value for name, value in values.items() if name in SETTINGS})
    mode = values.get("mode", "normal")
    # Another mode is refused by LayerModes.
    used = _USED.get(mode, ())
    settings = {name: values[name] for name in used if name in values and name != "level"}
    settings.setdefault("zero_skip", mode != "normal")
    level = values.get("level", 0) if "level" in used else 0
    if mode == "reduced" or (mode == "auto" and values.get("middle") == "reduced"):
        settings["reduced_level"] = level
    else:
        settings["delta_level"] = level
    chosen = LayerModes(mode=mode, **settings)
    level_fields(chosen, config)
    bits = values.get("network_bits")
    width = config.multiplier.weight_width
    if bits is not None and bits > width:
        raise NetworkError(
            f"network_bits must be at most the {width} weight_bits of the machine, not {bits}"
        )
    bits = None if bits == width else bits
    percentile = values.get("percentile")
    return Point(
        subject=subject, config=config, network_bits=bits, percentile=percentile, mode=chosen
    )


def split_numbers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers of a list with commas.

    Raises
    ------
    NetworkError
        It is none.
    """
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise NetworkError(f"{option} takes whole numbers with commas, not {text}") from None


def split_multipliers(text: str) -> tuple[str, ...]:
    """Multipliers of a list with commas; a number belongs to the multiplier before it."""
    found = []
    for part in text.split(","):
        if part.strip().isdecimal() and found:
            found[-1] += f",{part.strip()}"
        else:
            found.append(part.strip())
    return tuple(dict.fromkeys(found))
