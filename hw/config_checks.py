"""What a configuration cannot be: each contradiction as one sentence that names both sides."""

import re
from dataclasses import fields
from math import inf

from hw.errors import UserError

__all__ = [
    "MOST_BURSTS",
    "MOST_LANES",
    "MOST_MAP_WORDS",
    "MOST_STREAM_WORDS",
    "MOST_WEIGHT_WORDS",
    "NAMES",
    "RING_GUARD",
    "ConfigError",
    "check_config",
]

MOST_LANES = 4096
MOST_WEIGHT_WORDS = 1 << 20
MOST_STREAM_WORDS = 1 << 16
MOST_BURSTS = 256
MOST_MAP_WORDS = 1 << 18
_MOST_BEATS = (1 << 20) - 1
"""Beats that one request can be for."""
_MOST = {
    "lanes": MOST_LANES,
    "weight_words": MOST_WEIGHT_WORDS,
    "stream_words": MOST_STREAM_WORDS,
    "bursts_in_flight": MOST_BURSTS,
}

NAMES = "a name of at most 64 letters, digits and _ that begins with a letter"
"""What a configuration can be called."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")

RING_GUARD = 4
"""Words of the ring of streamed words that stay free: one that was handed out is read, and must
not be written over, up to this many cycles later."""


class ConfigError(UserError, ValueError):
    """A configuration that contradicts itself; the message names both sides."""


def check_config(config) -> None:
    """Refuse a ``Config`` that no machine can be made of.

    Raises
    ------
    ConfigError
        A value is of another kind or out of range, or two contradict each other.
    """
    _check_kinds(config)
    _check_sizes(config)
    _check_bus(config)


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def _check_kinds(config) -> None:
    """Refuse values that are no names and numbers of their kind."""
    if not isinstance(config.name, str) or not _NAME.fullmatch(config.name):
        raise ConfigError(f"name must be {NAMES}, not {config.name!r}")
    for item in fields(config):
        value = getattr(config, item.name)
        if item.name == "map_words":
            _check_map(config, value)
        elif item.type is int and (not isinstance(value, int) or value < 1):
            raise ConfigError(f"{item.name} must be a positive integer, not {value!r}")
        if item.type is bool and not isinstance(value, bool):
            raise ConfigError(f"{item.name} must be true or false, not {value!r}")
    if not isinstance(config.clock_mhz, int | float) or not 0 < config.clock_mhz < inf:
        raise ConfigError(f"clock_mhz must be a positive number, not {config.clock_mhz!r}")


def _check_map(config, words) -> None:
    """Refuse a map that no machine has, or that does not go with the rest."""
    if not isinstance(words, int) or not 0 <= words <= MOST_MAP_WORDS:
        raise ConfigError(f"map_words must be an integer from 0 to {MOST_MAP_WORDS}, not {words!r}")
    if words and config.lookahead != 1:
        raise ConfigError(
            f"map_words must be 0 where lookahead is {config.lookahead}: whole parts are fetched "
            f"for a group of steps, zeros and all; not {words}"
        )


def _check_sizes(config) -> None:
    """Refuse numbers that no machine has."""
    if config.lanes % 4 or not _is_power_of_two(config.lanes):
        raise ConfigError(f"lanes must be a power of two of at least 4, not {config.lanes}")
    if config.act_width not in (*range(4, 9), 16):
        raise ConfigError(f"act_width must be from 4 to 8, or 16, not {config.act_width}")
    try:
        config.multiplier.check_values(config.value_width)
    except ValueError as error:
        raise ConfigError(
            f"act_width {config.act_width} makes differences of {config.value_width} bits: {error}"
        ) from None
    if config.stream_words <= RING_GUARD:
        raise ConfigError(
            f"stream_words must be at least {RING_GUARD + 1}, not {config.stream_words}"
        )
    if config.cell_lanes not in (1, 2, 4):
        raise ConfigError(f"cell_lanes must be 1, 2 or 4, not {config.cell_lanes}")
    if config.row_cycles not in (1, 2):
        raise ConfigError(f"row_cycles must be 1 or 2, not {config.row_cycles}")
    if not _is_power_of_two(config.burst_beats) or config.burst_beats > 256:
        raise ConfigError(
            f"burst_beats must be a power of two of at most 256, not {config.burst_beats}"
        )
    if not _is_power_of_two(config.lookahead) or config.lookahead > 16:
        raise ConfigError(f"lookahead must be 1, 2, 4, 8 or 16, not {config.lookahead}")
    if max(config.max_input, config.max_hidden) > 4096:
        raise ConfigError(
            f"max_input and max_hidden must be at most 4096, not "
            f"{max(config.max_input, config.max_hidden)}"
        )
    for name, most in _MOST.items():
        if getattr(config, name) > most:
            raise ConfigError(f"{name} must be at most {most}, not {getattr(config, name)}")


def _check_bus(config) -> None:
    """Refuse a bus that does not go with lanes, weights and bursts."""
    if config.bus_width not in (64, 128, 256, 512):
        raise ConfigError(f"bus_width must be 64, 128, 256 or 512, not {config.bus_width}")
    used = (
        f"{8 * config.column_bytes}, what {config.lanes} lanes of "
        f"{config.multiplier.weight_width}-bit weights use per cycle, not {config.bus_width}"
    )
    if config.column_bytes < config.bus_bytes:
        raise ConfigError(f"bus_width must be at most {used}")
    if config.column_bytes % config.bus_bytes:
        raise ConfigError(f"bus_width must divide {used}")
    if config.burst_beats * config.bus_bytes > 4096:
        raise ConfigError(
            f"burst_beats times bus_width must be at most 4096 bytes, not "
            f"{config.burst_beats * config.bus_bytes}"
        )
    # Resident words of a layer with a map are asked for at once.
    most = _MOST_BEATS // config.word_beats
    if config.mapped and config.weight_words > most:
        raise ConfigError(
            f"weight_words must be at most {most} where map_words is not 0, for words of "
            f"{config.word_beats} beats, not {config.weight_words}"
        )
