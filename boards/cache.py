"""Where what takes long to make is kept: made whole or not at all, by as many as want it.

The cache needs no lock. An entry is made in a folder of its own and renamed into place when it is
whole; of two processes that make the same entry, one wins and the other drops its copy.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hw.errors import UserError

__all__ = ["CacheError", "default_cache", "publish"]


class CacheError(UserError):
    """Nothing can be kept; the message is one sentence for the user."""


def default_cache() -> Path:
    """``refrain`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "refrain")


def publish(make: Callable[[Path], None], target: Path, what: str):
    """Let ``make`` fill a folder, then rename it to ``target``.

    Parameters
    ----------
    make : function of Path
        Fills it; its exceptions go on to the caller.
    target : Path
        Where the folder is then.
    what : str
        What is kept there, in the plural, for people.

    Raises
    ------
    CacheError
        Folders cannot be made there.
    """
    if target.exists():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    except OSError as error:
        raise CacheError(f"{what} cannot be kept in {target.parent}: {error.strerror}") from None
    try:
        make(folder)
        try:
            folder.rename(target)
        except OSError:
            # Another process was faster; what it made is the same.
            if not target.exists():
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
