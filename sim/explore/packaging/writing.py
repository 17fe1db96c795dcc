"""A package as the files of a folder."""

import hashlib
import json
from pathlib import Path

from hw.config import Config
from sim.explore.files import write_all
from sim.explore.packaging.contents import FORMAT, LIST, package_files

__all__ = ["write_package"]


def write_package(config: Config, folder: Path, *, command: str, pdf: bool = False) -> list[Path]:
    """Write all files of a package, or none; returns them, their list last.

    Files of an earlier package in the folder that the new one does not have are removed, unless
    they were changed. All other files stay.

    Parameters
    ----------
    config : Config
        The machine.
    folder : Path
        Made where it does not exist.
    command : str
        What the user typed, for heads of files.
    pdf : bool
        With the data sheet as PDF.

    Raises
    ------
    UserError
        A tool is missing.
    OSError
        The folder cannot be written, with a sentence for the user; nothing is changed.
    """
    contents = package_files(config, command, pdf=pdf)
    stale = [
        path for path in _earlier(folder) if path.relative_to(folder).as_posix() not in contents
    ]
    paths = write_all(folder, contents)
    for path in stale:
        path.unlink()
    return paths


def _earlier(folder: Path) -> list[Path]:
    """Files of a package in the folder that are as they were written."""
    try:
        listed = json.loads((folder / LIST).read_text())
        files = listed["files"] if listed["format"] == FORMAT else {}
        digests = {folder / name: digest for name, digest in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    inside = folder.resolve()
    return [
        path
        for path, digest in digests.items()
        if path.is_file()
        and path.resolve().is_relative_to(inside)
        and hashlib.sha256(path.read_bytes()).hexdigest() == digest
    ]
