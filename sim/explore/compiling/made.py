"""An image, its test vector and all that is known of both."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hw.config import Config
from sim.explore.compiling.choosing import choose_network
from sim.explore.compiling.relocating import Relocation, check_base, find_relocations, relocate
from sim.explore.files import codes
from sim.image.compile import compile_network
from sim.image.image import Image
from sim.image.modes import NORMAL, LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.networks.network import IntegerNetwork, NetworkError, Quantization

__all__ = ["STEPS", "Made", "Wanted", "compile_file", "compile_integer"]

STEPS = 16
"""Steps of a sequence, unless told."""
_SEED = 1
_SHARE = 0.3
"""Share of the values of a row that move from step to step, in an input that is made up."""
_FAR = 9
"""Codes of 8 bits by which they move, at most."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an image is to be like.

    Members
    -------
    config : Config
        The machine.
    steps, sequences : int or None
        Of each run; those of ``x``, or 16 steps of one sequence, when None.
    modes : Modes
        How the mode of each step is chosen.
    x : array [sequences, steps, I] or None
        Input of the test vector, codes or floating point; made up when None.
    base : int
        Address of the first byte.
    latency : int
        Cycles from a memory read's address to its first data, for the expected cycles.
    name : str
        Of the network, for people.
    """

    config: Config
    steps: int | None = None
    sequences: int | None = None
    modes: Modes = NORMAL
    x: np.ndarray | None = None
    base: int = 0
    latency: int = 30
    name: str = "network"


@dataclass(frozen=True, kw_only=True)
class Made:
    """An image with its test vector.

    Members
    -------
    wanted : Wanted
        What was asked for.
    image : Image
        Addresses in it are from 0 on.
    data : bytes
        Its bytes for ``wanted.base``: descriptors, parameters, weights and initial states.
    relocations : tuple of Relocation
        Words of ``data`` that are addresses.
    modes : tuple of LayerModes
        Of each layer.
    x : codes [sequences, steps, I]
        Input of the test vector.
    h : codes [sequences, steps, sum of H]
        Output that the bit-exact model gives for it.
    cycles : int or None
        What the model expects; None where it has no model of the time.
    resumed : tuple of int
        First words of the descriptors of a run that goes on from the one before; empty where none
        can.
    why_not_resumed : str or None
        Why none can.
    """

    wanted: Wanted
    image: Image
    data: bytes
    relocations: tuple[Relocation, ...]
    modes: tuple[LayerModes, ...]
    x: np.ndarray = field(repr=False)
    h: np.ndarray = field(repr=False)
    cycles: int | None
    resumed: tuple[int, ...]
    why_not_resumed: str | None


def compile_file(path: Path, wanted: Wanted, samples=None, **choice) -> Made:
    """The image of the network of a file; see ``choose_network`` for ``samples`` and ``choice``.

    Raises
    ------
    NetworkError
        The file holds no such network, or ``compile_integer`` refuses it.
    """
    return compile_integer(choose_network(path, wanted.config, samples, **choice), wanted)


def compile_integer(network: IntegerNetwork, wanted: Wanted) -> Made:
    """The image of an integer network.

    Raises
    ------
    NetworkError
        The network does not fit the machine, the input does not fit the network, or the base
        cannot be.
    """
    if wanted.latency < 1:
        raise NetworkError(f"the memory's latency must be at least 1 cycle, not {wanted.latency}")
    x = _vector(network, wanted)
    sequences, steps = x.shape[:2]
    how = {"steps": steps, "sequences": sequences, "modes": wanted.modes}
    image = compile_network(network, wanted.config, **how)
    check_base(wanted.base, image)
    result = ModelBackend(wanted.config, wanted.latency).run(network, x, modes=wanted.modes)
    relocations = find_relocations(image)
    resumed, why_not = _resumed(network, wanted.config, how)
    return Made(
        wanted=wanted,
        image=image,
        data=relocate(image.data, relocations, wanted.base),
        relocations=relocations,
        modes=wanted.modes.for_layers(len(network.layers)),
        x=x,
        h=result.h,
        cycles=result.cycles,
        resumed=resumed,
        why_not_resumed=why_not,
    )


def _vector(network: IntegerNetwork, wanted: Wanted) -> np.ndarray:
    """The input of the test vector: the given one, else one that is made up."""
    form, size = network.layers[0].directions[0].x, network.layers[0].input_size
    if wanted.x is None:
        steps = STEPS if wanted.steps is None else wanted.steps
        sequences = 1 if wanted.sequences is None else wanted.sequences
        for name, value in (("steps", steps), ("sequences", sequences)):
            if value < 1:
                raise NetworkError(f"there must be at least one of the {name}, not {value}")
        return _made_up((sequences, steps, size), form)
    x = codes(wanted.x, size, form)
    for name, found, told in zip(
        ("sequences", "steps"), x.shape, (wanted.sequences, wanted.steps), strict=False
    ):
        if told not in (None, found):
            raise NetworkError(
                f"the input has {found} {name}, and {told} are asked for: leave out --{name}, or "
                f"give another input"
            )
    return x


def _made_up(shape: tuple[int, int, int], form: Quantization) -> np.ndarray:
    """Rows of codes of which some values move a little from step to step.

    The old generator of NumPy, as its numbers are the same in every version.
    """
    rng, low, high = np.random.RandomState(_SEED), form.low, form.high
    reach = _FAR if form.bits <= 8 else _FAR << form.bits - 8
    sequences, steps, size = shape
    row = rng.randint(low, high + 1, (sequences, size))
    rows = []
    for _ in range(steps):
        rows.append(row)
        moved = rng.random_sample(row.shape) < _SHARE
        far = rng.randint(-reach, reach + 1, row.shape)
        row = np.clip(row + moved * far, low, high)
    return np.stack(rows, axis=1).astype(form.dtype)


def _resumed(
    network: IntegerNetwork, config: Config, how: dict
) -> tuple[tuple[int, ...], str | None]:
    """First descriptor words of a run that goes on, or why there is none."""
    try:
        image = compile_network(network, config, **how, resume=True)
    except NetworkError as error:
        return (), str(error)
    table = np.frombuffer(image.table, "<u4").reshape(len(image.placements), -1)
    return tuple(int(word) for word in table[:, 0]), None
