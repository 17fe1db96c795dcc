"""What can be chosen for a run of a network, besides the network, its input and the machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from hw.config import Config
from sim.image.check import check_states
from sim.image.image import State
from sim.image.modes import LayerModes, Modes

__all__ = ["RunOptions"]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of ``compile_network`` and of every backend's ``run``.

    Parameters
    ----------
    initial : a State or None for each direction, layer by layer, or None
        States to begin with; None takes those of the network, else zero.
    resident : bool or None
        True keeps all weights in the weight memory, False streams all of them, None keeps as many
        blocks as fit, first layer first.
    load : bool
        Read resident weights and parameters from memory; False where the machine still holds them
        from the run before (parameters of several directions only if it has room for all of them).
    store_state : bool or None
        Write the final states; None where the machine has gates for that.
    modes : Modes, LayerModes, LayerModes of each layer, or None
        How the mode of each step is chosen; None for normal mode.
    resume : bool
        Go on from where the last run on this backend ended, which must have been of this network:
        with its states, sums, references and counts of steps, so that runs of any lengths give
        what one long run gives. Nothing that the machine holds is loaded again, whatever ``load``
        says. Modes must be those of that run but for thresholds.
    """

    initial: Sequence[State | None] | None = None
    resident: bool | None = None
    load: bool = True
    store_state: bool | None = None
    modes: Modes | LayerModes | Sequence[LayerModes] | None = None
    resume: bool = False

    def stores(self, config: Config) -> bool:
        """Whether the final states are written.

        Raises
        ------
        NetworkError
            They are wanted, and ``config`` has no gates for that.
        """
        if self.store_state:
            check_states("final states are to be written", config)
        return config.states if self.store_state is None else self.store_state
