"""What reaches the LSTM layers of a model in floating point."""

from collections.abc import Callable, Mapping

import numpy as np

from sim.networks.whole import LstmFunction, Seen, float_lstm

__all__ = ["Recorder", "recorded"]


class Recorder:
    """An ``LstmFunction`` in floating point that keeps what it is given.

    A call of one sequence that begins with the state that the layer's last call left is one with
    that.
    """

    def __init__(self):
        self._runs = {}

    def __call__(self, name, layer, x, h0, c0):
        y, h_n, c_n = float_lstm(name, layer, x, h0, c0)
        runs = self._runs.setdefault(name, [])
        if not (runs and _goes_on(layer, runs[-1], x, h0, c0)):
            runs.append({"x": [], "y": [], "begin": (h0, c0)})
        runs[-1]["x"].append(x)
        runs[-1]["y"].append(y)
        runs[-1]["end"] = h_n, c_n
        return y, h_n, c_n

    def seen(self) -> dict[str, tuple[Seen, ...]]:
        """By layer name; calls that went on from the one before are one."""
        return {
            name: tuple(
                Seen(
                    x=np.concatenate(run["x"], axis=1),
                    h0=run["begin"][0],
                    c0=run["begin"][1],
                    calls=len(run["x"]),
                )
                for run in runs
            )
            for name, runs in self._runs.items()
        }

    def made(self) -> dict[str, list[np.ndarray]]:
        """What each layer gave, [batch, time, directions * H]; calls as of ``seen``."""
        return {
            name: [np.concatenate(run["y"], axis=1) for run in runs]
            for name, runs in self._runs.items()
        }


def recorded(run: Callable[[Mapping, LstmFunction], Mapping], inputs: Mapping) -> dict:
    """What reaches each LSTM layer where ``run`` runs a model on ``inputs``; as of ``seen``."""
    recorder = Recorder()
    run(inputs, recorder)
    return recorder.seen()


def _goes_on(layer, run: Mapping, x: np.ndarray, h0, c0) -> bool:
    """Whether a call of one sequence begins where the run ended."""
    if len(layer.directions) != 1 or layer.directions[0].reverse or len(x) != 1:
        return False
    return (
        h0 is not None
        and c0 is not None
        and np.array_equal(h0, run["end"][0])
        and np.array_equal(c0, run["end"][1])
    )
