"""Configurations by name or from files, and with other values than these have."""

from collections.abc import Sequence
from pathlib import Path

from hw.config import CONFIGS, Config, ConfigError
from sim.explore.machine_files import read_config
from sim.explore.machine_values import changed, nearest, parse_changes

__all__ = ["find_config", "make_config", "make_fitted"]


def find_config(name: str, changes: Sequence[str] = ()) -> Config:
    """The configuration of a name or file, with changes.

    Parameters
    ----------
    name : str
        A named configuration; a ``.toml`` file, or the ``.json`` report of a run.
    changes : sequence of str
        ``FIELD=VALUE``, as ``--set`` takes them.

    Raises
    ------
    ConfigError
        There is no such configuration, the file holds none, or it cannot be changed so.
    NetworkError
        There is no such multiplier.
    """
    return changed(_find(name), parse_changes(changes))


def _find(name: str) -> Config:
    if name in CONFIGS:
        return CONFIGS[name]
    path = Path(name)
    if path.suffix in (".toml", ".json") or path.name != name or path.is_file():
        return read_config(path)
    known = ", ".join(CONFIGS)
    raise ConfigError(
        f"there is no configuration {name}; the configurations are {known}, or name a .toml file"
        f"{nearest(name, CONFIGS)}"
    )


def make_config(
    name: Config | str,
    multiplier: str | None = None,
    weight_bits: int | None = None,
    activation_bits: int | None = None,
    row_scales: bool = False,
    changes: Sequence[str] = (),
) -> Config:
    """The configuration called ``name``, with changes; None keeps what it has.

    Parameters
    ----------
    name : Config or str
        A configuration, or the name or file of one, see ``find_config``.
    multiplier : str or None
        ``NAME`` or ``NAME:NUMBERS`` of a multiplier, or a file that one is imported from.
    weight_bits, activation_bits : int or None
        Bits of a weight, and of a value of ``x`` and ``h``.
    row_scales : bool
        With gates for multipliers and shifts of each row; False keeps what it has.
    changes : sequence of str
        ``FIELD=VALUE``, as ``--set`` takes them.

    Raises
    ------
    ConfigError
        There is no such configuration, it cannot have that multiplier or these widths, or a
        value is given twice.
    NetworkError
        There is no such multiplier.
    """
    wanted = parse_changes(changes)
    options = {
        "multiplier": multiplier,
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "row_scales": row_scales or None,
    }
    for key, value in options.items():
        if value is None:
            continue
        if key in wanted:
            option = key.replace("_", "-")
            raise ConfigError(f"{key} is given twice: by --{option} and by --set; give one of them")
        wanted[key] = value
    return changed(name if isinstance(name, Config) else _find(name), wanted)


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
