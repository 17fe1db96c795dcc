"""How steps choose their modes."""

from pathlib import Path
from typing import Unpack

from refrain.options import ModeOptions
from sim.explore.settings import choose_modes
from sim.image.modes import Modes as Settings

__all__ = ["Settings", "settings"]


def settings(path: str | Path | None = None, **options: Unpack[ModeOptions]) -> Settings:
    """Settings of the modes, from a file that ``tune`` wrote and from single options.

    Parameters
    ----------
    path : path or None
        A settings file; without one, normal mode.
    **options
        See :class:`refrain.options.ModeOptions`; they go before what the file says, in every layer.

    Raises
    ------
    RefrainError
        A setting cannot be, or an option would do nothing in the modes that are chosen.

    Examples
    --------
    >>> refrain.settings(mode="delta", x_threshold=4, h_threshold=6)
    """
    return choose_modes(None if path is None else Path(path), options)
