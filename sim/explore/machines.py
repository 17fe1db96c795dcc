"""Configurations with another multiplier or other widths than the named ones."""

from dataclasses import replace

from hw.config import Config, ConfigError
from sim.explore.running import find_config

__all__ = ["make_config", "make_fitted"]


def make_config(
    name: str,
    multiplier: str | None = None,
    weight_bits: int | None = None,
    activation_bits: int | None = None,
    row_scales: bool = False,
) -> Config:
    """The configuration called ``name``, with changes; None keeps what it has.

    Parameters
    ----------
    name : str
        A named configuration.
    multiplier : str or None
        ``NAME`` or ``NAME:NUMBERS`` of a multiplier, or a file that one is imported from.
    weight_bits, activation_bits : int or None
        Bits of a weight, and of a code of ``x`` and ``h``.
    row_scales : bool
        With gates for multipliers and shifts of each row.

    Raises
    ------
    ConfigError
        There is no such configuration, or it cannot have that multiplier or these widths.
    NetworkError
        There is no such multiplier.
    """
    config = find_config(name)
    changes = {"row_scales": True} if row_scales else {}
    if activation_bits is not None:
        changes["act_width"] = activation_bits
    if multiplier is not None:
        # Here, as it brings what reads Verilog with it.
        from sim.explore.multipliers.importing import open_multiplier

        width = config.multiplier.weight_width if weight_bits is None else weight_bits
        changes["multiplier"] = open_multiplier(multiplier, width)
    elif weight_bits is not None:
        try:
            changes["multiplier"] = replace(config.multiplier, weight_width=weight_bits)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    return replace(config, **changes)


def make_fitted(board: str, name: str | None = None, *changes) -> Config:
    """The configuration that a board is built with, at its clock and its bus.

    Parameters
    ----------
    board : str
        The board's name.
    name : str or None
        A named configuration; the board's usual one when None.
    changes
        As the rest of ``make_config``.

    Raises
    ------
    ConfigError
        There is no such board, no machine fits it, or as of ``make_config``.
    """
    # Here, as the boards bring the generator of gates with them.
    from boards.catalogue import find_board

    found = find_board(board)
    if name is None and found.config is None:
        raise ConfigError(f"{board} has no usual configuration: name one with --config")
    return found.fitted(make_config(name or found.config, *changes))
