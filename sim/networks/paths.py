"""What is said of a file that cannot be read."""

from difflib import get_close_matches
from pathlib import Path

__all__ = ["cannot_read"]


def cannot_read(path: Path, error: OSError) -> str:
    """The sentence for a file that cannot be read, with the nearest name where there is none such.

    The nearest name is that of another file of the same folder, if one is similar.
    """
    missing = isinstance(error, FileNotFoundError)
    # Libraries that are no C programs leave out what the system says.
    reason = error.strerror or ("No such file or directory" if missing else str(error))
    sentence = f"{path} cannot be read: {reason}"
    if not missing or not path.parent.is_dir():
        return sentence
    names = sorted(each.name for each in path.parent.iterdir())
    near = get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f"{sentence}; did you mean {path.parent / near[0]}?" if near else sentence
