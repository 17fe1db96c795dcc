"""The model as a backend: the same call and the same result as the hardware's."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np

from hw.config import Config
from sim.image.compile import compile_run
from sim.image.image import Image
from sim.image.options import RunOptions
from sim.model.counts import count
from sim.model.network import Model
from sim.model.result import Result
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
        self, network: IntegerNetwork, x: np.ndarray, *, trace: bool = False, **options
    ) -> Result:
        """Result for int8 ``x`` ``[sequences, steps, I]``.

        ``options`` are those of ``RunOptions``; with ``trace`` the result says what each step did.
        """
        options = RunOptions(**options)
        image = compile_run(network, x, self.config, options)
        if self._model is None or self._model.network is not network:
            self._model = Model(network)
        outputs = self._model.run(x, options.initial, options.modes, trace=trace)
        cycles, stalls = _estimate(image, self.latency)
        return Result(
            h=outputs.h,
            states=outputs.states if options.store_state else (),
            counts=count(image, outputs.activity),
            cycles=cycles,
            stall_cycles=stalls,
            lanes=self.config.lanes,
            config=self.config.name,
            backend=self.name,
            trace=outputs.activity if trace else (),
            layers=outputs.layers if trace else (),
        )


def _estimate(image: Image, latency: int) -> tuple[int | None, dict[str, int] | None]:
    """Cycles and stalls where there is a model of time: for plain runs, so far."""
    plain = all(placement.plain for placement in image.placements)
    if find_spec("sim.model.timing") is None or not plain:
        return None, None
    return import_module("sim.model.timing").estimate(image, image.config, latency)
