"""Values of a configuration's settings: checked, changed, and made a configuration of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from hw.config import SETTINGS, Config, ConfigError
from hw.multipliers.catalogue import find_multiplier, multiplier_name
from hw.multipliers.family import Multiplier
from sim.networks.network import NetworkError

__all__ = [
    "Value",
    "changed",
    "check_value",
    "config_of",
    "nearest",
    "parse_changes",
    "values_of",
]

Value = bool | int | float | str
"""What a setting can be."""

_FILES = (".npy", ".v", ".sv")
_SHOWN = 60
_TRUTHS = {"true": True, "false": False}


def parse_changes(changes: Sequence[str]) -> dict[str, Value]:
    """Values by name of a sequence of ``FIELD=VALUE``.

    Raises
    ------
    ConfigError
        There is no such field, it is given twice, or it cannot be that value.
    """
    found: dict[str, Value] = {}
    for text in changes:
        key, equals, given = text.partition("=")
        key, given = key.strip().replace("-", "_"), given.strip()
        if not equals:
            raise ConfigError(f"--set takes FIELD=VALUE, such as lanes=16, not {text}")
        if key in found:
            raise ConfigError(
                f"{key} is given twice by --set: as {found[key]} and as {given}; give one of them"
            )
        found[key] = check_value(key, _number(key, given))
    return found


def _number(key: str, text: str) -> Value:
    """A text as the kind of value that the field has, where it can be read as such."""
    kind = SETTINGS[key].kind if key in SETTINGS else str
    if kind is bool:
        return _TRUTHS.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


def check_value(key: str, value: object, where: str = "") -> Value:
    """``value``, if the field can have one of its kind.

    Parameters
    ----------
    key : str
        Name of the setting.
    value : object
        Any.
    where : str
        What sentences begin with: the file, and a colon.

    Raises
    ------
    ConfigError
        There is no such setting, or its values are of another kind.
    """
    setting = SETTINGS.get(key)
    if setting is None:
        raise ConfigError(
            f"{where}there is no field {_short(key)}; the fields are {', '.join(SETTINGS)}"
            f"{nearest(key, SETTINGS)}"
        )
    if isinstance(value, str) and not value.isprintable():
        raise ConfigError(f"{where}{key} must be {setting.allowed}, not {_short(repr(value))}")
    kinds = (int, float) if setting.kind is float else (setting.kind,)
    if isinstance(value, bool) != (setting.kind is bool) or not isinstance(value, kinds):
        one = "one value, " if isinstance(value, list | tuple) else ""
        shown = _short(repr(value))
        raise ConfigError(f"{where}{key} must be {one}{setting.allowed}, not {shown}")
    try:
        return setting.kind(value)
    except OverflowError:
        # A whole number that no floating-point number is near.
        shown = _short(repr(value))
        raise ConfigError(f"{where}{key} must be {setting.allowed}, not {shown}") from None


def changed(config: Config, changes: Mapping[str, Value]) -> Config:
    """The configuration with other values, by the names of settings.

    Raises
    ------
    ConfigError, NetworkError
        It cannot have them.
    """
    if not changes:
        return config
    given = {key: check_value(key, value) for key, value in changes.items()}
    fields = {
        SETTINGS[key].field: value
        for key, value in given.items()
        if key not in ("multiplier", "weight_bits")
    }
    if "multiplier" in given or "weight_bits" in given:
        fields["multiplier"] = _other_multiplier(config.multiplier, given)
    return _named_as_settings(lambda: replace(config, **fields))


def _other_multiplier(multiplier: Multiplier, changes: Mapping[str, Value]) -> Multiplier:
    width = changes.get("weight_bits", multiplier.weight_width)
    if "multiplier" in changes:
        return _open_multiplier(changes["multiplier"], width)
    name = multiplier_name(multiplier)
    if name is None or name.startswith("exact"):
        return _named_as_settings(lambda: replace(multiplier, weight_width=width))
    return _open_multiplier(name, width)


def config_of(values: Mapping[str, object], path: Path) -> Config:
    """The configuration of these values, which a file holds.

    A multiplier that is a file is looked for beside the configuration's file first.

    Raises
    ------
    ConfigError, NetworkError
        A field is missing, unknown or of another kind, or they contradict each other.
    """
    where = f"{path}: "
    given = {key: check_value(key, value, where) for key, value in values.items()}
    for key, setting in SETTINGS.items():
        if key not in given and setting.default is None:
            raise ConfigError(f"{where}{key} is missing; it must be {setting.allowed}")
        given.setdefault(key, setting.default)
    width, name = given.pop("weight_bits"), given.pop("multiplier")
    beside = path.parent / name
    name = str(beside) if name.endswith(_FILES) and beside.is_file() else name
    fields = {SETTINGS[key].field: value for key, value in given.items()}
    try:
        fields["multiplier"] = _open_multiplier(name, width)
        return _named_as_settings(lambda: Config(**fields))
    except (ConfigError, NetworkError) as error:
        raise ConfigError(f"{where}{error}") from None


def values_of(config: Config) -> dict[str, Value]:
    """Every setting of a configuration, ready for JSON; ``config_of`` of them is equal to it.

    A multiplier that has no name and came from no file is told by its parts, and cannot be read.
    """
    multiplier = config.multiplier
    found = {}
    for key, setting in SETTINGS.items():
        if key == "multiplier":
            found[key] = multiplier_name(multiplier) or repr(multiplier)
        elif key == "weight_bits":
            found[key] = multiplier.weight_width
        else:
            found[key] = setting.kind(getattr(config, setting.field))
    return found


def _open_multiplier(name: str, width: int) -> Multiplier:
    if name.endswith(_FILES):
        # Here, as it brings what reads Verilog with it.
        from sim.explore.multipliers.importing import open_multiplier

        return open_multiplier(name, width)
    try:
        return _named_as_settings(lambda: find_multiplier(name, width))
    except ConfigError as error:
        raise NetworkError(str(error)) from None


def _named_as_settings(make):
    """What ``make`` makes; errors call fields as files and the command line do."""
    try:
        return make()
    except ValueError as error:
        sentence = str(error)
        for old, new in (("act_width", "activation_bits"), ("weight_width", "weight_bits")):
            sentence = sentence.replace(old, new)
        raise ConfigError(sentence) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that names what may have been meant, or nothing."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
