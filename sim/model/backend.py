"""The model as a backend: the same call and the same result as the hardware's."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from hw.config import Config
from sim.image.check import check_input
from sim.image.compile import compile_network
from sim.image.image import Image, State
from sim.model.counts import count
from sim.model.network import Model
from sim.model.result import Result
from sim.networks.check import check_integer
from sim.networks.network import IntegerNetwork

__all__ = ["ModelBackend"]


class ModelBackend:
    """Runs networks on the NumPy model of one configuration.

    The last network stays prepared, so that running it again costs only the run.

    Parameters
    ----------
    config : Config
        The machine that counts and cycles are stated for.
    latency : int
        Cycles from a read address to its first beat, as the cycle estimate assumes.
    """

    name = "model"

    def __init__(self, config: Config, latency: int = 1):
        self.config = config
        self.latency = latency
        self._model = None

    def run(
        self,
        network: IntegerNetwork,
        x: np.ndarray,
        *,
        initial: Sequence[State | None] | None = None,
        resident: bool | None = None,
        load: bool = True,
        store_state: bool = True,
    ) -> Result:
        """Result for int8 ``x`` ``[sequences, steps, I]``; arguments as ``compile_network``."""
        check_integer(network)
        check_input(network, x)
        image = compile_network(
            network,
            self.config,
            steps=x.shape[1],
            sequences=x.shape[0],
            initial=initial,
            resident=resident,
            load=load,
            store_state=store_state,
        )
        if self._model is None or self._model.network is not network:
            self._model = Model(network)
        outputs = self._model.run(x, initial)
        cycles, stalls = _estimate(image, self.latency)
        return Result(
            h=outputs.h,
            states=outputs.states if store_state else (),
            counts=count(image),
            cycles=cycles,
            stall_cycles=stalls,
            lanes=self.config.lanes,
            config=self.config.name,
            backend=self.name,
        )


def _estimate(image: Image, latency: int) -> tuple[int | None, dict[str, int] | None]:
    """Cycles and stalls where there is a model of time."""
    if find_spec("sim.model.timing") is None:
        return None, None
    return import_module("sim.model.timing").estimate(image, image.config, latency)
