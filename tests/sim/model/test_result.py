"""What a run reports."""

import json
from dataclasses import replace

import numpy as np

from sim.model.counts import Counts
from sim.model.result import Result

RESULT = Result(
    h=np.zeros((1, 2, 3), np.int8),
    states=(),
    counts=Counts(
        steps=2,
        events_x=8,
        events_h=6,
        macs_done=168,
        macs_avoided=0,
        read_bytes=512,
        write_bytes=16,
        mode_normal=2,
    ),
    cycles=42,
    stall_cycles={"load": 1},
    lanes=8,
    config="tiny",
    backend="rtl",
)


def test_utilisation_is_products_done_over_products_possible():
    assert RESULT.utilisation == 0.5
    assert replace(RESULT, cycles=None).utilisation is None


def test_a_report_holds_the_figures_and_can_be_written():
    report = json.loads(json.dumps(RESULT.report()))
    assert report == {
        "backend": "rtl",
        "config": "tiny",
        "lanes": 8,
        "steps": 2,
        "cycles": 42,
        "utilisation": 0.5,
        "events_x": 8,
        "events_h": 6,
        "macs_done": 168,
        "macs_avoided": 0,
        "dram_read_bytes": 512,
        "dram_write_bytes": 16,
        "stall_cycles": {"load": 1},
        "mode_steps": {"normal": 2},
    }
