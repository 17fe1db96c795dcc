"""Whole networks on the fast model: layers stacked, directions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.image.check import check_input
from sim.image.compile import initial_state
from sim.image.image import State
from sim.model.lstm import Lstm
from sim.networks.check import check_integer
from sim.networks.network import IntegerNetwork, NetworkError

__all__ = ["Model", "Outputs", "run_network"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What a network computed.

    Members
    -------
    h : int8 [sequences, steps, sum of H]
        Outputs of the last layer.
    states : tuple of State
        Final state of each direction, layer by layer.
    layers : tuple of int8 [sequences, steps, sum of H]
        Outputs of every layer.
    """

    h: np.ndarray
    states: tuple[State, ...]
    layers: tuple[np.ndarray, ...]


class Model:
    """A network prepared for running; prepare once and run often.

    Parameters
    ----------
    network : IntegerNetwork
        What to compute. A ``NetworkError`` names what does not fit together.
    """

    def __init__(self, network: IntegerNetwork):
        check_integer(network)
        self.network = network
        self._layers = [
            [Lstm(direction) for direction in layer.directions] for layer in network.layers
        ]

    def run(self, x: np.ndarray, initial: Sequence[State | None] | None = None) -> Outputs:
        """Outputs for int8 ``x`` ``[sequences, steps, I]``.

        ``initial`` holds a state or None for each direction, layer by layer.
        """
        check_input(self.network, x)
        count = sum(len(layer) for layer in self._layers)
        if initial is None:
            initial = [None] * count
        if len(initial) != count:
            raise NetworkError(
                f"initial must hold a state for each of {count} directions, not {len(initial)}"
            )
        given = iter(initial)
        states, outputs = [], []
        for layer in self._layers:
            halves = []
            for lstm in layer:
                state = initial_state(lstm.direction, next(given), len(x))
                h, last_h, last_c = lstm.run(x, *((state.h, state.c) if state else (None, None)))
                halves.append(h)
                states.append(State(h=last_h, c=last_c))
            x = halves[0] if len(halves) == 1 else np.concatenate(halves, axis=2)
            outputs.append(x)
        return Outputs(h=x, states=tuple(states), layers=tuple(outputs))


def run_network(
    network: IntegerNetwork, x: np.ndarray, initial: Sequence[State | None] | None = None
) -> Outputs:
    """:class:`Model` prepared for one run."""
    return Model(network).run(x, initial)
