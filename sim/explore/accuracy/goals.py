"""Goals against ONNX Runtime and for 16 bits of activations: which figures reach them."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from sim.explore.accuracy.measuring import METHODS

__all__ = ["GOALS", "goal_rows", "goals_of"]

_NONE = "-"
_GATE, _TENSOR, _ROW, _CHANNEL, _, _EXACT, _WIDE = (method.name for method in METHODS)
_ALLOWED_DB = 3.0
"""How far scales of rows may be below ONNX Runtime's, whose outputs and states are no integers."""
GOALS = (("per gate", _GATE, _TENSOR, 0.0), ("per row", _ROW, _CHANNEL, _ALLOWED_DB))
"""Name of a goal, whose figure is compared with whose, and how much less it may be."""
_NEAR_DB = 1.0
"""What weights cost at most where something else is said to limit."""
_WIDER_DB = 20.0
"""What 16 bits of activations should gain where those limit."""


def goals_of(ratios: Mapping[str, float | None]) -> dict[str, bool | None]:
    """Whether a line reaches each goal; None where a figure is missing."""
    found = {}
    for goal, own, other, less in GOALS:
        ours, theirs = ratios.get(own), ratios.get(other)
        known = ours is not None and theirs is not None
        # Goals are compared as they are shown.
        found[goal] = round(ours, 1) >= round(theirs - less, 1) if known else None
    return found


def goal_rows(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """A line for networks and for workloads, on calibration and other data, and one for all."""
    groups = {}
    for kind, data, ratios in _all_ratios(rows):
        what = "calibration" if data == "calibration" else "other data"
        groups.setdefault(f"{kind}s, {what}", []).append(ratios)
    groups["all"] = [ratios for group in groups.values() for ratios in group]
    return [{"of": name} | _counts(group) for name, group in groups.items()]


def _all_ratios(rows: Sequence[Mapping]) -> Iterator[tuple[str, str, dict[str, float | None]]]:
    """Kind of subject, data set, and the ratios by method, of each output and layer."""
    for name in dict.fromkeys(row["name"] for row in rows):
        own = [row for row in rows if row["name"] == name]
        for data, figures in own[0]["sets"].items():
            for part in ("outputs", "lstm"):
                for what in figures.get(part, {}):
                    ratios = {row["method"]: row["sets"][data][part][what] for row in own}
                    yield own[0]["kind"], data, ratios


def _counts(group: Sequence[Mapping[str, float | None]]) -> dict[str, str]:
    counts = {"figures": str(len(group))}
    for goal, *_ in GOALS:
        counts[f"{goal} reached"] = str(sum(bool(goals_of(ratios)[goal]) for ratios in group))
    gains = sorted(gain for gain in map(_gain, group) if gain is not None)
    spread = f"{gains[0]:.1f} to {gains[-1]:.1f}, median {median(gains):.1f}" if gains else _NONE
    counts |= {"limited otherwise": str(len(gains)), "16x8 gains there, dB": spread}
    return counts | {"20 dB or more": str(sum(gain >= _WIDER_DB for gain in gains))}


def _gain(ratios: Mapping[str, float | None]) -> float | None:
    """What 16 bits gain where weights are not what limits; None elsewhere."""
    row, exact, wide = (ratios.get(name) for name in (_ROW, _EXACT, _WIDE))
    if None in (row, exact, wide) or exact - row > _NEAR_DB:
        return None
    return wide - row
