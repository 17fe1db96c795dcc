"""Folders for the files of other packages, where those of the user cannot be written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["usable_folders"]

_FOLDERS = {
    # Matplotlib keeps a list of fonts; without a folder it says so on the error output.
    "MPLCONFIGDIR": ("XDG_CONFIG_HOME", ".config", "matplotlib"),
    # YoWASP keeps Yosys as machine code; without a folder it does not run.
    "YOWASP_CACHE_DIR": ("XDG_CACHE_HOME", ".cache", "YoWASP"),
}
"""By the variable that names another folder: the variable, the folder in the user's home and the
name below it that make the usual one."""


@contextmanager
def usable_folders() -> Iterator[None]:
    """Give packages a temporary folder in the place of one that cannot be written.

    What the user has named stays.
    """
    missing = [
        name
        for name, place in _FOLDERS.items()
        if name not in os.environ and not _can_write(*place)
    ]
    if not missing:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="refrain-") as folder:
        os.environ.update(dict.fromkeys(missing, folder))
        try:
            yield
        finally:
            for name in missing:
                del os.environ[name]


def _can_write(variable: str, base: str, name: str) -> bool:
    """Whether a user's folder, or one in which it would be made, can be written."""
    try:
        folder = Path(os.environ.get(variable) or Path.home() / base, name)
    except RuntimeError:
        # This user has no home.
        return False
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
