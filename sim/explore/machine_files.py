"""Configurations as files: TOML that explains each field, and the reports of runs."""

import json
import tomllib
from pathlib import Path
from textwrap import wrap

from hw.config import SETTINGS, Config, ConfigError
from hw.multipliers.catalogue import multiplier_name
from hw.settings import Setting
from sim.explore.machine_values import Value, config_of, values_of
from sim.networks.paths import cannot_read

__all__ = ["config_text", "read_config"]

_MOST_BYTES = 1 << 26
"""Of a file that is read: no report is as large."""

_HEAD = (
    "A configuration of Refrain. Take it where a configuration has a name:",
    "refrain run NETWORK --config THIS_FILE, refrain verilog THIS_FILE.",
)


def config_text(config: Config) -> str:
    """A configuration as TOML, with what each field means, can be and costs as comments.

    Raises
    ------
    ConfigError
        Its multiplier has no name and came from no file.
    """
    if multiplier_name(config.multiplier) is None:
        raise ConfigError(
            f"the multiplier of configuration {config.name} has no name that a file could hold: "
            f"{config.multiplier!r}"
        )
    values = values_of(config)
    parts = ["".join(f"# {line}\n" for line in _HEAD)]
    parts += [_explained(setting, values[key]) for key, setting in SETTINGS.items()]
    return "\n".join(parts)


def _explained(setting: Setting, value: Value) -> str:
    """Lines of one field."""
    said = [setting.meaning]
    said += [f"Unit: {setting.unit}."] if setting.unit else []
    said += [f"Range: {setting.allowed}."]
    said += [f"Default: {_literal(setting.default)}."] if setting.default is not None else []
    said += [f"Cost: {setting.cost}"]
    comment = "".join(f"# {line}\n" for each in said for line in wrap(each, 96))
    return f"{comment}{setting.name} = {_literal(value)}\n"


def _literal(value: Value) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    # A JSON string is one of TOML, but for this character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_config(path: Path) -> Config:
    """The configuration of a ``.toml`` file, or the one that a ``.json`` report tells of.

    Raises
    ------
    ConfigError
        The file cannot be read, or holds no configuration, or one that cannot be.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(cannot_read(path, error)) from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path} holds no configuration: it is larger than 64 MiB")
    kind = "JSON" if path.suffix == ".json" else "TOML"
    try:
        text = content.decode()
        values = json.loads(text) if kind == "JSON" else tomllib.loads(text)
    except UnicodeDecodeError:
        raise ConfigError(f"{path} holds no configuration: it is not text") from None
    except RecursionError:
        raise ConfigError(f"{path} holds no configuration: it is nested too deeply") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not {kind}: {error}") from None
    if kind == "JSON":
        values = values.get("config") if isinstance(values, dict) else None
        if not isinstance(values, dict):
            raise ConfigError(
                f"{path} holds no configuration: the report of a run has one under config"
            )
    return config_of(values, path)
