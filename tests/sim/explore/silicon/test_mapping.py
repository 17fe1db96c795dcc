"""What Yosys is asked for; what comes of it is tested with whole machines."""

import gzip
from dataclasses import replace

import pytest

from hw.config import CONFIGS
from sim.explore.silicon import mapping
from sim.explore.silicon.report import open_process

SMALL = replace(CONFIGS["tiny"], lanes=8, max_input=16, max_hidden=16, weight_words=64)


@pytest.mark.parametrize("fast", [False, True])
def test_fast_adders_are_not_made_smaller(monkeypatch, cells, tmp_path, fast):
    scripts = []

    def keep(files, target, say):
        scripts.append(files["script.ys"])
        with gzip.open(target / "netlist.json.gz", "wt") as file:
            file.write("{}")

    monkeypatch.setattr(mapping, "_make", keep)
    process = open_process(cells, None, None, clock_mhz=100.0, fast=fast)
    mapping.map_machine(SMALL, process.choice, cache=tmp_path / "cache")
    (script,) = scripts
    steps = script.split("-script +")[1].split()[0].split(";")
    assert "&nf,{D}" in steps and ("dc2" in steps) != fast
