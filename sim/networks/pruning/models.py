"""Whole models with some of their LSTM layers pruned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from sim.networks.network import FloatLayer, FloatNetwork, NetworkError
from sim.networks.pruning.groups import prune_direction
from sim.networks.quantizing.material import Calls, Runs
from sim.networks.recording import Recorder, recorded
from sim.networks.whole import LstmFunction, Seen, WholeModel, float_lstm

__all__ = ["Replaced", "Stack", "prune_layer", "prune_model"]

Inputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Stack:
    """LSTM layers alone as a ``WholeModel``, with the input ``x`` and the output ``h``.

    Parameters
    ----------
    path : Path
        Where they were read from.
    network : FloatNetwork
        The layers.
    """

    path: Path
    network: FloatNetwork

    inputs: ClassVar = ("x",)
    outputs: ClassVar = ("h",)
    dims: ClassVar = {}
    states: ClassVar = {}
    forms: ClassVar = {}
    notes: ClassVar = ()

    @property
    def lstm_layers(self) -> dict[str, FloatLayer]:
        """By number."""
        return {f"layer {number}": layer for number, layer in enumerate(self.network.layers)}

    @property
    def leaders(self) -> dict[str, str]:
        """Every layer but the first follows the one before."""
        return {f"layer {k}": f"layer {k - 1}" for k in range(1, len(self.network.layers))}

    def run(self, inputs: Inputs, lstm: LstmFunction) -> dict[str, np.ndarray]:
        """``h`` of the last layer."""
        y = inputs["x"]
        for name, layer in self.lstm_layers.items():
            y, _, _ = lstm(name, layer, y, None, None)
        return {"h": y}

    def reference(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """In floating point."""
        return self.run(inputs, float_lstm)

    def capture(self, inputs: Inputs) -> dict[str, tuple[Seen, ...]]:
        """What reaches each layer."""
        return recorded(self.run, inputs)


class Replaced:
    """A model with other LSTM layers in the place of some of its own: a ``WholeModel``.

    Parameters
    ----------
    model : WholeModel
        The model, its layers in floating point.
    layers : dict of FloatLayer
        Other layers of the same sizes, by name.
    """

    def __init__(self, model: WholeModel, layers: Mapping[str, FloatLayer]):
        self.model, self.layers = model, dict(layers)
        self.path, self.inputs, self.outputs = model.path, model.inputs, model.outputs
        self.dims, self.states, self.forms = model.dims, model.states, model.forms
        self.leaders, self.notes = model.leaders, model.notes
        self.lstm_layers = {**model.lstm_layers, **self.layers}

    def run(self, inputs: Inputs, lstm: LstmFunction) -> dict:
        """As the model's."""

        def other(name, layer, x, h0, c0):
            return lstm(name, self.layers.get(name, layer), x, h0, c0)

        return self.model.run(inputs, other)

    def reference(self, inputs: Inputs) -> dict:
        """In floating point."""
        return self.run(inputs, float_lstm)

    def capture(self, inputs: Inputs) -> dict[str, tuple[Seen, ...]]:
        """What reaches each layer."""
        return recorded(self.run, inputs)


def prune_model(
    model: WholeModel,
    inputs: Sequence[Inputs],
    units: int,
    keep: float,
    *,
    node: str | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Replaced:
    """A model whose LSTM layers are pruned, one after the other in the order in which they run.

    What reaches a layer comes from the pruned ones before it. Layers that the inputs do not reach
    stay whole.

    Parameters
    ----------
    model : WholeModel
        The model.
    inputs : sequence of dict
        What it is run on, once with each.
    units, keep
        As of ``prune_direction``.
    node : str or None
        The only layer that is pruned; all without.
    tell : function of (done, total)
        Called after every layer.

    Raises
    ------
    NetworkError
        ``keep`` leaves nothing, or the inputs do not fit or reach no layer.
    """
    done = Replaced(model, {})
    names = [node] if node is not None else list(_seen(model, inputs))
    for number, name in enumerate(names):
        seen = _seen(done, inputs).get(name)
        if seen is None:
            raise NetworkError(
                f"{model.path}: nothing of the data reaches the LSTM node {name}; give data that "
                f"take its branch"
            )
        layer = prune_layer(model.lstm_layers[name], seen, units, keep)
        done = Replaced(model, {**done.layers, name: layer})
        tell(number + 1, len(names))
    return done


def _seen(model: WholeModel, inputs: Sequence[Inputs]) -> dict[str, tuple[Seen, ...]]:
    recorder = Recorder()
    for each in inputs:
        model.run(each, recorder)
    return recorder.seen()


def prune_layer(layer: FloatLayer, seen: Sequence[Seen], units: int, keep: float) -> FloatLayer:
    """A layer with its groups pruned, on what it was seen to be given.

    Parameters
    ----------
    layer : FloatLayer
        The layer.
    seen : sequence of Seen
        Its calls.
    units, keep
        As of ``prune_direction``.
    """
    x = [call.x.astype(np.float64) for call in seen]
    calls = Calls(
        x=x,
        given=x,
        begins=[call.states(0) for call in seen],
        valid=[np.ones(each.shape[:2], bool) for each in x],
    )
    runs = (Runs(lstm, number, calls) for number, lstm in enumerate(layer.directions))
    return FloatLayer(
        directions=tuple(prune_direction(run.lstm, *run.operands(), units, keep) for run in runs)
    )
