"""A run as one page that needs nothing else: its modes step by step, and its energy by part."""

import csv
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from hw.modes import Mode
from sim.explore.report.template import filled, versions
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["read_run", "read_trace", "run_page"]

_MODES = tuple(mode.name.lower() for mode in Mode)
_PLACE = ("node", "layer", "direction")
_STEP = (*_PLACE, "sequence", "step", "mode", "score", "events_x", "events_h")
_NEEDED = ("backend", "config", "steps", "macs_done", "modes")
_NESTED = ("config", "modes", "mode_steps", "work", "energy", "warnings", "h")
_SHARES = {
    "steps": "steps",
    "MACs done": "macs_done",
    "MACs avoided": "macs_avoided",
    "bytes of weights": "weight_bytes",
}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    except UnicodeDecodeError:
        raise NetworkError(f"{path} is not text") from None


def read_run(path: Path) -> dict:
    """The figures of a run, as ``refrain run --report`` writes them.

    Raises
    ------
    NetworkError
        There is no such file, or it holds something else.
    """
    try:
        found = json.loads(_read(path))
    except ValueError as error:
        raise NetworkError(f"{path} is not JSON: {error}") from None
    whole = isinstance(found, dict) and all(name in found for name in _NEEDED)
    if not whole or not isinstance(found["config"], dict) or not isinstance(found["modes"], dict):
        raise _no_report(path)
    return found


def read_trace(path: Path) -> list[dict]:
    """What each step did, as ``refrain run --trace`` writes it.

    Raises
    ------
    NetworkError
        There is no such file, or it holds something else.
    """
    text = _read(path)
    try:
        if path.suffix.lower() == ".json":
            rows = json.loads(text)
        else:
            rows = list(csv.DictReader(text.splitlines()))
        return [_step(row) for row in rows]
    except (ValueError, TypeError, KeyError):
        raise NetworkError(f"{path} is no trace of a run; refrain run --trace writes one") from None


def _step(row: Mapping) -> dict:
    """A row with its numbers as numbers; a table has text."""
    step = {name: row[name] for name in _STEP}
    for name in ("layer", "sequence", "step", "events_x", "events_h"):
        step[name] = int(step[name])
    step["mode"] = _MODES.index(step["mode"])
    step["score"] = None if step["score"] in (None, "") else float(step["score"])
    return step


def run_page(
    title: str, path: Path, figures: Mapping, trace: Sequence[Mapping] | None = None
) -> bytes:
    """A page of HTML: the mode of each step, what modes did, energy by part, the machine.

    Parameters
    ----------
    title : str
        What stands above it.
    path : Path
        Where the figures come from: the machine is built from that file.
    figures : mapping
        As ``read_run`` gives them.
    trace : sequence of mapping or None
        As ``read_trace`` gives them.

    Raises
    ------
    NetworkError
        The trace is of another run, or the figures are not those of a run.
    """
    timeline = None if trace is None else _timeline(figures, trace)
    try:
        data = _data(path, figures, timeline)
    except (KeyError, TypeError, AttributeError):
        raise _no_report(path) from None
    return filled("run", title, data)


def _no_report(path: Path) -> NetworkError:
    return NetworkError(f"{path} is no report of a run; refrain run --report writes one")


def _data(path: Path, figures: Mapping, timeline: list | None) -> dict:
    """What the page's script reads."""
    config, energy = figures["config"], figures.get("energy")
    shares = [
        {"name": name, "of": {mode: row.get(key, 0) for mode, row in figures["modes"].items()}}
        for name, key in _SHARES.items()
    ]
    if energy is not None:
        of = {mode: row["pj"] / 1e3 for mode, row in energy["modes"].items()}
        shares.append({"name": "energy, nJ", "of": of})
    return {
        "summary": _summary(figures),
        "names": _MODES,
        "modes": [mode for mode in _MODES if mode in figures["modes"]],
        "shares": [share for share in shares if any(share["of"].values())],
        "timeline": timeline,
        "energy": None if energy is None else _energy(energy),
        "figures": _flat({k: v for k, v in figures.items() if k not in _NESTED}),
        "machine": _flat(config),
        "build": f"refrain verilog {shlex.quote(str(path))} -o build/{config['name']}",
        "about": [
            ["report", str(path)],
            ["hash of the report", hashlib.sha256(path.read_bytes()).hexdigest()[:16]],
            *versions(),
        ],
    }


def _summary(figures: Mapping) -> str:
    avoided = figures.get("macs_avoided_share")
    left_out = "" if avoided is None else f"; {avoided:.1%} of the MACs were left out"
    return (
        f"{figures['steps']:,} steps of all LSTM layers on {figures['config']['name']}, backend "
        f"{figures['backend']}{left_out}."
    )


def _timeline(figures: Mapping, trace: Sequence[Mapping]) -> list[dict]:
    """For each layer and direction its sequences, and of each the steps."""
    if len(trace) != figures["steps"]:
        raise NetworkError(
            f"the trace has {len(trace):,} steps and the report {figures['steps']:,}: they are "
            f"not of the same run"
        )
    places: dict[tuple, dict[int, list]] = {}
    for row in trace:
        place = places.setdefault(tuple(row[name] for name in _PLACE), {})
        place.setdefault(row["sequence"], []).append(row)
    found = []
    for (node, layer, direction), sequences in places.items():
        steps = [
            {
                name: [row[name] for row in sorted(rows, key=lambda row: row["step"])]
                for name in ("mode", "score", "events_x", "events_h")
            }
            for _, rows in sorted(sequences.items())
        ]
        found.append({"name": f"{node}, layer {layer}, {direction}", "sequences": steps})
    return found


def _energy(energy: Mapping) -> dict:
    """Nanojoules by part and mode, and what stands beside them."""
    modes, parts, dram = energy["modes"], energy["parts"], energy["dram"]
    worst = energy["worst_error_percent"]
    error = "" if worst is None else f", within {worst:.3g} % of networks it was tested on"
    return {
        "modes": list(modes),
        "parts": list(parts),
        "nj": [[row["parts"].get(part, 0.0) / 1e3 for row in modes.values()] for part in parts],
        "note": f"Estimated from counts, with what was measured of this machine{error}: "
        f"{energy['core_pj_per_step']:.4g} pJ a step. Apart from it, bytes at the DRAM's interface "
        f"({dram['interface']}, {dram['source']}) take {dram['pj'] / 1e3:.4g} nJ.",
    }


def _flat(values: Mapping, before: str = "") -> list[list]:
    """Names and values, those of mappings inside behind the name of theirs."""
    found = []
    for name, value in values.items():
        said = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            found += _flat(value, f"{said}: ")
        else:
            found.append([said, ", ".join(map(str, value)) if isinstance(value, list) else value])
    return found
