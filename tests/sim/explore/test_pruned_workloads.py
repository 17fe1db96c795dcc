from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.pruned_workloads import pruned_rows
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.workloads.scores import Score
from sim.workloads.workload import Case, Workload, pad


@pytest.fixture
def workload():
    """A random network, on sequences of several lengths behind which there is no zero."""
    rng = np.random.default_rng(3)
    lstm = FloatLstm(
        W=rng.normal(0, 0.5, (4, 8, 3)).astype(np.float32),
        R=rng.normal(0, 0.5, (4, 8, 8)).astype(np.float32),
        bias=rng.normal(0, 0.2, (4, 8)).astype(np.float32),
    )
    splits = [
        pad([rng.normal(size=(4 + number % 5, 3)) for number in range(60)], np.zeros(60))
        for _ in range(2)
    ]
    case = Case(
        network=FloatNetwork(layers=(FloatLayer(directions=(lstm,)),)),
        calibration=splits[0],
        evaluation=splits[1],
        score=lambda h, _: Score(value=float(h[0, 0, 0]), standard_error=0.0, examples=1),
    )
    about = dict.fromkeys(("summary", "source", "licence"), "")
    return Workload(
        name="toy", metric="first", members=(), prepare=lambda paths, say: case, **about
    )


def test_a_row_says_what_is_left_of_the_network(workload):
    rows = pruned_rows(workload, (0.8, 0.4), CONFIGS["tiny"], lambda text: None)
    assert [row["keep"] for row in rows] == [None, 0.8, 0.4]
    # Nine and four columns of eleven.
    assert [row["zero_share"] for row in rows] == [0, 2 / 11, 7 / 11]
    ratios = [row["sqnr_db"] for row in rows]
    assert ratios[0] is None and ratios[1] > ratios[2] > 0
    assert rows[0]["sqnr_int8_db"] > 30
    for row in rows[1:]:
        assert abs(row["sqnr_int8_db"] - row["sqnr_db"]) < 3
    assert len({row["score"] for row in rows}) == 3


def test_a_machine_with_a_map_does_what_is_left(workload):
    plain, mapped = (
        pruned_rows(workload, (0.4,), replace(CONFIGS["tiny"], map_words=words), lambda text: None)
        for words in (0, 64)
    )
    dense = 4 * 8 * 11, 4 * 11 * 8
    assert [(row["macs_per_step"], row["bytes_per_step"]) for row in plain] == [dense] * 2
    assert (mapped[0]["macs_per_step"], mapped[0]["bytes_per_step"]) == dense
    macs, read = mapped[1]["macs_per_step"], mapped[1]["bytes_per_step"]
    # Four columns of eleven, and at most two more in each block, the last of x and of h.
    assert 4 / 11 * dense[0] <= macs <= 6 / 11 * dense[0]
    assert read / dense[1] == macs / dense[0]
    for name in ("score", "score_int8", "sqnr_int8_db"):
        assert [row[name] for row in mapped] == [row[name] for row in plain]
