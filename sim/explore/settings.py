"""Settings of modes from a file and from options that go before it."""

from collections.abc import Mapping
from pathlib import Path

from sim.image.modes import Modes
from sim.networks.network import NetworkError

__all__ = ["choose_modes"]

_OPTIONS = {"x_threshold": "--threshold-x", "h_threshold": "--threshold-h"}


def choose_modes(path: Path | None, options: Mapping[str, object]) -> Modes:
    """The settings of the file, in every layer with the options that are not None.

    Parameters
    ----------
    path : Path or None
        A settings file; normal mode without one.
    options : dict
        Values of ``LayerModes`` by name.

    Raises
    ------
    NetworkError
        A setting cannot be, or an option would do nothing in the modes that are chosen.
    """
    given = {name: value for name, value in options.items() if value is not None}
    modes = (Modes() if path is None else Modes.read(path)).replace(**given)
    for name in given:
        if all(name in layer.unused() for layer in modes.layers):
            option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            kinds = " and ".join(dict.fromkeys(layer.mode for layer in modes.layers))
            raise NetworkError(f"{option} does nothing in mode {kinds}")
    return modes
