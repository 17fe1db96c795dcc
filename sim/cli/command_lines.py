"""The command that was typed, for heads of files."""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["command_line"]


def command_line(
    command: str,
    config: str,
    multiplier: str | None,
    weight_bits: int | None,
    activation_bits: int | None,
    changes: Sequence[str],
    flags: dict[str, bool],
) -> str:
    """The command line, without what depends on the machine: folders."""
    words = [f"refrain {command}", Path(config).name]
    words += [f"--multiplier {Path(multiplier).name}"] if multiplier is not None else []
    words += [f"--weight-bits {weight_bits}"] if weight_bits is not None else []
    words += [f"--activation-bits {activation_bits}"] if activation_bits is not None else []
    words += [f"--set {_without_folder(each)}" for each in changes]
    words += [flag for flag, given in flags.items() if given]
    return " ".join(words)


def _without_folder(change: str) -> str:
    """``FIELD=VALUE``, of which a file is named without its folder."""
    field, _, value = change.partition("=")
    return f"{field}={Path(value).name}"
