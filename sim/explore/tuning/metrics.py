"""What the outputs of a network file are judged by."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.explore.tuning.functions import MetricFunction
from sim.networks.network import NetworkError
from sim.networks.quantizer import sqnr
from sim.workloads.scores import Score, block_error, roc_auc, share_right

__all__ = ["METRICS", "Metric"]

METRICS = ("sqnr", "agreement", "accuracy", "roc_auc")
"""Power of the outputs over that of their error, in dB, and the share of rows whose largest output
is the same, both against the normal mode; the share of labels that the largest output is; the area
under the curve of the last output against labels of two kinds."""

_LABELLED = ("accuracy", "roc_auc")


_DRAWS = 100
"""Bootstrap samples for the standard error of a function of the user's."""


@dataclass(frozen=True)
class Metric:
    """One of ``METRICS``, or a function of the user's.

    Parameters
    ----------
    name : str
        The metric, or ``FILE.py:name``, see ``MetricFunction``.
    labelled : bool
        Whether there are labels.
    lower : bool
        Whether less is better; of a function only.
    errors : bool
        Whether the standard errors of ``sqnr`` and of a function are wanted: that of a function
        takes a hundred calls.

    Raises
    ------
    NetworkError
        There is no such metric, or it lacks labels, or has no use for those that are given.
    """

    name: str
    labelled: bool = False
    lower: bool = False
    errors: bool = False

    def __post_init__(self):
        if self._function is not None:
            return
        if self.name not in METRICS:
            raise NetworkError(
                f"the metric must be {', '.join(METRICS)}, or a function of yours as "
                f"FILE.py:function, not {self.name}"
            )
        if self.lower:
            raise NetworkError(f"of metric {self.name} more is better: --lower is for a function")
        if self.name in _LABELLED and not self.labelled:
            raise NetworkError(f"metric {self.name} compares with labels: give them by --labels")
        if self.name not in _LABELLED and self.labelled:
            raise NetworkError(f"metric {self.name} takes no labels: it compares with normal mode")

    @cached_property
    def _function(self) -> MetricFunction | None:
        return MetricFunction(self.name) if ":" in self.name else None

    @property
    def key(self) -> tuple:
        """What a measurement depends on."""
        if self._function is None:
            return (self.name,)
        return (self.name, self._function.source, self.lower, self.errors)

    def score(self, outputs, normal, labels, part: str) -> Score:
        """The score of outputs on a part of the data.

        Parameters
        ----------
        outputs, normal : array [..., n]
            Of this run, and of the normal mode.
        labels : array or None
            One for each row of outputs, or for each sequence: then its last step counts. A function
            gets them as they are.
        part : str
            For refusals.

        Raises
        ------
        NetworkError
            The metric is not defined on these outputs and labels.
        """
        if self._function is not None:
            return self._own(outputs, labels)
        if self.name == "sqnr":
            error = _sqnr_error(normal, outputs) if self.errors else float("nan")
            value = sqnr(normal, outputs)
            return Score(value=value, standard_error=error, examples=int(outputs.size))
        if self.name == "agreement":
            self._check_classes(outputs)
            return share_right(*(np.argmax(each, axis=-1).ravel() for each in (outputs, normal)))
        rows, labels = self._rows(outputs, labels)
        if self.name == "accuracy":
            self._check_classes(outputs)
            return share_right(np.argmax(rows, axis=-1), labels)
        return self._area(rows[:, -1], labels, part)

    def _own(self, outputs, labels) -> Score:
        """What the user's function gives."""
        value, count, error = self._function(outputs, labels), len(outputs), float("nan")
        if self.errors and count > 1 and (labels is None or len(labels) == count):

            def again(numbers) -> float:
                try:
                    chosen = None if labels is None else labels[numbers]
                    return self._function(outputs[numbers], chosen)
                except NetworkError as refusal:
                    # On some draws a metric may not be defined.
                    raise ValueError from refusal

            error = block_error(again, count, 1, draws=_DRAWS)
        return Score(value=value, standard_error=error, examples=count, lower=self.lower)

    def _check_classes(self, outputs):
        if outputs.shape[-1] < 2:
            raise NetworkError(
                f"metric {self.name} compares outputs, and this network has only one"
            )

    def _rows(self, outputs, labels):
        """Outputs ``[n, outputs]`` and a label for each."""
        if labels.shape == outputs.shape[:1] and outputs.ndim == 3:
            outputs = outputs[:, -1]
        elif labels.shape == outputs.shape and outputs.shape[-1] == 1:
            labels = labels[..., 0]
        elif labels.ndim == 1 and labels.size == outputs.size:
            outputs = outputs.reshape(-1, 1)
        if labels.shape != outputs.shape[:-1]:
            raise NetworkError(
                f"the labels must have the shape {list(outputs.shape[:-1])} of the outputs, or one "
                f"label for each sequence, not {list(labels.shape)}"
            )
        return outputs.reshape(-1, outputs.shape[-1]), labels.ravel()

    def _area(self, values, labels, part: str) -> Score:
        labels = labels.astype(bool)
        if labels.all() or not labels.any():
            raise NetworkError(
                f"roc_auc is not defined on the {part.replace('_', '-')} data: its labels are all "
                f"{int(labels[0])}"
            )
        block = max(1, len(labels) // 50)
        error = block_error(
            lambda numbers: roc_auc(values[numbers], labels[numbers]), len(labels), block, draws=200
        )
        return Score(value=roc_auc(values, labels), standard_error=error, examples=len(labels))


def _sqnr_error(normal: np.ndarray, outputs: np.ndarray) -> float:
    """Standard error of ``sqnr`` over sequences; of one sequence, over blocks of its steps."""
    axis = int(len(normal) == 1 and normal.ndim > 1)
    count = normal.shape[axis]
    error = np.asarray(normal, np.float64) - outputs
    powers = [
        np.moveaxis(np.asarray(each, np.float64) ** 2, axis, 0).reshape(count, -1).sum(axis=1)
        for each in (normal, error)
    ]

    def again(numbers: np.ndarray) -> float:
        signal, noise = (each[numbers].sum() for each in powers)
        if not signal or not noise:
            raise ValueError("a draw without an error has no ratio")
        return 10 * np.log10(signal / noise)

    return block_error(again, count, max(1, count // 50) if axis else 1, draws=_DRAWS)
