"""What every step of a run did, as a table and as a picture."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.config import ConfigError
from hw.modes import Mode
from sim.image.modes import LayerModes, Modes
from sim.model.activity import Activity
from sim.model.result import Result
from sim.networks.network import IntegerLstm, IntegerNetwork

__all__ = ["Trace", "Tracer", "trace_bytes", "trace_rows"]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What one direction of one layer did.

    Members
    -------
    name : str
        The LSTM node that it is of; ``lstm`` where the network is nothing else.
    layer : int
        Its layer.
    direction : IntegerLstm
        What was computed.
    modes : LayerModes
        How modes were chosen.
    activity : Activity
        Modes, events and scores.
    x : int8 [sequences, steps, I]
        Its input.
    h, normal : int8 [sequences, steps, H]
        Its output, and what it is when every step of the network is normal.
    """

    name: str
    layer: int
    direction: IntegerLstm
    modes: LayerModes
    activity: Activity
    x: np.ndarray
    h: np.ndarray
    normal: np.ndarray

    @property
    def title(self) -> str:
        """What it is called among others."""
        return f"{self.name} {self.layer} {'backward' if self.direction.reverse else 'forward'}"


class Tracer:
    """Runs networks and keeps what their steps did, beside a normal run of the same input.

    Parameters
    ----------
    backend
        What networks run on.

    Members
    -------
    traces : list of Trace
        Of each direction, in the order in which they ran.

    Raises
    ------
    ConfigError
        The backend cannot tell.
    """

    def __init__(self, backend):
        if backend.name != "model":
            raise ConfigError(f"a trace is made by the backend model, not {backend.name}")
        self.traces = []

    def run(
        self, backend, name: str, network: IntegerNetwork, x: np.ndarray, *, modes, **options
    ) -> Result:
        """``backend.run`` of the network that is called ``name``."""
        result = backend.run(network, x, modes=modes, trace=True, **options)
        normal = backend.run(network, x, trace=True, **options)
        settings = Modes.of(modes).for_layers(len(network.layers))
        activity = iter(result.trace)
        inputs = (x, *result.layers)
        for k, layer in enumerate(network.layers):
            start = 0
            for direction in layer.directions:
                columns = slice(start, start + direction.hidden_size)
                start = columns.stop
                self.traces.append(
                    Trace(
                        name=name,
                        layer=k,
                        direction=direction,
                        modes=settings[k],
                        activity=next(activity),
                        x=inputs[k],
                        h=result.layers[k][:, :, columns],
                        normal=normal.layers[k][:, :, columns],
                    )
                )
        return result


def trace_rows(traces: Sequence[Trace]) -> Iterator[dict]:
    """A row for each step of each sequence of each direction.

    ``h_size`` is the mean magnitude of the output's codes less their zero point, ``h_error`` their
    mean distance from the normal run; ``score``, ``D`` and ``N`` are None in first steps.
    """
    for trace in traces:
        activity = trace.activity
        score = activity.score
        size = np.abs(trace.h.astype(np.int16) - trace.direction.h.zero_point).mean(axis=2)
        error = np.abs(trace.h.astype(np.int16) - trace.normal).mean(axis=2)
        for sequence, step in np.ndindex(activity.mode.shape):
            at = sequence, step
            compared = activity.N[at] >= 0
            yield {
                "node": trace.name,
                "layer": trace.layer,
                "direction": "backward" if trace.direction.reverse else "forward",
                "sequence": sequence,
                "step": step,
                "mode": Mode(activity.mode[at]).name.lower(),
                "score": float(score[at]) if compared else None,
                "D": int(activity.D[at]) if compared else None,
                "N": int(activity.N[at]) if compared else None,
                "events_x": int(activity.events_x[at]),
                "events_h": int(activity.events_h[at]),
                "h_size": float(size[at]),
                "h_error": float(error[at]),
            }


def trace_bytes(traces: Sequence[Trace], path: Path) -> bytes:
    """The table as the name of ``path`` wants it: JSON if it ends so, else CSV."""
    rows = list(trace_rows(traces))
    if path.suffix.lower() == ".json":
        return (json.dumps(rows, indent=1) + "\n").encode()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
