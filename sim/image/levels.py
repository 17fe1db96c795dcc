"""Levels of the multiplier that a layer's modes ask for, found in a configuration and checked."""

from hw.config import Config
from hw.modes import Mode
from hw.multipliers.behaviour import STEPS_LIMIT
from sim.image.modes import LayerModes
from sim.networks.network import NetworkError

__all__ = ["find_level", "level_fields", "mode_levels"]


def find_level(given: int | str, config: Config) -> int:
    """Number of a level of ``config``'s multiplier, given by its number or its name.

    Raises
    ------
    NetworkError
        There is no such level.
    """
    levels = config.multiplier.levels
    if given in levels:
        return levels.index(given)
    if isinstance(given, str) and given.isdecimal():
        given = int(given)
    if isinstance(given, int) and given < len(levels):
        return given
    known = ", ".join(f"{number} ({name})" for number, name in enumerate(levels))
    raise NetworkError(
        f"the multiplier of configuration {config.name} has no level {given}; it has {known}"
    )


def level_fields(modes: LayerModes, config: Config) -> dict[str, int]:
    """Descriptor fields of a layer's levels; 0 where no step takes them.

    Raises
    ------
    NetworkError
        The multiplier has no such level, or delta mode would gather the level's errors, without
        a normal step in time, and ``unsafe_level`` does not name it.
    """
    delta = find_level(modes.delta_level, config) if modes.deltas else 0
    reduced = find_level(modes.reduced_level, config) if modes.reduces else 0
    if modes.deltas:
        _check_safe(delta, modes, config)
    return {"delta_level": delta, "reduced_level": reduced}


def _check_safe(level: int, modes: LayerModes, config: Config) -> None:
    behaviour = config.multiplier.behaviour(level)
    if behaviour.safe_in_delta(modes.normal_every):
        return
    name = config.multiplier.levels[level]
    if modes.unsafe_level is not None and find_level(modes.unsafe_level, config) == level:
        return
    which = f"level {level} ({name}) of configuration {config.name}"
    if behaviour.cancels:
        raise NetworkError(
            f"{which} can be used in delta mode only with a normal step at least every "
            f"{STEPS_LIMIT} steps, and normal_every is {modes.normal_every}: its errors cancel on "
            f"average only (give {name} as the unsafe level to use it all the same)"
        )
    raise NetworkError(
        f"{which} cannot be used in delta mode, it is {behaviour.in_delta} (give {name} as the "
        f"unsafe level to use it all the same)"
    )


def mode_levels(modes: LayerModes, config: Config) -> tuple[int, ...]:
    """The level of a step of each mode, in the order of ``Mode``."""
    fields = level_fields(modes, config)
    levels = {Mode.DELTA: fields["delta_level"], Mode.REDUCED: fields["reduced_level"]}
    return tuple(levels.get(mode, 0) for mode in Mode)
