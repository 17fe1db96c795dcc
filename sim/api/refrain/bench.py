"""The generated machine to be driven by hand: its registers, its memory, its clock."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from boards.driver import Driver
from hw.config import Config
from refrain.networks import Network, opened
from refrain.options import ModeOptions, chosen_config
from sim.explore.settings import choose_modes
from sim.image.compile import compile_run
from sim.image.image import Image
from sim.image.options import RunOptions
from sim.networks.network import IntegerNetwork, NetworkError
from sim.rtl.memory_model import MemoryModel as Memory

if TYPE_CHECKING:
    # Only for types, as it brings the generator of gates with it.
    from sim.rtl.simulator import RtlSimulator

__all__ = ["Driver", "Image", "Memory", "compile_image", "simulator"]


def simulator(
    config: Config | str = "tiny",
    *,
    memory: Memory | None = None,
    size: int = 1 << 24,
    trace: str | Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> "RtlSimulator":
    """The gates of an accelerator, compiled, behind registers and a memory that you drive.

    ``read_register`` and ``write_register`` make cycles on the AXI4-Lite port, at byte addresses;
    :class:`Driver` does the same by names. ``read_memory`` and ``write_memory`` reach the memory
    behind the AXI4 port and take no cycle. ``run(cycles)`` lets the clock run, and
    ``wait_interrupt`` until the interrupt is high. ``stats`` counts cycles and bursts;
    ``violations`` counts broken rules of AXI, of which ``first_violation`` describes the first.

    Parameters
    ----------
    config : Config or str
        The accelerator, or its name. It is generated and compiled unless that was done before.
    memory : Memory or None
        How the memory behaves; without, it answers in the next cycle.
    size : int
        Bytes of memory, zero at first.
    trace : path or None
        A VCD file of every signal, for a wave viewer. Call ``close()`` to finish it.
    say : function of str
        Told what takes long.

    Raises
    ------
    RefrainError
        There is no such configuration, or a tool for compiling is missing or failed.
    """
    # Here, as it brings the generator of gates with it, which nothing else needs.
    from sim.rtl.backend import make_simulator

    chosen = chosen_config(config)
    where = None if trace is None else Path(trace)
    return make_simulator(chosen, memory, say, size=size, trace=where)


def compile_image(
    network: Network | str | Path,
    x: np.ndarray,
    config: Config | str = "tiny",
    **modes: Unpack[ModeOptions],
) -> Image:
    """Memory of a run: descriptors, weights, and where input and output lie.

    Parameters
    ----------
    network : Network or path
        A network in integers: what ``quantize`` saved as ``.tflite``.
    x : array
        int8 ``[sequences, steps, I]``.
    config : Config or str
        The accelerator that is to run it.
    **modes
        See :class:`ModeOptions`; normal mode without.

    Returns
    -------
    Image
        ``data`` goes to address 0, ``pack_x(x)`` to ``x.addr``; ``descriptor``, ``output_base``
        and ``output_limit`` are registers of a start; ``unpack_h`` reads the outputs.

    Raises
    ------
    RefrainError
        The network is not in integers, the input is not one of it, or it does not fit.
    """
    held = opened(network)
    content = held.content
    if not isinstance(content, IntegerNetwork):
        raise NetworkError(
            f"{held.path} is not a network of LSTM layers in integers, which alone has an image: "
            f"save what refrain.quantize gives as a .tflite file and name that"
        )
    chosen = chosen_config(config)
    return compile_run(content, x, chosen, RunOptions(modes=choose_modes(None, modes)))
