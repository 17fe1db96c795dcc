"""Whole networks on the fast model: layers stacked, directions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw.config import Config
from sim.image.check import check_input
from sim.image.compile import initial_state
from sim.image.image import State
from sim.image.modes import LayerModes, Modes
from sim.model.activity import Activity
from sim.model.approximate import Levels
from sim.model.kept import Kept
from sim.model.lstm import Lstm
from sim.model.plan import StepPlan, Trail, plan_steps
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
    activity : tuple of Activity or None
        What the steps of each direction did, layer by layer; None where each multiplied every
        column and no trace was wanted.
    kept : tuple of Kept
        What each direction keeps for a run that goes on from this one, layer by layer.
    """

    h: np.ndarray
    states: tuple[State, ...]
    layers: tuple[np.ndarray, ...]
    activity: tuple[Activity | None, ...]
    kept: tuple[Kept, ...]


class Model:
    """A network prepared for running; prepare once and run often.

    Parameters
    ----------
    network : IntegerNetwork
        What to compute. A ``NetworkError`` names what does not fit together.
    config : Config or None
        Machine whose multiplier is meant; None for one whose products are exact.
    """

    def __init__(self, network: IntegerNetwork, config: Config | None = None):
        check_integer(network)
        self.network = network
        self.config = config
        self._layers = [
            [Lstm(direction) for direction in layer.directions] for layer in network.layers
        ]

    def run(
        self,
        x: np.ndarray,
        initial: Sequence[State | None] | None = None,
        modes: Modes | LayerModes | Sequence[LayerModes] | None = None,
        *,
        trace: bool = False,
        kept: Sequence[Kept] | None = None,
    ) -> Outputs:
        """Outputs for int8 ``x`` ``[sequences, steps, I]``.

        Parameters
        ----------
        x : int8 [sequences, steps, I]
            The input.
        initial : a State or None for each direction, layer by layer, or None
            States to begin with; None takes those of the network, else zero.
        modes : Modes, LayerModes, LayerModes of each layer, or None
            How modes are chosen; None for normal mode.
        trace : bool
            Tell of every direction what each step did, scores included.
        kept : a Kept for each direction, layer by layer, or None
            What the run before left, to go on from; None begins anew. ``modes`` must be those of
            that run but for thresholds, and no layer may run backward.
        """
        check_input(self.network, x)
        count = sum(len(layer) for layer in self._layers)
        if initial is None:
            initial = [None] * count
        if len(initial) != count:
            raise NetworkError(
                f"initial must hold a state for each of {count} directions, not {len(initial)}"
            )
        given, before = iter(initial), iter(kept or [None] * count)
        states, outputs, activity, ends = [], [], [], []
        settings = Modes.of(modes).for_layers(len(self._layers))
        for layer, layer_modes in zip(self._layers, settings, strict=True):
            halves = []
            for lstm in layer:
                state = initial_state(lstm.direction, next(given), len(x))
                h, end, plan = self._run(lstm, x, state, layer_modes, next(before), trace)
                halves.append(h)
                ends.append(end)
                states.append(end.state)
                activity.append(plan and plan.activity)
            x = halves[0] if len(halves) == 1 else np.concatenate(halves, axis=2)
            outputs.append(x)
        return Outputs(
            h=x,
            states=tuple(states),
            layers=tuple(outputs),
            activity=tuple(activity),
            kept=tuple(ends),
        )

    def _run(
        self,
        lstm: Lstm,
        x: np.ndarray,
        state: State | None,
        modes: LayerModes,
        before: Kept | None,
        trace: bool,
    ) -> tuple[np.ndarray, Kept, StepPlan | None]:
        """``h`` of one direction, what it keeps, and what its steps did."""
        if before is not None:
            state = before.state
        trail, reverse = before and before.trail, lstm.direction.reverse
        levels, plan = self._levels(modes), None
        if trace or levels is not None or not modes.plain:
            zero = lstm.direction.x.zero_point
            fields = modes.fields()
            plan = plan_steps(x, zero, fields, reverse=reverse, scores=trace, before=trail)
        begin = (state.h, state.c) if state else (None, None)
        h, last_h, last_c, carried = lstm.go_on(x, *begin, plan, levels, before and before.carried)
        trail = plan.trail if plan else Trail.of_normal_steps(x, reverse=reverse, before=trail)
        end = Kept(
            state=State(h=last_h, c=last_c),
            trail=trail,
            carried=carried,
            h_threshold=modes.fields()["h_threshold"],
        )
        return h, end, plan

    def _levels(self, modes: LayerModes) -> Levels | None:
        """What a layer multiplies with, where that is not exact."""
        if self.config is not None:
            return Levels.of(modes, self.config)
        for level in (modes.delta_level, modes.reduced_level):
            if level not in (0, "exact"):
                raise NetworkError(f"level {level} needs a configuration that has it")
        return None


def run_network(
    network: IntegerNetwork,
    x: np.ndarray,
    initial: Sequence[State | None] | None = None,
    modes: Modes | LayerModes | Sequence[LayerModes] | None = None,
    config: Config | None = None,
) -> Outputs:
    """:class:`Model` prepared for one run."""
    return Model(network, config).run(x, initial, modes)
