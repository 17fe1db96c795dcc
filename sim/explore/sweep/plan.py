"""Plans of sweeps: what is varied, on what, and under which conditions."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path

from hw.config import SETTINGS, Config, ConfigError
from sim.explore.machine_values import check_value
from sim.explore.sweep.conditions import Condition
from sim.explore.sweep.points import MODE_KEYS, QUANTISER_KEYS
from sim.explore.sweep.search import OBJECTIVES, Search
from sim.explore.sweep.subjects import Subject
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["EXAMPLE", "Plan", "plan_of", "read_plan"]

EXAMPLE = """\
# A plan of Refrain. Run it:
#
#     refrain sweep plan.toml -o build/sweep
#
# Every value below can be one value, a list, or a range: {from = 0, to = 8, step = 4}, or
# {from = 8, to = 64, factor = 2}. The sweep measures every combination, each once.

[subject]                       # what is measured; [[subject]] for several networks
workload = ["vowels"]           # workloads by name; or a network of yours:
# network = "net.onnx"
# data = "x.npy"
# labels = "y.npy"
# metric = "accuracy"

[config]                        # the machine: a configuration, and fields that differ from it
base = "tiny"
lanes = [16, 32]
weight_bits = [4, 8]

[quantiser]                     # network_bits and percentile, of networks in floating point
percentile = 99.9

[modes]                         # how steps are run
mode = ["normal", "delta"]
x_threshold = {from = 0, to = 8, step = 4}
h_threshold = [0, 6]

[conditions]                    # combinations that are left out
require = ["x_threshold == 0 or h_threshold > 0"]
"""
"""A plan that runs, for ``refrain sweep --example``."""

_SECTIONS = ("subject", "config", "quantiser", "modes", "conditions", "search")
_SUBJECT = ("name", *(each.name for each in fields(Subject) if each.name != "name"))
_RANGE = ("from", "to", "step", "factor")
_MOST_VALUES = 10_000
_MOST_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sweep measures.

    Members
    -------
    subjects : tuple of Subject
        Networks and their data.
    axes : dict of tuple
        Values by the name of a setting of the configuration, of the quantiser or of the modes, in
        the order in which they are combined.
    base : str, Config or None
        The configuration that they change; each subject's usual one when None.
    conditions : tuple of Condition
        What every point fulfils.
    impossible : str
        What becomes of combinations that cannot be: ``refuse`` or ``leave out``.
    search : Search or None
        A search in place of every combination.
    short : bool
        It was made of options, and has no file.
    """

    subjects: tuple[Subject, ...]
    axes: dict[str, tuple]
    base: str | Config | None = None
    conditions: tuple[Condition, ...] = ()
    impossible: str = "refuse"
    search: Search | None = None
    short: bool = False


def read_plan(path: Path) -> Plan:
    """The plan of a TOML file; files in it are looked for beside it first.

    Raises
    ------
    NetworkError, ConfigError
        The file cannot be read or is no plan; the sentence names the file and the place.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    if len(content) > _MOST_BYTES:
        raise NetworkError(f"{path} is no plan: it is larger than 4 MiB")
    try:
        values = tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise NetworkError(f"{path} is no plan: it is not text") from None
    except RecursionError:
        raise NetworkError(f"{path} is no plan: it is nested too deeply") from None
    except ValueError as error:
        raise NetworkError(f"{path} is not TOML: {error}") from None
    try:
        return plan_of(values, path.parent)
    except (NetworkError, ConfigError) as error:
        raise NetworkError(f"{path}: {error}") from None


def plan_of(
    values: Mapping, folder: Path = Path(), subjects: Sequence[Subject] | None = None
) -> Plan:
    """The plan of these values, which a file holds or a program makes.

    Parameters
    ----------
    values : mapping
        Sections by name, as a file has them.
    folder : Path
        Where its files are looked for first.
    subjects : sequence of Subject or None
        What is measured, in place of a section that says so.

    Raises
    ------
    NetworkError, ConfigError
        A section or a key is unknown, or a value cannot be.
    """
    _check_keys(values, _SECTIONS, "a plan has no section", "the sections")
    sections = {name: values.get(name, {}) for name in _SECTIONS if name != "subject"}
    for name, section in sections.items():
        if not isinstance(section, Mapping):
            raise NetworkError(f"[{name}] must be a section with keys, not {_short(section)}")
    machine = dict(sections["config"])
    base = machine.pop("base", None)
    if base is not None and not isinstance(base, str):
        raise NetworkError(f"[config] base must be one configuration, not {_short(base)}")
    axes = {}
    known = {"config": SETTINGS, "quantiser": QUANTISER_KEYS, "modes": MODE_KEYS}
    for section, given in (("quantiser", sections["quantiser"]), ("modes", sections["modes"])):
        axes |= _axes(section, given, known[section])
    axes |= _axes("config", machine, known["config"])
    limits = sections["conditions"]
    _check_keys(limits, ("require", "impossible"), "[conditions] has no key", "its keys")
    impossible = limits.get("impossible", "refuse")
    if impossible not in ("refuse", "leave out"):
        raise NetworkError(
            f'[conditions] impossible must be "refuse" or "leave out", not {_short(impossible)}'
        )
    require = limits.get("require", [])
    require = [require] if isinstance(require, str) else require
    return Plan(
        subjects=_subjects(values.get("subject"), folder) if subjects is None else tuple(subjects),
        axes={name: _found(name, each, folder) for name, each in axes.items()},
        base=None if base is None else _beside(base, folder),
        conditions=tuple(Condition(text) for text in require),
        impossible=impossible,
        search=_search(sections["search"]),
    )


def _check_keys(given: Mapping, known: Sequence[str], sentence: str, what: str):
    for key in given:
        if key not in known:
            near = get_close_matches(key, list(known), n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise NetworkError(f"{sentence} {_short(key)}; {what} are {', '.join(known)}{hint}")


def _axes(section: str, given: Mapping, known: Sequence[str]) -> dict[str, tuple]:
    _check_keys(given, tuple(known), f"[{section}] has no key", "its keys")
    return {name: _values(f"[{section}] {name}", name, each) for name, each in given.items()}


def _values(where: str, name: str, given) -> tuple:
    """Values of one axis, each once."""
    if isinstance(given, Mapping):
        values = _range(where, given)
    else:
        values = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not values:
        raise NetworkError(f"{where} is a list without values; give it one or leave it out")
    if name in SETTINGS:
        for value in values:
            check_value(name, value, f"{where}: ")
    for value in values:
        if not isinstance(value, bool | int | float | str):
            raise NetworkError(f"{where} takes numbers, names and truths, not {_short(value)}")
    if name == "level" and "all" in values:
        return ("all",)
    return tuple(dict.fromkeys(values))


def _range(where: str, given: Mapping) -> tuple:
    _check_keys(given, _RANGE, f"{where}: a range has no key", "its keys")
    numbers = {}
    for key in given:
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NetworkError(f"{where}: {key} of a range must be a number, not {_short(value)}")
        numbers[key] = value
    if "from" not in numbers or "to" not in numbers or ("step" in numbers and "factor" in numbers):
        raise NetworkError(f"{where}: a range has from, to, and one of step and factor")
    first, last = numbers["from"], numbers["to"]
    factor, step = numbers.get("factor"), numbers.get("step", 1)
    if (factor is not None and (factor <= 1 or first <= 0)) or step <= 0 or first > last:
        raise NetworkError(
            f"{where}: the range from {first} to {last} has no points; it must rise by a step "
            f"above 0 or a factor above 1"
        )
    found, value = [], first
    while value <= last:
        if len(found) == _MOST_VALUES:
            raise NetworkError(f"{where}: the range has more than {_MOST_VALUES} points")
        found.append(value)
        value = value * factor if factor is not None else first + step * len(found)
    return tuple(found)


def _subjects(given, folder: Path) -> tuple[Subject, ...]:
    if not given:
        raise NetworkError(
            "a plan needs a [subject]: a workload, or a network with data and metric"
        )
    found = []
    for each in given if isinstance(given, list) else [given]:
        if not isinstance(each, Mapping):
            raise NetworkError(f"[subject] must be a section with keys, not {_short(each)}")
        _check_keys(each, _SUBJECT, "[subject] has no key", "its keys")
        names = each.get("workload")
        for workload in names if isinstance(names, list) else [names]:
            found.append(_subject({**each, "workload": workload}, folder))
    names = [subject.name for subject in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise NetworkError(f"two subjects are called {twice}; give each a name of its own")
    return tuple(found)


def _subject(values: dict, folder: Path) -> Subject:
    wanted = {"lower": bool, "share": float, "states": (list, tuple)}
    for key, value in values.items():
        kind = wanted.get(key, str)
        if value is not None and not isinstance(value, kind):
            said = {"lower": "true or false", "share": "a number", "states": "a list"}
            raise NetworkError(f"[subject] {key} must be {said.get(key, 'text')}, not {value!r}")
    values["states"] = tuple(values.get("states", ()))
    for key in ("network", "data", "labels"):
        if values.get(key) is not None:
            values[key] = _beside(values[key], folder)
    metric = values.get("metric")
    if metric is not None and ":" in metric:
        path, _, name = metric.rpartition(":")
        values["metric"] = f"{_beside(path, folder)}:{name}"
    given = values.get("workload") or values.get("network") or "network"
    values.setdefault("name", Path(given).name)
    subject = Subject(**values)
    subject.check()
    return subject


def _search(given: Mapping) -> Search | None:
    if not given:
        return None
    _check_keys(given, ("points", "objectives", "seed"), "[search] has no key", "its keys")
    for key in ("points", "objectives"):
        if key not in given:
            raise NetworkError(
                f"[search] needs {key}: how many points it may measure, and for what: "
                f"{', '.join(OBJECTIVES)}"
            )
    return Search(**{**given, "objectives": tuple(given["objectives"])})


def _beside(name: str, folder: Path) -> str:
    """A file beside the plan; a name, or a file of the folder that the command runs in."""
    beside = folder / name
    return str(beside) if beside.is_file() else name


def _found(name: str, values: tuple, folder: Path) -> tuple:
    return tuple(_beside(each, folder) for each in values) if name == "multiplier" else values


def _short(value) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
