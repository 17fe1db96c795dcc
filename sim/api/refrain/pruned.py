"""Networks with fewer weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw.config import Config
from refrain.networks import Arrays, Network

__all__ = ["Pruned", "prune"]


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """A network whose LSTM layers were pruned.

    Members
    -------
    figures : dict
        ``layers``, a row for each; ``groups``, ``zero_groups`` and ``zero_share``; and
        ``held_out``, a row for the network as it was and one for the pruned one.
    """

    figures: dict[str, Any]
    _done: Any

    @property
    def sqnr_db(self) -> float | None:
        """Signal-to-noise ratio of the first output on held-out data, in dB; None if unchanged."""
        found: float | None = self.figures["held_out"][1]["sqnr_db"]
        return found

    def save(self, path: str | Path) -> dict[str, Any]:
        """Write ``.onnx`` or ``.safetensors`` as the network's own file; or integers.

        ``.tflite`` and ``.refrain`` files are quantised on the data that the network was pruned on;
        the figures of that, before and after, are given back.

        Raises
        ------
        RefrainError
            The file cannot hold it; the sentence says why.
        """
        # Here, as it brings the writers with it.
        from sim.explore.pruning import write_pruned

        return write_pruned(self._done, Path(path))


def prune(
    network: Network | str | Path,
    data: Arrays,
    *,
    keep: float = 0.5,
    labels: np.ndarray | None = None,
    metric: str | None = None,
    lower: bool = False,
    calibration_share: float = 0.75,
    node: str | None = None,
    states: tuple[str, ...] = (),
    config: Config | str = "edge",
) -> Pruned:
    """Take groups of weights out of LSTM layers, and measure what that loses.

    A group is a column of the rows that the machine's lanes hold at once. What a group loses is
    made good by the weights that stay, as the data say. Nothing is trained.

    Parameters
    ----------
    network : Network or path
        An ``.onnx``, ``.safetensors`` or ``.pt`` file.
    data : array or arrays by name
        Inputs of the whole model for ``.onnx``, ``[n, time, I]`` otherwise.
    keep : float
        Share of the columns that each block of rows keeps, above 0 and at most 1.
    labels : array or None
        Labels of the data, for a metric that takes them.
    metric : str or None
        What is measured of the first output beside its signal-to-noise ratio, as of ``tune``.
    lower : bool
        Less of a metric of your own is better.
    calibration_share : float
        Share of the data that the network is pruned on; the rest is held out.
    node : str or None
        Which LSTM, where there are several; all of a model without.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call.
    config : Config or str
        The machine, whose lanes say how many rows a block has.

    Raises
    ------
    RefrainError
        The file or the data cannot be used, or ``keep`` leaves nothing.
    """
    from sim.explore.machines import make_config
    from sim.explore.pruning import prune_file
    from sim.explore.tuning.metrics import Metric
    from sim.explore.tuning.problems import Examples

    path = network.path if isinstance(network, Network) else Path(network)
    measure = None if metric is None else Metric(metric, labelled=labels is not None, lower=lower)
    done = prune_file(
        path,
        Examples(inputs=data, labels=labels),
        make_config(config),
        keep,
        share=calibration_share,
        node=node,
        states=states,
        metric=measure,
    )
    return Pruned(figures=done.figures, _done=done)
