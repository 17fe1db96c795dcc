"""The results of a sweep as one page that needs nothing else: no server, and no network."""

from collections.abc import Mapping, Sequence

from hw.config import CONFIGS, SETTINGS
from sim.explore.machine_values import values_of
from sim.explore.report.template import filled, versions
from sim.explore.resources.parts import COUNTED, PARTS
from sim.explore.sweep.costs import DERIVED
from sim.explore.sweep.fronts import varied
from sim.explore.sweep.measuring import FIGURES
from sim.explore.sweep.running import AXES
from sim.networks.network import NetworkError

__all__ = ["report_page", "title_of"]

_SETTINGS = {
    "subject": ("", "network and data"),
    "network_bits": ("bits", "bits of the network's weights"),
    "percentile": ("%", "share of the samples' values that formats cover"),
    "mode": ("", "how steps are run"),
    "level": ("", "level of the multiplier in that mode"),
    "config": ("", "the configuration that the machine differs from"),
}
_HIDDEN = ("key", "error", "state", "seconds", "metric", "lower_is_better", "examples", "work")
_PARALLEL = 8
_GROUPS = ("mode", "multiplier", "weight_bits", "activation_bits", "lanes", "level", "bus_width")
_BEST = (
    *("lut", "ff", "dsp", "bram", "fits"),
    *("score", "standard_error", "macs", "bytes", "energy_pj", "cycles", "step_us"),
)


def title_of(rows: Sequence[Mapping]) -> str:
    """What stands above a page where nobody says it: the networks that were measured."""
    return f"Sweep of {', '.join(dict.fromkeys(row['subject'] for row in rows))}"


def report_page(
    title: str,
    rows: Sequence[Mapping],
    failed: Sequence[Mapping],
    about: Mapping[str, str],
) -> bytes:
    """A page of HTML: fronts, a table that is sorted and filtered, all settings at once.

    Parameters
    ----------
    title : str
        What stands above it.
    rows : sequence of dict
        Points that are done, as ``read_results`` gives them.
    failed : sequence of dict
        Points that failed, each with its ``error``.
    about : dict
        What is said of the sweep, by name.

    Raises
    ------
    NetworkError
        No point is done.
    """
    if not rows:
        raise NetworkError("no point of this sweep is done yet, so there is nothing to report")
    differing = [name for name in rows[0] if len({row.get(name) for row in rows}) > 1]
    columns = [_column(name, rows, differing) for name in rows[0] if name != "error"]
    names = [column["name"] for column in columns]
    groups = [name for name in _GROUPS if name in differing] or ["mode"]
    settings = [name for name in differing if name in SETTINGS or _is_setting(name)]
    costs = varied(rows, AXES) or ["macs"]
    figures = [name for name in _BEST if name in differing and name != "standard_error"]
    data = {
        "columns": columns,
        "rows": [[_plain(row.get(name)) for name in names] for row in rows],
        "subjects": list(dict.fromkeys(row["subject"] for row in rows)),
        "start": {"x": costs[0], "y": "score", "colour": groups[0]},
        "groups": groups,
        "hover": [*settings[:8], *(cost for cost in costs if cost in names)],
        "parallel": [*settings, *figures],
        "dims": _PARALLEL,
        "bases": {name: values_of(config) for name, config in CONFIGS.items()},
        "machine": list(SETTINGS),
        "parts": PARTS,
        "summary": _summary(rows, failed),
        "failed": [f"{row['subject']}, {row['mode']}: {row['error']}" for row in failed],
        "about": _about(about),
    }
    return filled("page", title, data)


def _is_setting(name: str) -> bool:
    known = (*FIGURES, *DERIVED, *COUNTED, *_HIDDEN)
    return name not in known


def _column(name: str, rows: Sequence[Mapping], differing: Sequence[str]) -> dict:
    known = {**FIGURES, **DERIVED, **COUNTED, **_SETTINGS}
    unit, text = known.get(name, ("", ""))
    if name in SETTINGS:
        unit, text = SETTINGS[name].unit, SETTINGS[name].meaning
    values = [row.get(name) for row in rows if row.get(name) is not None]
    number = bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )
    in_table = name not in _HIDDEN and (name in differing or name in _BEST)
    return {
        "name": name,
        "unit": unit,
        "text": text or name.replace("_", " "),
        "kind": "number" if number else "text",
        "table": in_table,
    }


def _plain(value):
    """A value as JSON has it."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return None
    return value


def _summary(rows: Sequence[Mapping], failed: Sequence[Mapping]) -> str:
    subjects = list(dict.fromkeys(row["subject"] for row in rows))
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    left = f", {len(failed):,} failed" if failed else ""
    return (
        f"{len(rows):,} points of {', '.join(subjects)}{left}; the score is {', '.join(metrics)} "
        f"on {', '.join(f'{each:,}' for each in dict.fromkeys(r['examples'] for r in rows))} "
        f"examples."
    )


def _about(about: Mapping[str, str]) -> list[list[str]]:
    """What it takes to repeat the sweep."""
    known = {"command": "command", "plan": "hash of the points", "begun": "begun (UTC)"}
    said = [[text, about[name]] for name, text in known.items() if name in about]
    said += [["plan", about["text"]]] if "text" in about else []
    said += [["hash of the program", about["program"]]] if "program" in about else []
    return [*said, *versions()]
