"""Configurations with another multiplier or other widths than the named ones."""

from dataclasses import replace

from hw.config import Config
from sim.explore.multipliers import open_multiplier
from sim.explore.running import find_config

__all__ = ["make_config"]


def make_config(name: str, multiplier: str | None = None) -> Config:
    """The configuration called ``name``, with changes.

    Parameters
    ----------
    name : str
        A named configuration.
    multiplier : str or None
        ``NAME`` or ``NAME:NUMBERS`` of a multiplier, or a file that one is imported from; None
        keeps that of the configuration.

    Raises
    ------
    ConfigError
        There is no such configuration, or it cannot have the multiplier.
    NetworkError
        There is no such multiplier.
    """
    config = find_config(name)
    if multiplier is None:
        return config
    width = config.multiplier.weight_width
    return replace(config, multiplier=open_multiplier(multiplier, width))
