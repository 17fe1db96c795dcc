"""Networks as images of the accelerator's memory, for hosts without Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hw.config import Config
from refrain.networks import Arrays, Network
from refrain.settings import Settings
from sim.explore.machines import make_config
from sim.image.modes import NORMAL

__all__ = ["compile"]


def compile(
    network: Network | str | Path,
    folder: str | Path,
    *,
    config: Config | str = "edge",
    steps: int | None = None,
    sequences: int | None = None,
    settings: Settings | None = None,
    inputs: np.ndarray | None = None,
    calibration: Arrays | None = None,
    node: str | None = None,
    states: tuple[str, ...] = (),
    base: int = 0,
    latency: int = 30,
    weight_bits: int | None = None,
    percentile: float | None = None,
    name: str = "image",
) -> Mapping[str, Any]:
    """Write all that a host needs to run a network without Python; returns the manifest.

    Parameters
    ----------
    network : Network or path
        A file; of a whole model the LSTM layers that follow each other.
    folder : path
        Where to write; it is made if it is not there.
    config : Config or str
        The accelerator, or its name.
    steps, sequences : int or None
        Length of a run; those of ``inputs``, or 16 steps of one sequence, when None.
    settings : Settings or None
        How modes are chosen, as ``tune`` finds them.
    inputs : array [sequences, steps, I] or None
        Input of the test vector; made up when None.
    calibration : array, arrays by name, or None
        What a network in floating point is quantised on.
    node : str or None
        Which LSTM, where there are several.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call.
    base : int
        Address of the first byte; an image at 0 can be moved.
    latency : int
        Cycles from a memory read's address to its first data, for the expected cycles.
    weight_bits, percentile
        As of :func:`run`, for a network that is quantised.
    name : str
        What names of files, and names in the C header, begin with.

    Raises
    ------
    RefrainError
        The network or an option cannot be used.
    OSError
        The folder cannot be written.
    """
    # Here, as they bring what writes the formats with them.
    from sim.explore.compiling.made import Wanted, compile_file
    from sim.explore.compiling.manifest import manifest_of
    from sim.explore.compiling.writing import check_name, file_names, write_compiled

    check_name(name)
    path = network.path if isinstance(network, Network) else Path(network)
    wanted = Wanted(
        config=make_config(config) if isinstance(config, str) else config,
        steps=steps,
        sequences=sequences,
        modes=NORMAL if settings is None else settings,
        x=inputs,
        base=base,
        latency=latency,
        name=path.name,
    )
    made = compile_file(
        path,
        wanted,
        calibration,
        node=node,
        states=states,
        weight_bits=weight_bits,
        percentile=percentile,
    )
    write_compiled(made, Path(folder), name)
    return manifest_of(made, file_names(name))
