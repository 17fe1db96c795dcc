"""What is said where a file cannot be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["written"]


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Name the file or folder that is written inside.

    A full disk is an error without the name of a file.

    Raises
    ------
    OSError
        With a sentence for the user.
    """
    try:
        yield
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None
