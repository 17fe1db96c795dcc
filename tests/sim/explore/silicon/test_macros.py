"""Macros are read at the corner of the cells; what cannot be used is refused."""

import pytest

from sim.explore.multipliers.liberty import read_liberty
from sim.explore.silicon.macros import read_macros
from sim.networks.network import NetworkError


def test_sizes_energies_and_pins_are_read(macros):
    wide, small, deep = macros
    sizes = [(macro.words, macro.bits, len(macro.ports)) for macro in macros]
    assert sizes == [(16, 8, 1), (16, 4, 2), (64, 4, 2)]
    assert small.ports == ("A_", "B_") and wide.ports == ("A_",)
    assert (small.read, small.write, small.idle) == pytest.approx((1e-12, 2e-12, 0))
    assert small.area == 228 and small.leakage == pytest.approx(2e-9)
    assert small.farads["ADDR"] == pytest.approx(3e-15) and small.masked
    assert small.low == {"A_TEST": 1, "B_TEST": 1}
    assert deep.address == 6 and deep.access[0](1e-10, 0.0) == pytest.approx(1e-9)


def test_files_of_other_corners_are_passed_over(small_memories, slow_cells, library):
    folder = small_memories((16, 4, 2))
    fast = read_macros(folder, library)
    slow = read_macros(folder, read_liberty(slow_cells))
    assert fast[0].access[0](0.0, 0.0) == pytest.approx(1e-9)
    assert slow[0].access[0](0.0, 0.0) == pytest.approx(2e-9)


def test_a_folder_without_a_memory_at_the_corner_is_refused(cells, library):
    with pytest.raises(NetworkError, match=r"holds no memory at 1\.2 V and 25 degrees"):
        read_macros(cells.parent, library)


def test_a_folder_that_is_none_is_refused(cells, library):
    with pytest.raises(NetworkError, match="must be a folder of Liberty files of memories"):
        read_macros(cells, library)


def test_a_memory_with_other_pins_is_refused(small_memories, library):
    folder = small_memories((16, 4, 2))
    path = folder / "2_16x4_1.lib"
    path.write_text(path.read_text().replace("A_MEN", "A_CHIP"))
    with pytest.raises(NetworkError, match=r"memory RAM2_16x4 has no pin A_MEN"):
        read_macros(folder, library)
