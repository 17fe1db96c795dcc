from sim.explore.reports import merge_reports


def test_counts_add_up_and_what_is_unknown_stays_unknown():
    report = {
        "config": "tiny",
        "lanes": 8,
        "cycles": 100,
        "utilisation": 0.5,
        "macs_done": 400,
        "stall_cycles": {"load": 7},
    }
    merged = merge_reports([report, {**report, "cycles": 300, "macs_done": 2000}])
    assert merged == {
        "config": "tiny",
        "lanes": 8,
        "cycles": 400,
        "utilisation": 0.75,
        "macs_done": 2400,
        "stall_cycles": {"load": 14},
    }
    unknown = {**report, "cycles": None, "utilisation": None, "stall_cycles": None}
    merged = merge_reports([report, unknown])
    assert (merged["cycles"], merged["utilisation"], merged["stall_cycles"]) == (None, None, None)
    assert merged["macs_done"] == 800


def test_modes_and_shares_are_merged():
    delta = {"steps": 3, "macs_done": 100}
    report = {
        "lanes": 8,
        "cycles": None,
        "macs_done": 100,
        "macs_avoided": 300,
        "macs_avoided_share": 0.75,
        "weight_bytes": 0,
        "weight_bytes_avoided": 0,
        "weight_bytes_avoided_share": None,
        "mode_steps": {"delta": 3},
        "modes": {"delta": delta},
    }
    other = {
        **report,
        "macs_avoided": 0,
        "macs_avoided_share": 0,
        "weight_bytes": 30,
        "weight_bytes_avoided": 10,
        "weight_bytes_avoided_share": 0.25,
        "mode_steps": {"normal": 1, "delta": 2},
        "modes": {"normal": {"steps": 1, "macs_done": 60}, "delta": {"steps": 2, "macs_done": 40}},
    }
    for pair in ([report, other], [other, report]):
        merged = merge_reports(pair)
        assert merged["macs_avoided_share"] == 0.6
        assert merged["weight_bytes_avoided_share"] == 0.25
        assert merged["mode_steps"] == {"normal": 1, "delta": 5}
        assert merged["modes"] == {
            "normal": {"steps": 1, "macs_done": 60},
            "delta": {"steps": 5, "macs_done": 140},
        }
