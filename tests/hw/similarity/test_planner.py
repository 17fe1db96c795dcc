"""Modes of a plan, against what the whole chooser tells; rows that pass."""

import random

import pytest

from hw.modes import Middle, Mode, Plan
from hw.similarity.chooser import ModeChooser
from hw.similarity.planner import PlanChooser
from hw.similarity.reference import choose_modes


def story(rng, job_of, config, sequences):
    """Inputs cycle by cycle: sequences of random plans, whose queues are taken now and then."""
    rows = []
    for _ in range(sequences):
        fields = {
            "plan": rng.choice([Plan.NORMAL, Plan.MIDDLE]),
            "middle": rng.choice(list(Middle)),
            "normal_every": rng.choice([0, 0, 1, 2, 5]),
            "steps": rng.choice([1, 2, 9]),
            "resume": rng.randrange(2) if config.resume else 0,
            "keeper": rng.randrange(8) if config.resume else 0,
        }
        job = job_of(config, input_size=8, x_head_size=8, **fields)
        # The keepers are read before a sequence starts.
        rows += [{"job": job}, {"job": job}, {"job": job, "start": 1}]
        idle = rng.choice([0, 0.3, 0.8])
        for _ in range(60):
            ports = ("x_modes.ready", "h_modes.ready", "rows.ready", "beats.valid")
            rows.append(
                {"job": job, "start": 0, "beats.payload": rng.getrandbits(64)}
                | {port: rng.random() >= idle for port in ports}
            )
    return rows


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_every_port_does_in_every_cycle_what_it_does_with_scores(play, small, job_of, seed, resume):
    whole = small(resume=resume)
    rows = story(random.Random(seed), job_of, whole, 12)
    rows = [{"x_modes.ready": 0, "h_modes.ready": 0, **row} for row in rows]
    seen, wanted = play(PlanChooser(whole), rows), play(ModeChooser(whole), rows)
    for port in ("x_modes", "h_modes", "rows"):
        for mine, theirs in zip(seen, wanted, strict=True):
            assert mine[f"{port}.valid"] == theirs[f"{port}.valid"]
            if mine[f"{port}.valid"]:
                assert mine[f"{port}.payload"] == theirs[f"{port}.payload"]
    assert [row["beats.ready"] for row in seen] == [row["beats.ready"] for row in wanted]


def test_modes_match_the_definition(play, small, job_of):
    config, fields = small(scores=False), {"plan": Plan.MIDDLE, "normal_every": 3}
    job = job_of(config, input_size=8, x_head_size=8, steps=10, **fields)
    taking = {"x_modes.ready": 1, "h_modes.ready": 1}
    seen = play(PlanChooser(config), [{"job": job, "start": 1}, *[{"start": 0, **taking}] * 20])
    told = [row["x_modes.payload"] for row in seen if row["x_modes.valid"]]
    behind = [row["h_modes.payload"] for row in seen if row["h_modes.valid"]]
    assert told == choose_modes([[0] * 8] * 10, fields)
    assert behind == [*told[1:], Mode.SKIP]
