"""What other packages find in the environment, so that they stay quiet and tell nobody."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["quiet_packages"]

_FOLDERS = {
    # Matplotlib keeps a list of fonts; without a folder it says so on the error output.
    "MPLCONFIGDIR": ("XDG_CONFIG_HOME", ".config", "matplotlib"),
    # YoWASP keeps Yosys as machine code; without a folder it does not run.
    "YOWASP_CACHE_DIR": ("XDG_CACHE_HOME", ".cache", "YoWASP"),
}
"""By the variable that names another folder: the variable, the folder in the user's home and the
name below it that make the usual one."""


_SETTINGS = {
    # ONNX Runtime would send usage data, and complains where it cannot keep a number for that.
    "ORT_DISABLE_TELEMETRY": "1",
}


@contextmanager
def quiet_packages() -> Iterator[None]:
    """Give packages settings, and a temporary folder for one that cannot be written.

    What the user has set stays.
    """
    settings = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(settings)
    try:
        with _usable_folders():
            yield
    finally:
        for name in settings:
            del os.environ[name]


@contextmanager
def _usable_folders() -> Iterator[None]:
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
