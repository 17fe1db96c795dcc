"""Workloads in floating point and in integers: what quantisation costs on held-out data."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from hw.config import Config
from sim.explore.machine_values import values_of
from sim.explore.reports import merge_reports
from sim.explore.running import precision
from sim.model.result import Result
from sim.networks.float_lstm import run_float
from sim.networks.network import FloatNetwork, IntegerNetwork
from sim.networks.quantizer import from_codes, quantize, to_codes
from sim.workloads.scores import Score
from sim.workloads.workload import Case, Split, Workload

__all__ = [
    "measure_workload",
    "quantize_case",
    "run_float_split",
    "run_results",
    "run_split",
    "workload_rows",
]


def workload_rows(workloads) -> list[dict]:
    """What each workload is, ready for a table."""
    return [
        {
            "name": workload.name,
            "summary": workload.summary,
            "metric": workload.metric,
            "source": workload.source,
            "licence": workload.licence,
        }
        for workload in workloads
    ]


def quantize_case(case: Case, by: Callable = quantize, **bits: int) -> IntegerNetwork:
    """The case's network in integers, calibrated on its calibration split without the padding.

    ``bits`` are ``weight_bits``, ``activation_bits`` and ``row_scales`` of ``quantize``, and ``by``
    is that or what gives the same.
    """
    split = case.calibration
    return by(case.network, split.x, lengths=split.lengths, **bits)


def run_float_split(network: FloatNetwork, split: Split) -> np.ndarray:
    """Float32 outputs ``[sequences, time, H]``, padded."""
    return split.run(lambda x: run_float(network, x, dtype=np.float32)[0])


def run_split(network: IntegerNetwork, split: Split, backend, **options) -> tuple[np.ndarray, dict]:
    """Outputs ``[sequences, time, H]`` in floating point, padded, and the report of a backend.

    Sequences of equal length run together, so that no padding is computed or counted. Parameters
    and weights are loaded with each of these groups.

    Parameters
    ----------
    network : IntegerNetwork
        What runs.
    split : Split
        What it runs on.
    backend
        What it runs on: ``make_backend``.
    options
        Of each run: ``RunOptions``.
    """
    h, results = run_results(network, split, backend, **options)
    return h, merge_reports([result.report() for result in results])


def run_results(
    network: IntegerNetwork, split: Split, backend, **options
) -> tuple[np.ndarray, list[Result]]:
    """As ``run_split``, with the result of each group of equal length."""
    first, last = network.layers[0].directions[0], network.layers[-1].directions[0]
    results = []

    def run(x: np.ndarray) -> np.ndarray:
        result = backend.run(network, to_codes(x, first.x), **options)
        results.append(result)
        return from_codes(result.h, last.h)

    return split.run(run), results


def measure_workload(
    workload: Workload,
    backend,
    say: Callable[[str], None],
    weight_bits: int | None = None,
) -> dict:
    """Figures of a workload on its held-out split, ready for JSON.

    Parameters
    ----------
    workload : Workload
        What is measured.
    backend
        What runs the integer network: ``make_backend``.
    say
        Told what happens.
    weight_bits : int or None
        Bits of the integer network's weights; those of the configuration when None.

    Raises
    ------
    PackageError, NetworkError
        A file cannot be fetched; the network does not fit the configuration.
    """
    bits = precision(backend.config, weight_bits)
    case = workload.load(say)
    split = case.evaluation
    say("running in floating point")
    scores = {"float": case.score(run_float_split(case.network, split), split)}
    say("running in integers")
    h, report = run_split(quantize_case(case, **bits), split, backend)
    scores[f"int{bits['weight_bits']}"] = case.score(h, split)
    return {
        "workload": workload.name,
        "metric": workload.metric,
        "scores": [_score_row(workload, name, score) for name, score in scores.items()],
        "sequences": len(split.lengths),
        "steps": report["steps"],
        "macs": report["macs_done"],
        "macs_per_step": report["macs_done"] / report["steps"],
        "report": _with_clock(report, backend.config),
        "config": values_of(backend.config),
    }


def _score_row(workload: Workload, name: str, score: Score) -> dict:
    values = asdict(score)
    return {"run": name, workload.metric: values.pop("value"), **values}


def _with_clock(report: dict, config: Config) -> dict:
    return {**report, "clock_mhz": config.clock_mhz}
