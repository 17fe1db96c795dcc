"""What limits a clock is measured once, by the gates."""

import json
from dataclasses import replace

import pytest

from hw.config import CONFIGS, ConfigError
from sim.explore.bench import clock, synthesis
from sim.explore.bench.clock import bench_timing
from sim.explore.bench.synthesis import ECP5, ecp5_timing

TINY = CONFIGS["tiny"]


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Families whose measurement is a count; the configurations that were measured."""
    seen = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def measure(family):
        def run(config, say):
            seen.append((family, config.clock_mhz))
            return {family: [{"count": len(seen)}]}

        return run

    # Gates take seconds; what a machine is made of stands for them.
    monkeypatch.setattr(clock, "Accelerator", lambda config: replace(config, clock_mhz=1.0))
    monkeypatch.setattr(clock, "to_rtlil", lambda machine, name: f"{machine}")
    families = {name: (measure(name), tools) for name, (_, tools) in clock.FAMILIES.items()}
    monkeypatch.setattr(clock, "FAMILIES", families)
    return seen


def test_the_same_gates_are_measured_once(measured, tmp_path):
    first = bench_timing(TINY, ())
    assert bench_timing(TINY, ()) == first == {"xc7": [{"count": 1}], "ecp5": [{"count": 2}]}
    # Another clock is asked for of the router alone.
    bench_timing(replace(TINY, clock_mhz=70.0), ())
    assert measured == [("xc7", TINY.clock_mhz), ("ecp5", TINY.clock_mhz), ("ecp5", 70.0)]
    bench_timing(replace(TINY, max_hidden=32), ("xc7",))
    assert len(measured) == 4


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"xc7": []}', '{"xc7": [1]}', '{"xc7": 1}'])
def test_a_damaged_file_is_measured_again(measured, tmp_path, content):
    bench_timing(TINY, ("xc7",))
    (kept,) = (tmp_path / "refrain" / "timing").iterdir()
    kept.write_text(content)
    assert bench_timing(TINY, ("xc7",)) == {"xc7": [{"count": 2}]}
    assert json.loads(kept.read_text()) == {"xc7": [{"count": 2}]}


def test_an_unknown_family_is_refused(measured):
    with pytest.raises(ConfigError) as refusal:
        bench_timing(TINY, ("xc6",))
    assert str(refusal.value) == "the family must be one of xc7, ecp5, not xc6"
    assert not measured


def run_with(monkeypatch, cells, report=None):
    """``ecp5_timing`` with tools that give these cells and this report; the tools that ran."""
    tools = []

    def run(package, tool, arguments, folder, watch=None):
        tools.append(tool)
        stat = {"design": {"num_cells_by_type": cells}}
        (synthesis.Path(folder) / "stat.json").write_text(f"Yosys\n{json.dumps(stat)}")
        (synthesis.Path(folder) / "report.json").write_text(json.dumps(report))

    monkeypatch.setattr(synthesis, "_write_design", lambda *names: None)
    monkeypatch.setattr(synthesis, "run_tool", run)
    monkeypatch.setattr(synthesis, "Folded", lambda component: None)
    return ecp5_timing(None, 100), tools


def test_what_is_too_large_for_the_part_is_not_placed(monkeypatch):
    found, tools = run_with(monkeypatch, {"DP16KD": ECP5["DP16KD"] + 1})
    assert found["clock_mhz"] is None and found["bram"] == 209
    assert tools == ["yosys"]


def test_the_slowest_ends_are_named(monkeypatch):
    def net(name, driver, ends, event="posedge clk"):
        endpoints = [
            {"cell": cell, "port": port, "event": "posedge clk", "delay": [0.1, ns]}
            for cell, port, ns in ends
        ]
        return {"net": name, "driver": driver, "event": event, "endpoints": endpoints}

    nets = [
        net("a.b[0]", "ff0", [("ff1", "D", 4.004), ("ff2", "D", 5.0)]),
        net("a.c[1]", "ff1", [("ff2", "CE", 2.0)]),
        net("a.c[2]", "ff2", []),
        net("pin", "pad", [("ff1", "D", 99.0)], event="<async>"),
    ]
    path = [{"delay": 1.0, "type": "routing", "net": "a.b[0]"}]
    report = {
        "utilization": {"TRELLIS_COMB": {"used": 7}},
        "fmax": {"clk": {"achieved": 77.0}},
        "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": path}],
        "detailed_net_timings": nets,
    }
    found, tools = run_with(monkeypatch, {}, report)
    assert tools == ["yosys", "nextpnr_ecp5"]
    assert (found["clock_mhz"], found["lut"], found["dsp"]) == (77.0, 7, 0)
    assert found["ends"] == [
        {"ns": 5.0, "end": "a.c", "pin": "D"},
        {"ns": 2.0, "end": "a.c", "pin": "CE"},
    ]
