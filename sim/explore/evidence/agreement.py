"""Exact delta against normal mode, and the gates against the model, on a workload's own data."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from hw.config import Config
from sim.explore.hardware import Simulation
from sim.explore.running import precision
from sim.explore.workloads import quantize_case
from sim.image.compile import compile_network
from sim.image.modes import NORMAL, LayerModes, Modes
from sim.image.weights import part_beats
from sim.model.backend import ModelBackend
from sim.model.counts import Counts
from sim.model.result import Result
from sim.networks.network import IntegerNetwork
from sim.networks.quantizer import to_codes
from sim.workloads.workload import Workload

__all__ = ["agrees", "compare_backends", "compare_workload"]

_MODES = {"normal": NORMAL, "delta": Modes(layers=(LayerModes(mode="delta", zero_skip=True),))}
_CYCLES = 4_000_000
"""Cycles of a normal run that are simulated at the most: minutes for the large network."""
_TIME = 0.02
"""Share by which the model's cycles may be off, where weights are streamed."""


def agrees(row: dict) -> bool:
    """Whether a row of ``compare_workload`` is as it must be."""
    off = abs(row["model_cycles"] - row["cycles"])
    return (
        row["bits_unlike_normal"] == row["bits_unlike_model"] == row["counters_unlike_model"] == 0
        and off <= _TIME * row["cycles"]
    )


def compare_workload(
    workload: Workload,
    config: Config,
    latency: int,
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> list[dict]:
    """Run the beginning of the first held-out sequence in compiled gates: a row for each mode.

    Parameters
    ----------
    workload : Workload
        What runs.
    config : Config
        The machine.
    latency : int
        Cycles from a read address to its first beat.
    say, progress
        Told what happens, and how far a simulation is.

    Raises
    ------
    PackageError, NetworkError, ToolError
        A file cannot be fetched; the network does not fit; a tool is missing.
    """
    case = workload.load(say)
    network, split = quantize_case(case, **precision(config)), case.evaluation
    steps = min(int(split.lengths[0]), max(2, _CYCLES // _dense_cycles(network, config)))
    x = to_codes(split.x[:1, :steps], network.layers[0].directions[0].x)
    hardware = Simulation(config, latency, say, progress)
    rows = compare_backends(network, x, hardware, ModelBackend(config, latency))
    return [{"workload": workload.name, "config": config.name, **row} for row in rows]


def _dense_cycles(network: IntegerNetwork, config: Config) -> int:
    """Cycles of a step that multiplies every column, of lanes and bus."""
    total = 0
    for placement in compile_network(network, config, steps=1, sequences=1).placements:
        fields = placement.fields
        blocks = config.blocks(fields["hidden_size"])
        streamed = blocks - fields["resident_blocks"]
        sizes = fields["input_size"], fields["hidden_size"]
        for size, beats in zip(sizes, part_beats(fields), strict=True):
            total += max(blocks, streamed * beats) * size
    return total


def compare_backends(network: IntegerNetwork, x: np.ndarray, hardware, model) -> list[dict]:
    """Figures of each mode: bits and counters that differ, and cycles of both backends."""
    rows, normal = [], None
    for name, modes in _MODES.items():
        result = hardware.run(network, x, modes=modes)
        expected = model.run(network, x, modes=modes)
        normal = normal or result
        rows.append(
            {
                "mode": name,
                "steps": result.counts.steps,
                "bits": 8 * result.h.size,
                "bits_unlike_normal": _unlike(result, normal),
                "bits_unlike_model": _unlike(result, expected),
                "counters_unlike_model": _counters_unlike(result.counts, expected.counts),
                "macs_avoided": result.counts.macs_avoided,
                "cycles": result.cycles,
                "model_cycles": expected.cycles,
            }
        )
    return rows


def _unlike(one: Result, other: Result) -> int:
    """Bits of ``h``, and of the final states, that differ."""
    pairs = [(one.h, other.h)]
    for mine, theirs in zip(one.states, other.states, strict=True):
        pairs += [(mine.h, theirs.h), (mine.c, theirs.c)]
    return sum(int(np.unpackbits(a.view(np.uint8) ^ b.view(np.uint8)).sum()) for a, b in pairs)


def _counters_unlike(one: Counts, other: Counts) -> int:
    """Counters that differ: bytes of the bus, and all of each mode."""
    pairs = [(one.read_bytes, other.read_bytes), (one.write_bytes, other.write_bytes)]
    for mine, theirs in zip(one.modes, other.modes, strict=True):
        pairs += zip(asdict(mine).values(), asdict(theirs).values(), strict=True)
    return sum(a != b for a, b in pairs)
