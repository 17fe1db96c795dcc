"""What a point gives: accuracy, work, bytes and time. A pure function of the point."""

import json
from collections import OrderedDict
from math import isfinite

import numpy as np

from hw.config import Config
from sim.explore.sweep.points import Point
from sim.explore.sweep.ran import Call, Ran, functional, ran
from sim.explore.sweep.subjects import Subject
from sim.image.compile import compile_network
from sim.image.image import Placement
from sim.image.maps import resident_bytes
from sim.image.memory import align
from sim.image.modes import Modes
from sim.image.weights import part_beats
from sim.model.backend import ModelBackend
from sim.model.work import LOAD, WORK
from sim.networks.network import NetworkError
from sim.workloads.workload import Case

__all__ = ["FIGURES", "measure"]

FIGURES = {
    "metric": ("", "what the score is"),
    "score": ("", "on the held-out data, by the bit-exact model"),
    "standard_error": ("", "of the score, over the choice of examples"),
    "lower_is_better": ("", "whether less of the score is better"),
    "examples": ("", "how many were scored"),
    "macs": ("a step", "products of all LSTM layers, mean over the held-out steps, counted"),
    "bytes": ("B a step", "weights that the lanes take; read from DRAM if all are streamed"),
    "dram_read_bytes": ("B a step", "streamed weights and rows of x, resident ones loaded before"),
    "dram_write_bytes": ("B a step", "rows of h"),
    "sram_bytes": ("B a step", "weight memory: words that lanes read, and streamed words written"),
    "resident_share": ("", "share of weights that stay in the weight memory"),
    "load_bytes": ("B", "read once, before the first step: parameters and resident weights"),
    "cycles": ("a step", "model of time on the first held-out steps, ideal memory"),
    "work": ("a step", "what is done in the timed steps, as JSON: what energy is estimated from"),
    "step_us": ("us", "cycles at the configuration's clock: latency of a step among others"),
    "steps_per_s": ("1/s", "steps in a second at the configuration's clock"),
    "macs_avoided_share": ("", "products that a dense run does and this one did not"),
    "bytes_avoided_share": ("", "the same of bytes"),
}
"""Names of what is measured, each with its unit and where it comes from."""

_KEPT_RUNS = 4

_runs: OrderedDict[tuple, Ran] = OrderedDict()
"""The last runs of this process: machines of many sizes share one."""


def measure(subject: Subject, point: Point, case: Case | None = None) -> dict:
    """The figures of a point, ready for JSON.

    Parameters
    ----------
    subject : Subject
        What it is measured on.
    point : Point
        What is measured.
    case : Case or None
        That of a workload, where it is at hand.

    Raises
    ------
    NetworkError, ConfigError
        The network does not fit the machine, or the data not the network.
    """
    name = (subject.key, *functional(point))
    if name not in _runs:
        _runs[name] = ran(subject, point, case)
        while len(_runs) > _KEPT_RUNS:
            _runs.popitem(last=False)
    _runs.move_to_end(name)
    done = _runs[name]
    error = done.score.standard_error
    return {
        "metric": subject.score_name,
        "score": done.score.value,
        "standard_error": error if isfinite(error) else None,
        "lower_is_better": done.score.lower,
        "examples": done.score.examples,
        **_traffic(done, point.config, point.modes()),
        **_time(done.calls, point.config),
    }


def _traffic(done: Ran, config: Config, modes: Modes) -> dict:
    """MACs and bytes of a step, counted."""
    total = dict.fromkeys(
        ("macs", "bytes", "read", "write", "sram", "dense", "dense_bytes", "resident", "load"), 0.0
    )
    for steps in done.steps:
        image = compile_network(steps.network, config, steps=1, sequences=1, modes=modes)
        for placement, events in zip(image.placements, steps.events, strict=True):
            for name, value in _direction(placement, events.mean(axis=1), config).items():
                total[name] += value
    return {
        "macs": total["macs"],
        "bytes": total["bytes"],
        "dram_read_bytes": total["read"],
        "dram_write_bytes": total["write"],
        "sram_bytes": total["sram"],
        "resident_share": total["resident"] / total["dense_bytes"],
        "load_bytes": total["load"],
        "macs_avoided_share": 1 - total["macs"] / total["dense"],
        "bytes_avoided_share": 1 - total["bytes"] / total["dense_bytes"],
    }


def _direction(placement: Placement, events: np.ndarray, config: Config) -> dict[str, float]:
    """What a step of one direction does, of so many columns of x and of h on average."""
    fields, beat = placement.fields, config.bus_bytes
    inputs, hidden = fields["input_size"], fields["hidden_size"]
    blocks, resident = config.blocks(hidden), fields["resident_blocks"]
    # Words of x and of h may differ in length.
    words = float(events @ part_beats(fields)) * beat
    head = fields["x_head_size"]
    row = sum(align(config.code_bytes * part, beat) for part in (head, inputs - head))
    streamed = (blocks - resident) * words
    dense = blocks * config.column_bytes * (inputs + hidden)
    return {
        "macs": 4 * hidden * float(events.sum()),
        "bytes": blocks * words,
        "read": streamed + row,
        "write": align(config.code_bytes * hidden, beat),
        "sram": blocks * words + streamed,
        "dense": 4 * hidden * (inputs + hidden),
        "dense_bytes": dense,
        "resident": dense * resident / blocks,
        "load": fields["load_weights"] * resident_bytes(fields, config),
    }


def _time(calls: tuple[Call, ...], config: Config) -> dict:
    """Cycles and work of a step of all layers, and what follows at the configuration's clock."""
    backends, spent, done = {}, {}, {}
    for call in calls:
        backend = backends.setdefault(call.stream, ModelBackend(config))
        options = {**call.options, "work": True}
        try:
            result = backend.run(call.network, call.x, **options)
        except NetworkError:
            if not options.get("resume"):
                raise
            # This machine has no place for the state; its step takes as long from another one.
            fresh = {name: value for name, value in options.items() if name != "resume"}
            result = backend.run(call.network, call.x, **fresh)
        if result.cycles is None:
            return dict.fromkeys(("cycles", "work", "step_us", "steps_per_s"))
        cycles, steps = spent.get(id(call.network), (0, 0))
        cycles += result.cycles - result.stall_cycles["load"]
        spent[id(call.network)] = cycles, steps + call.x.shape[0] * call.x.shape[1]
        done.setdefault(id(call.network), []).append(result.work)
    step = sum(cycles / steps for cycles, steps in spent.values())
    us = step / config.clock_mhz
    work = {name: sum(_of_steps(done[k], name) / spent[k][1] for k in done) for name in WORK}
    work["cycle"] = step
    return {"cycles": step, "work": json.dumps(work), "step_us": us, "steps_per_s": 1e6 / us}


def _of_steps(runs: list[dict], name: str) -> float:
    """What is counted in the steps of runs, without their loads."""
    return sum(row[name] for rows in runs for key, row in rows.items() if key != LOAD)
