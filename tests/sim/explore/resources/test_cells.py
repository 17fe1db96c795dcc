"""Cells of machines are counted once, and kept."""

from dataclasses import replace

import pytest

from hw.config import CONFIGS
from sim.explore.resources import cells
from sim.explore.resources.cells import machine_cells

TINY = CONFIGS["tiny"]
COUNTED = {"lut": 9703, "ff": 10006, "dsp": 25, "bram": 24.5}


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """What was counted by a stand-in for Yosys, in a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = []

    def count(component):
        seen.append(component)
        return dict(COUNTED)

    monkeypatch.setattr(cells, "xilinx_cells", count)
    monkeypatch.setattr(cells, "family_cells", lambda component, family: count(component))
    # Gates of a machine take seconds to make: what they are made from stands in for them.
    monkeypatch.setattr(cells, "to_rtlil", lambda component, name: repr(component.config))
    return seen


def test_the_same_gates_are_counted_once(counts, tmp_path):
    assert machine_cells([TINY, TINY]) == [COUNTED, COUNTED]
    assert len(counts) == 1
    assert machine_cells([replace(TINY, lanes=16)]) == [COUNTED]
    assert len(counts) == 2
    # A part of another family has other cells.
    machine_cells([TINY], family="ecp5")
    assert len(counts) == 3
    assert len(list((tmp_path / "refrain" / "cells").iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"lut": "many"}', b"\xff"])
def test_a_damaged_file_is_counted_again(counts, tmp_path, damage):
    machine_cells([TINY])
    (path,) = (tmp_path / "refrain" / "cells").iterdir()
    path.write_bytes(damage)
    assert machine_cells([TINY]) == [COUNTED]
    assert len(counts) == 2


@pytest.mark.slow
def test_yosys_counts_the_cells_of_a_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (found,) = machine_cells([TINY])
    # As many multipliers as lanes, and those of the cell unit.
    assert found["dsp"] == 17
    assert found["bram"] == pytest.approx(25.5, abs=2)
    assert found["lut"] == pytest.approx(9200, rel=0.1)
    assert found["ff"] == pytest.approx(10000, rel=0.1)
