"""The short form of a plan: what the options of the command and of Python's function say."""

from collections.abc import Sequence

from hw.config import Config
from sim.explore.machine_values import Value, parse_changes
from sim.explore.sweep.plan import Plan
from sim.explore.sweep.points import MODES
from sim.explore.sweep.subjects import Subject
from sim.networks.network import NetworkError

__all__ = ["short_plan"]


def short_plan(
    subject: Subject,
    *,
    base: str | Config | None = None,
    changes: Sequence[str] = (),
    weight_bits: Sequence[int] = (8,),
    activation_bits: Sequence[int] = (8,),
    multipliers: Sequence[str] = ("exact",),
    levels: Sequence[int] | None = None,
    modes: Sequence[str] = ("normal", "delta"),
    x_thresholds: Sequence[int] = (0,),
    h_thresholds: Sequence[int] = (0,),
    normal_every: int = 0,
    unsafe_level: str | None = None,
    network_bits: Sequence[int] | None = None,
    row_scales: bool = False,
    percentile: float | None = None,
) -> Plan:
    """A plan of widths, multipliers, levels, modes and thresholds on one subject.

    Parameters
    ----------
    subject : Subject
        What is measured.
    base : str, Config or None
        The configuration that is changed; the subject's usual one when None.
    changes : sequence of str
        ``FIELD=VALUE`` of every point.
    weight_bits, activation_bits, multipliers, levels, modes, x_thresholds, h_thresholds
        What is combined; ``levels`` of None are all that each multiplier has.
    normal_every, unsafe_level, row_scales, percentile
        Of every point.
    network_bits : sequence of int or None
        Bits of the network's weights; None for as many as the machine's.

    Raises
    ------
    ConfigError, NetworkError
        There is no such mode, or a change cannot be.
    """
    for mode in modes:
        if mode not in MODES:
            raise NetworkError(f"the modes of a sweep are {', '.join(MODES)}, not {mode}")
    axes: dict[str, tuple] = {
        "weight_bits": tuple(weight_bits),
        "activation_bits": tuple(activation_bits),
        "multiplier": tuple(multipliers),
        "network_bits": (None,) if network_bits is None else tuple(network_bits),
        "percentile": (percentile,),
        "mode": tuple(modes),
        "level": ("all",) if levels is None else tuple(levels),
        "x_threshold": tuple(x_thresholds),
        "h_threshold": tuple(h_thresholds),
        "normal_every": (normal_every,),
        "unsafe_level": (unsafe_level,),
    }
    if row_scales:
        axes["row_scales"] = (True,)
    fixed: dict[str, Value] = parse_changes(changes)
    for name, value in fixed.items():
        if name in axes or (name == "row_scales" and row_scales):
            # As before there were plans, the options' defaults replace what the configuration has.
            continue
        axes[name] = (value,)
    return Plan(subjects=(subject,), axes=axes, base=base, short=True)
