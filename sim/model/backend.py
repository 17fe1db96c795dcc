"""The model as a backend: the same call and the same result as the hardware's."""

from collections.abc import Sequence

import numpy as np

from hw.config import Config
from sim.image.image import State
from sim.image.last_run import LastRun
from sim.image.modes import LayerModes, Modes
from sim.image.options import RunOptions
from sim.model.counts import count_directions, left_out
from sim.model.network import Model, Outputs
from sim.model.result import Result
from sim.model.timing.columns import columns_of
from sim.model.timing.estimate import estimate
from sim.model.work import work_of
from sim.networks.network import IntegerNetwork

__all__ = ["ModelBackend"]


class ModelBackend:
    """Runs networks on the NumPy model of one configuration.

    The last network stays prepared, so that running it again costs only the run; and what its last
    run left stays, for a run with ``resume`` to go on from.

    Parameters
    ----------
    config : Config
        The machine that counts and cycles are stated for.
    latency : int
        Cycles from a read address to its first beat, as the cycle estimate assumes.
    timed : bool
        Whether results have cycles. Where weights are streamed, following the bus takes ten times
        as long as the values.
    """

    name = "model"

    def __init__(self, config: Config, latency: int = 1, *, timed: bool = True):
        self.config = config
        self.latency = latency
        self.timed = timed
        self._model = None
        self._last = LastRun(config)
        self._kept = ()

    def sibling(self) -> "ModelBackend":
        """A backend like this one that has not run yet: what each keeps is its own."""
        return ModelBackend(self.config, self.latency, timed=self.timed)

    def run(
        self,
        network: IntegerNetwork,
        x: np.ndarray,
        *,
        trace: bool = False,
        work: bool = False,
        **options,
    ) -> Result:
        """Result for int8 ``x`` ``[sequences, steps, I]``.

        ``options`` are those of ``RunOptions``; with ``trace`` the result says what each step did,
        and with ``work`` what it gave the parts of the machine to do.
        """
        options = RunOptions(**options)
        image = self._last.compile(network, x, options)
        kept = self._kept if options.resume else None
        self._last.begin()
        outputs = self._prepared(network).run(
            x, options.initial, options.modes, trace=trace or work, kept=kept
        )

        def columns():
            return columns_of(image, x, outputs.layers, outputs.activity, kept)

        cycles, stalls = None, None
        # There is no model of the time of groups of steps.
        if self.timed and not any(placement.fields["lookahead"] for placement in image.placements):
            cycles, stalls = estimate(image, image.config, self.latency, columns())
        self._kept = outputs.kept
        self._last.end(image, network, options)
        each, done = count_directions(image, outputs.activity, columns()), None
        counts = sum(each[1:], start=each[0])
        if work:
            done = work_of(image, x, outputs.layers, outputs.activity, counts, kept)
        return Result(
            h=outputs.h,
            states=outputs.states if options.stores(self.config) else (),
            counts=counts,
            left_out=left_out(image, each),
            cycles=cycles,
            stall_cycles=stalls,
            weight_bits=image.weight_bits,
            lanes=self.config.lanes,
            config=self.config.name,
            backend=self.name,
            trace=outputs.activity if trace else (),
            layers=outputs.layers if trace else (),
            work=done,
        )

    def outputs(
        self,
        network: IntegerNetwork,
        x: np.ndarray,
        initial: Sequence[State | None] | None = None,
        modes: Modes | LayerModes | Sequence[LayerModes] | None = None,
        *,
        trace: bool = False,
    ) -> Outputs:
        """Values and events alone, without a memory or a clock; arguments as of ``Model.run``."""
        return self._prepared(network).run(x, initial, modes, trace=trace)

    def _prepared(self, network: IntegerNetwork) -> Model:
        if self._model is None or self._model.network is not network:
            self._model = Model(network, self.config)
        return self._model
