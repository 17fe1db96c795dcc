"""Networks run on the integer model, in RTL simulation or on a board."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np

from hw.config import Config
from refrain.networks import Arrays, Network, opened
from refrain.options import ModeOptions, chosen_config
from refrain.settings import Settings
from sim.explore.energy.coefficients import read_coefficients
from sim.explore.energy.counting import Counting
from sim.explore.energy.dram import find_dram
from sim.explore.energy.figures import energy_figures
from sim.explore.running import Run, make_backend, run_file
from sim.explore.settings import choose_modes

__all__ = ["Outcome", "run", "simulate"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out of a run.

    Members
    -------
    outputs : dict of array or list
        By name; LSTM layers alone have one, ``h``. What LSTM layers alone give are int8 values; a
        whole model's outputs are real.
    scales : dict of (float, int)
        Of outputs that are integers: ``scale`` and ``zero_point``, ``real = scale * (integer -
        zero_point)``.
    figures : dict
        Steps, cycles, MACs done and avoided, bytes, and how near outputs are to floating point:
        the report of ``refrain run --json``.
    warnings, notes : tuple of str
        What is far from floating point, and how the inputs were taken.
    """

    outputs: dict[str, Any]
    scales: dict[str, tuple[float, int]]
    figures: dict[str, Any]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def real(self, name: str | None = None) -> np.ndarray:
        """An output as real numbers; the only one without a name.

        Raises
        ------
        KeyError
            There is no such output, or there are several and none is named.
        """
        if name is None:
            if len(self.outputs) != 1:
                raise KeyError(f"name one of the outputs {', '.join(self.outputs)}")
            (name,) = self.outputs
        values = self.outputs[name]
        if name not in self.scales:
            return np.asarray(values)
        scale, zero = self.scales[name]
        return (np.asarray(values, np.float64) - zero) * scale


def run(
    network: Network | str | Path,
    inputs: Arrays,
    *,
    calibration: Arrays | None = None,
    config: Config | str = "edge",
    backend: Literal["model", "rtl", "board"] = "model",
    settings: Settings | None = None,
    states: tuple[str, ...] = (),
    weight_bits: int | None = None,
    percentile: float | None = None,
    quantized: str | Path | None = None,
    latency: int = 30,
    board: str | None = None,
    port: str | None = None,
    energy: str | Path | None = None,
    dram: str = "lpddr4",
    progress: Progress = lambda done, total: None,
    **modes: Unpack[ModeOptions],
) -> Outcome:
    """Run a network on inputs.

    Parameters
    ----------
    network : Network or path
        What ``load`` gave, or a file. One in floating point is quantised first.
    inputs : array or arrays by name
        What a whole model takes; ``[batch, time, I]`` for LSTM layers alone.
    calibration : array, arrays by name, or None
        What a network in floating point is quantised on; None takes ``inputs``.
    config : Config or str
        The accelerator, its name or its file.
    backend : str
        ``model``: the bit-exact NumPy model; ``rtl``: the generated gates, simulated; ``board``:
        a board that is plugged in and flashed, see ``board`` and ``port``.
    settings : Settings or None
        How modes are chosen, as ``tune`` finds them; single options of ``modes`` go before them.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call; guessed without.
    weight_bits : int or None
        Bits of the weights of a network that is quantised; those of the configuration when None.
    percentile : float or None
        Share of the samples' values that the formats cover; None takes what loses least.
    quantized : path or None
        What ``quantize`` wrote for a whole model, to be used as it is.
    latency : int
        Cycles from a memory read's address to its first data.
    board : str or None
        Which of ``boards()``.
    port : str or None
        Its serial port.
    energy : path or None
        What ``refrain silicon --coefficients`` measured of this machine: ``figures["energy"]`` is
        then what the run takes, by part and mode, estimated from counts.
    dram : str
        Whose energy a byte is told beside it: ``lpddr4``, ``lpddr`` or ``ddr3``.
    progress : function of (int, int)
        Told the cycles done and those to be expected, in RTL simulation.
    **modes
        How steps choose their modes: see :class:`refrain.options.ModeOptions`.

    Raises
    ------
    RefrainError
        The network, the inputs or an option cannot be used.
    """
    held = opened(network)
    chosen = chosen_config(config)
    how = choose_modes(None, modes) if settings is None else settings.replace(**modes)
    machine = make_backend(backend, chosen, latency, progress=progress, board=board, port=port)
    find_dram(dram)
    coefficients = None
    if energy is not None:
        coefficients = read_coefficients(Path(energy))
        coefficients.check(machine.config, energy)
        machine = Counting(machine)
    done = run_file(
        held.content,
        inputs,
        calibration,
        machine,
        how,
        weight_bits=weight_bits,
        percentile=percentile,
        quantized=None if quantized is None else Path(quantized),
        states=states,
    )
    outcome = _outcome(done)
    if coefficients is not None:
        outcome.figures["energy"] = energy_figures(outcome.figures, coefficients, dram)
    return outcome


def simulate(network: Network | str | Path, inputs: Arrays, **options: Any) -> Outcome:
    """Run a network on the generated gates, compiled and simulated with a memory.

    Parameters
    ----------
    network : Network or path
        What ``load`` gave, or a file.
    inputs : array or arrays by name
        As of :func:`run`.
    **options
        Those of :func:`run`. The first run of a configuration compiles it.

    Raises
    ------
    RefrainError
        As of ``run``; or a tool for compiling is missing.
    """
    return run(network, inputs, backend="rtl", **options)


def _outcome(done: Run) -> Outcome:
    scales = {name: (form.scale, form.zero_point) for name, form in done.forms.items()}
    return Outcome(
        outputs=dict(done.outputs),
        scales=scales,
        figures=done.figures,
        warnings=done.warnings,
        notes=done.notes,
    )
