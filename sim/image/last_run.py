"""What a machine holds of its last run, and whether a run can go on from it."""

from dataclasses import dataclass

import numpy as np

from hw.config import Config
from sim.image.compile import compile_run
from sim.image.image import Image
from sim.image.modes import LayerModes, Modes
from sim.image.options import RunOptions
from sim.networks.network import IntegerNetwork, NetworkError, code_type

__all__ = ["LastRun"]

_THRESHOLDS = ("x_threshold", "h_threshold", "skip_distance", "middle_distance")
"""Descriptor fields of modes that may change from a run to one that goes on from it."""


@dataclass(frozen=True)
class _Done:
    """A run that ended well."""

    image: Image
    network: IntegerNetwork
    options: RunOptions
    sequences: int
    modes: tuple[LayerModes, ...]


class LastRun:
    """Compiles the runs of one machine, and refuses those that would go on from nothing.

    The last image is kept, so that runs of the same network, length and options, whose states are
    not given, are compiled once.

    Parameters
    ----------
    config : Config
        The machine.
    """

    def __init__(self, config: Config):
        self._config = config
        self._dtype = code_type(config.act_width)
        self._done: _Done | None = None
        self._why = "nothing has run yet"
        self._key, self._image = None, None

    def compile(self, network: IntegerNetwork, x: np.ndarray, options: RunOptions) -> Image:
        """The image of a run on codes ``x`` ``[sequences, steps, I]``.

        Raises
        ------
        NetworkError
            The run cannot be, or cannot go on from the last one.
        """
        modes = Modes.of(options.modes).for_layers(len(network.layers))
        if options.resume:
            self._check(network, options, modes)
        if options.initial is not None:
            return compile_run(network, x, self._config, options)
        key = (x.shape, options.resident, options.load, options.store_state, options.resume, modes)
        known = self._image is not None and self._image[0] is network and self._key == key
        if not known or x.dtype != self._dtype or self._config.act_width < 8:
            self._image = network, compile_run(network, x, self._config, options)
            self._key = key
        return self._image[1]

    @property
    def image(self) -> Image | None:
        """What ran last, if it ended well."""
        return None if self._done is None else self._done.image

    def begin(self) -> None:
        """A run begins: should it not end, nothing can go on from it."""
        self.forget("the last run failed")

    def end(self, image: Image, network: IntegerNetwork, options: RunOptions) -> None:
        """The run has ended well."""
        modes = Modes.of(options.modes).for_layers(len(network.layers))
        self._done = _Done(image, network, options, image.sequences, modes)

    def forget(self, why: str) -> None:
        """The machine holds nothing any more, for this reason."""
        self._done, self._why = None, why

    def _check(self, network: IntegerNetwork, options: RunOptions, modes: tuple[LayerModes, ...]):
        done = self._done
        why = self._why if done is None else None
        if done is not None and done.network is not network:
            why = "the last run was of another network"
        if why is not None:
            raise NetworkError(
                f"there is no run to go on from: {why}; the first run of a network must be one "
                f"without resume"
            )
        if done.sequences != 1:
            raise NetworkError(
                f"a resumed run goes on from a run of one sequence, and the last run had "
                f"{done.sequences}"
            )
        if options.resident != done.options.resident:
            raise NetworkError(
                f"resident must be {done.options.resident} as in the run that is resumed, not "
                f"{options.resident}: the weights are where that run put them"
            )
        for k, (now, then) in enumerate(zip(modes, done.modes, strict=True)):
            names = _changed(now, then)
            if names:
                raise NetworkError(
                    f"a resumed run may change thresholds only, and in layer {k} {names[0]} is not "
                    f"as in the run before"
                )


def _changed(now: LayerModes, then: LayerModes) -> list[str]:
    """What is not the same but must be, of the descriptor's fields and of levels."""
    before, fields = then.fields(), now.fields()
    names = [name for name in fields if name not in _THRESHOLDS and fields[name] != before[name]]
    levels = ("delta_level", "reduced_level")
    return names + [name for name in levels if getattr(now, name) != getattr(then, name)]
