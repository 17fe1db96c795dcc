"""The points of a sweep: what is varied, and what cannot be."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hw.config import Config
from sim.explore.machines import make_config
from sim.image.levels import level_fields
from sim.image.modes import LayerModes, Modes
from sim.networks.network import NetworkError

__all__ = ["MODES", "Point", "make_points", "split_multipliers", "split_numbers"]

MODES = ("normal", "delta", "reduced")


@dataclass(frozen=True, kw_only=True)
class Point:
    """Settings of one run of a sweep.

    Members
    -------
    weight_bits, activation_bits : int
        Precision of the machine.
    network_bits : int or None
        Bits of the network's weights; None for as many.
    multiplier : str
        Its name.
    mode : str
        ``normal``, ``delta`` or ``reduced``, in every layer.
    level : int
        Of the multiplier, in that mode.
    x_threshold, h_threshold : int
        Of delta mode.
    normal_every : int
        Every so many steps of delta mode is normal; 0 for the first only.
    unsafe_level : str or None
        A level that may be used in delta mode all the same.
    row_scales : bool
        Rows of weights have scales of their own.
    """

    weight_bits: int
    activation_bits: int
    multiplier: str
    mode: str = "delta"
    level: int = 0
    x_threshold: int = 0
    h_threshold: int = 0
    normal_every: int = 0
    unsafe_level: str | None = None
    network_bits: int | None = None
    row_scales: bool = False

    def config(self, base: Config) -> Config:
        """The machine: ``base`` with the point's multiplier and widths."""
        widths = self.weight_bits, self.activation_bits
        return make_config(base, self.multiplier, *widths, self.row_scales)

    def modes(self) -> Modes:
        """Settings of every layer."""
        changes = {"mode": self.mode, "zero_skip": self.mode != "normal"}
        if self.mode == "delta":
            changes |= {"x_threshold": self.x_threshold, "h_threshold": self.h_threshold}
            changes |= {"delta_level": self.level, "unsafe_level": self.unsafe_level}
            changes["normal_every"] = self.normal_every
        elif self.mode == "reduced":
            changes["reduced_level"] = self.level
        return Modes.of(LayerModes(**changes))

    def shown(self) -> dict:
        """The settings, ready for a table."""
        values = asdict(self)
        del values["unsafe_level"]
        if not self.row_scales:
            del values["row_scales"]
        values["network_bits"] = self.network_bits or self.weight_bits
        return values


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


def _network_bits(wanted: Sequence[int] | None, weight_bits: int) -> list[int | None]:
    """Of those wanted, the ones that a machine has room for; as many as it has if they are all."""
    if wanted is None:
        return [None]
    return [bits if bits < weight_bits else None for bits in wanted if bits <= weight_bits]


def make_points(
    config: Config,
    *,
    weight_bits: Sequence[int],
    activation_bits: Sequence[int],
    multipliers: Sequence[str],
    levels: Sequence[int] | None,
    modes: Sequence[str],
    x_thresholds: Sequence[int],
    h_thresholds: Sequence[int],
    normal_every: int = 0,
    unsafe_level: str | None = None,
    network_bits: Sequence[int] | None = None,
    row_scales: bool = False,
) -> list[Point]:
    """Every combination that there is, each once.

    A level that a multiplier lacks is left out where another one has it; None stands for all.
    Normal mode has no level and no thresholds, reduced mode no thresholds. Networks' weights have
    as many bits as the machine's, or each of ``network_bits`` that are not more; their
    rows have scales of their own with ``row_scales``.

    Raises
    ------
    ConfigError, NetworkError
        A machine that cannot be, a level that no multiplier has or that must not be used.
    """
    for mode in modes:
        if mode not in MODES:
            raise NetworkError(f"the modes of a sweep are {', '.join(MODES)}, not {mode}")
    points = {}
    seen = set()
    for widths in itertools.product(weight_bits, activation_bits):
        for name in multipliers:
            bits = dict(zip(("weight_bits", "activation_bits"), widths, strict=True))
            machine = make_config(config, name, *widths, row_scales)
            there = range(len(machine.multiplier.levels))
            chosen = [level for level in (there if levels is None else levels) if level in there]
            seen.update(chosen)
            for mode in modes:
                axes = [_network_bits(network_bits, widths[0])]
                axes += [chosen if mode != "normal" else [0]]
                axes += [x_thresholds, h_thresholds] if mode == "delta" else [[0], [0]]
                for own, level, x, h in itertools.product(*axes):
                    values = {"network_bits": own, "level": level}
                    values |= {"x_threshold": x, "h_threshold": h}
                    values |= {"multiplier": name, "mode": mode, "row_scales": row_scales}
                    if mode == "delta":
                        values |= {"normal_every": normal_every, "unsafe_level": unsafe_level}
                    point = Point(**bits, **values)
                    level_fields(point.modes().layers[0], machine)
                    points[point] = None
    missing = [level for level in levels or () if level not in seen]
    if missing:
        raise NetworkError(f"none of the multipliers has level {missing[0]}")
    return list(points)
