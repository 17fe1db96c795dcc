"""A backend whose results say what the parts of the machine were given to do."""

from dataclasses import replace

import numpy as np

from sim.model.backend import ModelBackend
from sim.model.result import Result
from sim.networks.network import IntegerNetwork, NetworkError

__all__ = ["Counting"]


class Counting:
    """Runs networks on a backend, and beside it on the model where only that can tell.

    Parameters
    ----------
    backend
        What runs them; the values of its runs are the model's, bit for bit.
    """

    def __init__(self, backend):
        self._backend = backend
        self.name, self.config = backend.name, backend.config
        self._model = None if backend.name == ModelBackend.name else ModelBackend(backend.config)

    def sibling(self) -> "Counting":
        """As the backend's."""
        return Counting(self._backend.sibling())

    def run(self, network: IntegerNetwork, x: np.ndarray, **options) -> Result:
        """As the backend's, with ``work`` in the result.

        Raises
        ------
        NetworkError
            As the backend's; or nobody knows how long the run takes.
        """
        if self._model is None:
            result = self._backend.run(network, x, work=True, **options)
        else:
            result = self._backend.run(network, x, **options)
            told = {key: value for key, value in options.items() if key != "progress"}
            result = replace(result, work=self._model.run(network, x, work=True, **told).work)
        if result.cycles is None:
            raise NetworkError(
                "energy needs the cycles of a run, and there is no model of the time of groups of "
                "steps: leave out lookahead, or run with --backend rtl"
            )
        return result
