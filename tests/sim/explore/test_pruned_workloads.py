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
