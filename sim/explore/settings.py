"""Settings of modes from a file and from options that go before it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sim.image.modes import Modes
from sim.networks.network import NetworkError

__all__ = ["choose_level", "choose_modes"]

_OPTIONS = {"x_threshold": "--threshold-x", "h_threshold": "--threshold-h"}


def choose_modes(path: Path | None, options: Mapping[str, object]) -> Modes:
    """The settings of the file, in every layer with the options that are not None.

    Parameters
    ----------
    path : Path or None
        A settings file; normal mode without one.
    options : dict
        Values of ``LayerModes`` by name, and ``level``, that of the middle mode.

    Raises
    ------
    NetworkError
        A setting cannot be, or an option would do nothing in the modes that are chosen; thresholds
        are in the wrong order.
    """
    given = {name: value for name, value in options.items() if value is not None}
    level = given.pop("level", None)
    modes = (Modes() if path is None else Modes.read(path)).replace(**given)
    if level is not None:
        modes = choose_level(modes, level)
    for name in given:
        if all(name in layer.unused() for layer in modes.layers):
            option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            raise NetworkError(f"{option} does nothing in mode {_kinds(modes)}")
    if given.keys() & {"skip_threshold", "delta_threshold"}:
        _check_order(modes)
    return modes


def _check_order(modes: Modes):
    """Refuse thresholds of the score between which no step can be."""
    for layer in modes.layers:
        both = layer.mode == "auto" and layer.skips
        if both and layer.delta_threshold >= layer.skip_threshold:
            raise NetworkError(
                "--delta-threshold must be below --skip-threshold, or no step takes the middle "
                f"mode, not {layer.delta_threshold:g} and {layer.skip_threshold:g}"
            )


def choose_level(modes: Modes, level: int | str) -> Modes:
    """The settings with the middle mode at this level of the multiplier, by number or name.

    Raises
    ------
    NetworkError
        No layer has a middle mode.
    """
    if isinstance(level, str) and level.isdecimal():
        level = int(level)
    layers = []
    for layer in modes.layers:
        changes = {"delta_level": level} if layer.deltas else {}
        changes |= {"reduced_level": level} if layer.reduces else {}
        layers.append(replace(layer, **changes))
    if not any(layer.deltas or layer.reduces for layer in layers):
        raise NetworkError(f"--level does nothing in mode {_kinds(modes)}")
    return replace(modes, layers=tuple(layers))


def _kinds(modes: Modes) -> str:
    return " and ".join(dict.fromkeys(layer.mode for layer in modes.layers))
