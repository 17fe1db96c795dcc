"""A metric that the user brings: a function in a Python file."""

import sys
import traceback
from pathlib import Path
from types import ModuleType

import numpy as np

from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["MetricFunction"]


class MetricFunction:
    """``FILE.py:name``, a function of outputs and labels that gives one number.

    It is called as ``name(outputs, labels)``: ``outputs`` is the network's first output on some of
    the samples, in floating point, ``labels`` what belongs to them, or None where none were given.
    Both are copies.

    Parameters
    ----------
    text : str
        The file and the function, with a colon between.

    Members
    -------
    source : bytes
        The content of the file.

    Raises
    ------
    NetworkError
        The file cannot be read or run, or has no such function.
    """

    def __init__(self, text: str):
        path, _, self._name = text.rpartition(":")
        self._path = Path(path)
        try:
            self.source = self._path.read_bytes()
        except OSError as error:
            raise NetworkError(cannot_read(self._path, error)) from None
        self._function = getattr(self._load(), self._name, None)
        if not callable(self._function):
            raise NetworkError(f"{path} has no function {self._name} for a metric")

    def _load(self) -> ModuleType:
        module = ModuleType(f"metric of {self._path}")
        module.__file__ = str(self._path)
        sys.modules[module.__name__] = module
        # As of a script, what stands beside the file can be imported.
        folder = str(self._path.absolute().parent)
        if folder not in sys.path:
            sys.path.append(folder)
        try:
            exec(compile(self.source, str(self._path), "exec"), vars(module))
        except (Exception, SystemExit) as error:
            # The user's code: it may raise anything.
            raise self._failure("it", error) from None
        return module

    def __call__(self, outputs: np.ndarray, labels: np.ndarray | None) -> float:
        """The metric.

        Raises
        ------
        NetworkError
            The function fails, with the line where it does, or gives something else.
        """
        given = (np.array(outputs), None if labels is None else np.array(labels))
        try:
            result = self._function(*given)
        except (Exception, SystemExit) as error:
            # The user's code: it may raise anything.
            raise self._failure(self._name, error) from None
        try:
            value = np.asarray(result)
        except Exception:
            # Any object can be in the user's answer, and say anything when it is looked at.
            value = np.asarray(None)
        if value.ndim or value.dtype.kind not in "fiu" or not np.isfinite(value):
            raise NetworkError(
                f"{self._path}: {self._name} must give one finite number, not {_shown(result)}"
            )
        return float(value)

    def _failure(self, what: str, error: BaseException) -> NetworkError:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(self._path)
        ]
        if isinstance(error, SyntaxError):
            lines = [error.lineno]
        where = f"{self._path}, line {lines[-1]}" if lines else str(self._path)
        return NetworkError(f"{where}: {what} raised {type(error).__name__}: {error}")


def _shown(result) -> str:
    if isinstance(result, np.ndarray):
        return f"an array of the shape {list(result.shape)}"
    if isinstance(result, int | float | np.number):
        return str(result)
    return f"a {type(result).__name__}"
