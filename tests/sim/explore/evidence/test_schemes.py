import json
from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.evidence import schemes as evidence_module
from sim.explore.evidence.schemes import SCHEMES, Scheme, evidence, published, three_modes
from sim.explore.evidence.table import markdown, shown_row
from sim.image.modes import LayerModes, Modes
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError
from sim.workloads.scores import share_right
from sim.workloads.workload import Case, Workload, last_valid, pad


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(evidence_module, "_TRIALS", 8)
    return tmp_path / "refrain"


def _prepare(paths, say):
    rng = np.random.default_rng(0)
    lstm = FloatLstm(
        W=rng.normal(0, 0.5, (4, 8, 3)).astype(np.float32),
        R=rng.normal(0, 0.5, (4, 8, 8)).astype(np.float32),
        bias=rng.normal(0, 0.2, (4, 8)).astype(np.float32),
    )
    splits = [
        pad([np.cumsum(rng.normal(0, 0.2, (6 + n % 3, 3)), axis=0) for n in range(20)], np.ones(20))
        for _ in range(2)
    ]
    return Case(
        network=FloatNetwork(layers=(FloatLayer(directions=(lstm,)),)),
        calibration=splits[0],
        evaluation=splits[1],
        score=lambda h, s: share_right(last_valid(h, s.lengths)[:, 0] > -1, s.labels),
    )


TOY = Workload(
    name="toy",
    summary="",
    metric="accuracy",
    source="",
    licence="",
    members=(),
    prepare=_prepare,
    config="tiny",
)


def test_every_scheme_is_a_row_with_what_it_saves(cache):
    told = []
    rows = evidence(TOY, replace(CONFIGS["tiny"], row_cycles=1), told.append)
    assert [row["scheme"] for row in rows] == [scheme.name for scheme in SCHEMES]
    assert json.loads(json.dumps(rows)) == rows
    by_name = {row["scheme"]: row for row in rows}
    assert "settings" not in by_name["float"]
    assert by_name["int8"]["macs_avoided_share"] == 0 and by_name["int8"]["exact"]
    assert by_name["exact delta"]["exact"] and by_name["exact delta"]["macs_avoided_share"] > 0
    loose = by_name["delta, no loss"]
    assert loose["macs_avoided_share"] > by_name["exact delta"]["macs_avoided_share"]
    # Four blocks of eleven columns, and what a sequence takes to begin and to end.
    assert 44 < by_name["int8"]["cycles_per_step"] < 120
    assert loose["cycles_per_step"] < by_name["int8"]["cycles_per_step"]
    for row in rows[1:]:
        assert row["steps_per_second"] == pytest.approx(50e6 / row["cycles_per_step"])
        assert row["steps_followed"] == row["steps"] == 139 and row["latency"] == 30
    assert told[0] == "toy: loading" and told[1:] == [f"toy: {each.name}" for each in SCHEMES]


REDUCED = tuple(each for each in SCHEMES if each.name == "int8" or "no loss" in each.name)


def test_reduced_weights_save_bytes_beside_the_same_settings():
    """Of a machine that has them: on 32 lanes four bits are half the beats."""
    normal, delta, reduced = evidence(TOY, CONFIGS["small"], schemes=REDUCED)
    assert reduced["settings"] == delta["settings"]
    assert (normal["weight_bits"], delta["weight_bits"], reduced["weight_bits"]) == (8, 8, 4)
    assert delta["weight_bytes_avoided_share"] == pytest.approx(delta["macs_avoided_share"])
    left = 1 - reduced["weight_bytes_avoided_share"]
    assert left == pytest.approx((1 - reduced["macs_avoided_share"]) / 2)
    assert "weights of 4 bits" in markdown([normal, delta, reduced])


@pytest.mark.parametrize("least", [6, 8])
def test_weights_have_as_many_bits_as_keep_the_score_on_the_calibration_data(monkeypatch, least):
    class Worse(evidence_module.WorkloadProblem):
        def __init__(self, workload, case, config, weight_bits=8):
            super().__init__(workload, case, config, weight_bits)
            self.bits = weight_bits

        def measure(self, modes, part):
            found = super().measure(modes, part)
            assert part == "calibration"
            score = replace(found.score, value=found.score.value - (self.bits < least))
            return replace(found, score=score)

    monkeypatch.setattr(evidence_module, "WorkloadProblem", Worse)
    *_, reduced = evidence(TOY, CONFIGS["small"], schemes=REDUCED)
    assert reduced["weight_bits"] == least
    assert reduced["score"] > 0


def test_a_table_goes_on_where_it_stopped(cache):
    calls = []

    def choose(*given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return Modes()

    schemes = [Scheme(name=name, meaning="", choose=choose) for name in ("one", "two")]
    with pytest.raises(KeyboardInterrupt):
        evidence(TOY, CONFIGS["tiny"], schemes=schemes)
    assert len(evidence(TOY, CONFIGS["tiny"], schemes=schemes)) == 2
    assert len(calls) == 3
    (path, _) = sorted((cache / "evidence").iterdir())
    path.write_text('{"sche')
    assert len(evidence(TOY, CONFIGS["tiny"], schemes=schemes)) == 2
    assert len(calls) == 4
    evidence(TOY, CONFIGS["edge"], schemes=schemes)
    assert len(calls) == 6


def test_exact_delta_that_is_not_exact_stops_the_table(monkeypatch):
    wrong = Modes(layers=(LayerModes(mode="delta", h_threshold=40),))
    monkeypatch.setattr(evidence_module, "_EXACT", wrong)
    schemes = [Scheme(name="exact delta", meaning="", choose=lambda *_: wrong)]
    with pytest.raises(NetworkError) as caught:
        evidence(TOY, CONFIGS["tiny"], schemes=schemes)
    assert str(caught.value) == "exact delta differs from normal mode on workload toy"


def test_the_published_scheme_is_taken_where_its_chip_is():
    rows = evidence(
        TOY, CONFIGS["tiny"], schemes=[Scheme(name="three", meaning="", choose=published)]
    )
    (layer,) = rows[0]["settings"]
    assert layer["reference"] == "previous" and layer["skip_action"] == "freeze"
    assert 0.4 < rows[0]["macs_avoided_share"] < 0.8
    first, last = three_modes(0.99).layers[0], three_modes(0.21).layers[0]
    assert first.delta_threshold == 0.98 and last.delta_threshold == 0.01


def test_rows_are_shown_as_text():
    rows = evidence(TOY, CONFIGS["tiny"])
    text = markdown(rows)
    assert "## toy: accuracy; `tiny` at 50 MHz, bus 64 bits, latency 30 cycles" in text
    assert "were followed." not in text
    part = [{**row, "steps": 2000, "steps_followed": 50} for row in rows]
    assert "Of 2,000 steps, 50 were followed." in markdown(part)
    assert shown_row(rows[0])["MACs skipped"] == "-"
    assert shown_row(rows[2])["within"] == "bit for bit"
    assert shown_row({**rows[3], "exact": False, "within_one_error": False})["within"] == "no"
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(SCHEMES) and len({line.count("|") for line in table}) == 1
    assert all(f"- *{scheme.name}*: " in text for scheme in SCHEMES)
