"""Where what takes long to make is kept: made whole or not at all, by as many as want it.

An entry is made in a folder of its own and renamed into place when it is whole; of two processes
that make the same entry, one wins and the other drops its copy. Whoever makes an entry holds the
lock of its unfinished folder, so that a folder without an owner, which a killed process left, is
known as such and removed by the next one. Entries are code that will run: they are used only
where nobody else can have written them.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from boards.locks import try_lock
from hw.errors import UserError

__all__ = ["CacheError", "default_cache", "is_kept", "publish"]

_UNFINISHED = ".unfinished-"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_ANOTHER = "the environment variable XDG_CACHE_HOME names another folder"


class CacheError(UserError):
    """Nothing can be kept; the message is one sentence for the user."""


def default_cache() -> Path:
    """``refrain`` in the user's cache folder.

    Raises
    ------
    CacheError
        The user has none.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(base or Path.home() / ".cache", "refrain")
    except RuntimeError:
        raise CacheError(
            "there is no home folder to keep files in: let the environment variable "
            "XDG_CACHE_HOME name a folder"
        ) from None


def is_kept(target: Path) -> bool:
    """Whether an entry is there that only this user can have made.

    Raises
    ------
    CacheError
        It is there, and another user owns it or may write to it.
    """
    try:
        paths = (target, *target.iterdir())
        states = [path.lstat() for path in paths]
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CacheError(f"{target} cannot be read: {error.strerror}; {_ANOTHER}") from None
    for path, state in zip(paths, states, strict=True):
        if state.st_uid != os.geteuid() or state.st_mode & _OTHERS:
            raise CacheError(
                f"{path} is not used, because another user owns it or may write to it: remove "
                f"{target}; {_ANOTHER}"
            )
    return True


def publish(make: Callable[[Path], None], target: Path, what: str):
    """Let ``make`` fill a folder, then rename it to ``target``, unless that is there already.

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
        Folders cannot be made there, the disk is full, or what is there is not this user's.
    """
    if is_kept(target):
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear(target.parent)
        folder, handle = _begin(target.parent)
    except OSError as error:
        raise _cannot_keep(what, target.parent, error) from None
    try:
        make(folder)
        _protect(folder)
        try:
            folder.rename(target)
        except OSError:
            # Another process was faster; what it made is the same.
            if not is_kept(target):
                raise
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _cannot_keep(what, target.parent, error) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _cannot_keep(what: str, folder: Path, error: OSError) -> CacheError:
    return CacheError(f"{what} cannot be kept in {folder}: {error.strerror}; {_ANOTHER}")


def _begin(parent: Path) -> tuple[Path, int]:
    """A new folder, and a handle that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=parent))
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            # Another process took it for a dead one's before it was locked.
            continue
        if try_lock(handle) and folder.exists():
            return folder, handle
        os.close(handle)


def _clear(parent: Path):
    """Remove the folders of processes that were killed."""
    for folder in parent.glob(f"{_UNFINISHED}*"):
        try:
            handle = os.open(folder, os.O_RDONLY)
        except OSError:
            continue
        if try_lock(handle):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _protect(folder: Path):
    """Let nobody else write to what was made, whatever the user's umask is."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
