"""Networks of workloads, pruned on calibration data and measured on held-out data."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hw.config import Config
from sim.explore.workloads import run_float_split, run_split
from sim.model.backend import ModelBackend
from sim.networks.codes import sqnr
from sim.networks.network import FloatNetwork
from sim.networks.pruning.groups import column_counts
from sim.networks.pruning.models import Stack, prune_model
from sim.networks.quantizer import quantize
from sim.workloads.workload import Split, Workload

__all__ = ["pruned_rows"]


def pruned_rows(
    workload: Workload, keeps: Sequence[float], config: Config, say: Callable[[str], None]
) -> list[dict]:
    """A row for the network as it was, and one for each share of columns that is kept.

    Parameters
    ----------
    workload : Workload
        What is measured.
    keeps : sequence of float
        Shares of the columns that each block keeps.
    config : Config
        The machine: its lanes say how many rows a block has, and it runs the integers.
    say : function
        Told what happens.

    Raises
    ------
    PackageError, NetworkError
        A file cannot be fetched; a share leaves nothing; the network does not fit the machine.
    """
    case = workload.load(say)
    model = Stack(Path(workload.name), case.network)
    inputs = [{"x": x} for _, x in case.calibration.groups()]
    whole = run_float_split(case.network, case.evaluation)
    rows = []
    for keep in (None, *keeps):
        say(f"pruning {workload.name}")
        network = case.network
        if keep is not None:
            pruned = prune_model(model, inputs, config.units_per_block, keep)
            network = FloatNetwork(layers=tuple(pruned.lstm_layers.values()))
        h = run_float_split(network, case.evaluation)
        integer = quantize(network, case.calibration.x, lengths=case.calibration.lengths)
        h_integer, done = run_split(integer, case.evaluation, ModelBackend(config))
        untimed = ModelBackend(config, timed=False)
        _, streamed = run_split(integer, case.evaluation, untimed, resident=False)
        scores = [case.score(each, case.evaluation).value for each in (h, h_integer)]
        rows.append(
            {
                "workload": workload.name,
                "keep": keep,
                "zero_share": _zero_share(network, config),
                "metric": workload.metric,
                "score": scores[0],
                "score_int8": scores[1],
                "sqnr_db": None if keep is None else _ratio(whole, h, case.evaluation),
                "sqnr_int8_db": _ratio(whole, h_integer, case.evaluation),
                **_costs(done, streamed),
            }
        )
    return rows


def _costs(done: dict, streamed: dict) -> dict:
    """What a step takes: bytes if all weights are streamed, cycles if those that fit stay."""
    steps = done["steps"]
    return {
        "macs_per_step": done["macs_done"] / steps,
        "bytes_per_step": streamed["weight_bytes"] / steps,
        "cycles_per_step": None if done["cycles"] is None else done["cycles"] / steps,
    }


def _zero_share(network: FloatNetwork, config: Config) -> float:
    counts = [
        column_counts(lstm.W, lstm.R, config.units_per_block)
        for layer in network.layers
        for lstm in layer.directions
    ]
    groups, zero = (sum(each) for each in zip(*counts, strict=True))
    return zero / groups


def _ratio(truth: np.ndarray, h: np.ndarray, split: Split) -> float:
    """Signal-to-noise ratio of the valid steps, in dB."""
    valid = np.arange(h.shape[1]) < split.lengths[:, None]
    return sqnr(truth[valid], h[valid])
