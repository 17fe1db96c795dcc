"""What a run reports."""

import json
from dataclasses import replace

import numpy as np

from sim.model.counts import Counts, ModeCounts
from sim.model.result import Result, share

RESULT = Result(
    h=np.zeros((1, 2, 3), np.int8),
    states=(),
    counts=Counts(
        read_bytes=512,
        write_bytes=16,
        modes=(
            ModeCounts(steps=1, events_x=4, events_h=3, macs_done=84, weight_bytes=56),
            ModeCounts(
                steps=2,
                events_x=4,
                events_h=3,
                macs_done=84,
                macs_avoided=84,
                weight_bytes=56,
                weight_bytes_avoided=56,
            ),
            ModeCounts(),
            ModeCounts(steps=1, macs_avoided=84, weight_bytes_avoided=56),
        ),
    ),
    cycles=42,
    stall_cycles={"load": 1},
    weight_bits=(4, 8),
    lanes=8,
    config="tiny",
    backend="rtl",
)


def test_utilisation_is_products_done_over_products_possible():
    assert RESULT.utilisation == 0.5
    assert replace(RESULT, cycles=None).utilisation is None


def test_a_report_holds_the_figures_and_can_be_written():
    report = json.loads(json.dumps(RESULT.report()))
    modes = report.pop("modes")
    assert report == {
        "backend": "rtl",
        "config": "tiny",
        "lanes": 8,
        "steps": 4,
        "cycles": 42,
        "utilisation": 0.5,
        "events_x": 8,
        "events_h": 6,
        "macs_done": 168,
        "macs_avoided": 168,
        "macs_avoided_share": 0.5,
        "weight_bits": [4, 8],
        "weight_bytes": 112,
        "weight_bytes_avoided": 112,
        "weight_bytes_avoided_share": 0.5,
        "dram_read_bytes": 512,
        "dram_write_bytes": 16,
        "stall_cycles": {"load": 1},
        "mode_steps": {"normal": 1, "delta": 2, "skip": 1},
    }
    assert list(modes) == ["normal", "delta", "skip"]
    assert modes["skip"] == {
        "steps": 1,
        "events_x": 0,
        "events_h": 0,
        "macs_done": 0,
        "macs_avoided": 84,
        "weight_bytes": 0,
        "weight_bytes_avoided": 56,
    }


def test_a_share_of_nothing_is_unknown():
    assert share(0, 0) is None
    assert share(1, 3) == 0.25


def test_a_machine_with_maps_says_why_products_were_left_out():
    reasons = {"no_event": 100, "zero_columns": 68}
    report = replace(RESULT, left_out=reasons).report()
    assert report["macs_avoided_no_event"] == 100
    assert report["macs_avoided_zero_columns"] == 68
    assert set(report) - set(RESULT.report()) == {f"macs_avoided_{why}" for why in reasons}
