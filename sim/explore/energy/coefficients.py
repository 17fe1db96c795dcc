"""What each piece of work costs a mapped machine, as a file with its origin and its errors."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hw.config import SETTINGS, Config
from sim.explore.files import check_writable, write_whole
from sim.explore.machine_values import Value, values_of
from sim.model.work import WORK
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["FORMAT", "VERSION", "Coefficients", "read_coefficients", "write_coefficients"]

FORMAT = "refrain energy coefficients"
VERSION = 2

_MOST_BYTES = 1 << 24
_MAKE = "make it with refrain silicon --coefficients"

Table = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """What energy is estimated with.

    Members
    -------
    config : dict
        The configuration that was measured, as ``values_of`` tells it.
    work : dict of dict of dict of float
        Picojoules by part, by kind and by what is counted, of ``WORK``.
    idle : dict of dict of float
        Picojoules of a cycle of a machine that is switched on and does nothing, by part and kind:
        those of every cycle.
    leakage : dict of float
        Watts by part.
    clock_mhz : float
        The clock at which leakage counts unless another is told.
    origin : dict
        What it was measured on: files, hashes, corner, networks, command.
    errors : dict
        How far estimates were off on networks that took no part.
    """

    config: Mapping[str, Value]
    work: Table
    idle: Mapping[str, Mapping[str, float]]
    leakage: Mapping[str, float]
    clock_mhz: float
    origin: Mapping
    errors: Mapping

    def check(self, config: Config, path: Path | str) -> None:
        """Refuse a machine that was not measured.

        Names and clocks may differ: they change no gate.

        Raises
        ------
        NetworkError
            The file is of another machine.
        """
        other = self._other(config)
        if other is not None:
            raise NetworkError(
                f"{path} is of a machine with {other} = {self._value(other)}, and configuration "
                f"{config.name} has {values_of(config).get(other)}: measure that one with refrain "
                f"silicon --coefficients"
            )

    def _value(self, name: str) -> Value:
        return self.config.get(name, SETTINGS[name].default)

    def fits(self, config: Config) -> bool:
        """Whether they are of this machine; its name and its clock may differ."""
        return self._other(config) is None

    def _other(self, config: Config) -> str | None:
        """A setting that differs; what the file does not say of its machine is the default."""
        found = values_of(config)
        different = (name for name in SETTINGS if found[name] != self._value(name))
        return next((name for name in different if name not in ("name", "clock_mhz")), None)


def write_coefficients(path: Path, coefficients: Coefficients) -> None:
    """Write a file that :func:`read_coefficients` reads, whole or not at all."""
    check_writable(path)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "origin": coefficients.origin,
        "errors": coefficients.errors,
        "config": coefficients.config,
        "clock_mhz": coefficients.clock_mhz,
        "leakage_w": coefficients.leakage,
        "idle_pj_per_cycle": coefficients.idle,
        "work_pj": coefficients.work,
        "meaning": {name: text for name, text in WORK.items() if _uses(coefficients.work, name)},
    }
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def _uses(work: Table, name: str) -> bool:
    return any(name in given for kinds in work.values() for given in kinds.values())


def read_coefficients(path: Path) -> Coefficients:
    """What a file of ``write_coefficients`` holds.

    Raises
    ------
    NetworkError
        It cannot be read, is another kind of file or of another version, or is damaged.
    """
    content = _parsed(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise NetworkError(f"{path} is not a file of energy coefficients; {_MAKE}")
    if content.get("version") != VERSION:
        raise NetworkError(
            f"{path} is of version {content.get('version')!r} of energy coefficients, and this "
            f"program reads version {VERSION}: measure again with refrain silicon --coefficients"
        )
    try:
        found = Coefficients(
            config=dict(content["config"]),
            work={
                part: {kind: _numbers(given, WORK) for kind, given in kinds.items()}
                for part, kinds in content["work_pj"].items()
            },
            idle={part: _numbers(given) for part, given in content["idle_pj_per_cycle"].items()},
            leakage=_numbers(content["leakage_w"]),
            clock_mhz=_number(content["clock_mhz"]),
            origin=_origin(content["origin"]),
            errors=_errors(content["errors"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NetworkError(f"{path} is a damaged file of energy coefficients: {error}") from None
    if found.clock_mhz <= 0:
        raise NetworkError(f"{path} is damaged: clock_mhz must be above 0, not {found.clock_mhz}")
    if set(found.work) != set(found.idle) or set(found.work) != set(found.leakage):
        raise NetworkError(
            f"{path} is a damaged file of energy coefficients: its tables are not of the same parts"
        )
    return found


def _origin(given: Mapping) -> dict:
    """Where it is from; tables name the library, its supply and the clock of its gates."""
    for name in ("volts", "mapped_for_mhz"):
        _number(given[name])
    if not isinstance(given["library"], str):
        raise ValueError(f"library {given['library']!r} is no name")
    return dict(given)


def _errors(given: Mapping) -> dict:
    """How far estimates were off: rows with what tables show."""
    for row in given.get("tested", []):
        for name in ("operations", "cycles", "measured_pj", "estimated_pj"):
            _number(row[name])
        if not isinstance(row["error_percent"], int | float):
            raise ValueError(f"error_percent {row['error_percent']!r} is no number")
        if not isinstance(row["network"], str) or not isinstance(row["mode"], str):
            raise ValueError("a row of tested names no network or no mode")
    return dict(given)


def _parsed(path: Path):
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise NetworkError(f"{path} is not a file of energy coefficients: it is too large")
        return json.loads(path.read_text())
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    except (ValueError, RecursionError):
        raise NetworkError(f"{path} is not a file of energy coefficients; {_MAKE}") from None


def _numbers(given: Mapping, known: Mapping | None = None) -> dict[str, float]:
    for name in given:
        if known is not None and name not in known:
            raise ValueError(f"nothing is counted that is called {name}")
    return {name: _number(value) for name, value in given.items()}


def _number(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    if value < 0:
        raise ValueError(f"{value!r} is negative")
    return float(value)
