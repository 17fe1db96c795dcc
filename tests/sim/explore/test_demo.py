import json

import pytest

from hw.config import CONFIGS
from sim.explore.demo import run_demo


@pytest.mark.slow
def test_a_real_network_runs_on_generated_hardware_bit_for_bit(tmp_path):
    told = []
    demo = run_demo(CONFIGS["edge"], tmp_path, told.append, lambda done, total: None)
    assert demo.bits_agree
    figures = json.loads((tmp_path / "demo.json").read_text())
    assert figures == demo.figures
    assert figures["bits_compared"] == 3 * 938 * 128 * 8
    assert figures["bits_that_exact_delta_changes"] == 0
    scores = {row["run"]: row for row in figures["scores"]}
    assert scores["float"]["roc_auc"] > 0.99
    assert scores["integer"]["roc_auc"] == scores["rtl"]["roc_auc"] > 0.99
    assert figures["rtl"]["steps"] == 938
    assert figures["rtl"]["macs_done"] == 938 * 512 * 256
    assert figures["rtl"]["times_real_time"] > 100
    normal, exact, delta = figures["modes"]
    assert normal["macs_skipped_%"] == 0 < exact["macs_skipped_%"]
    assert exact["macs_skipped_%"] < delta["macs_skipped_%"]
    assert exact["roc_auc"] == normal["roc_auc"] > 0.99 and delta["roc_auc"] > 0.98
    assert delta["cycles_a_step"] < exact["cycles_a_step"] < normal["cycles_a_step"]
    assert (tmp_path / "speech.png").read_bytes().startswith(b"\x89PNG")
    assert "module refrain_edge (" in (tmp_path / "refrain_edge.v").read_text()
    assert told
