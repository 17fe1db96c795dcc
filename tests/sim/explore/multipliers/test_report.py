import numpy as np
import pytest

from hw.multipliers.booth import Booth
from hw.multipliers.catalogue import MULTIPLIERS
from hw.multipliers.exact import Exact
from hw.multipliers.imported import Entries, TableMultiplier
from hw.multipliers.masked import Cut, MaskedArray
from sim.explore.multipliers.operands import Histogram, uniform
from sim.explore.multipliers.report import (
    differing_products,
    dot_snr_db,
    error_report,
    level_reports,
    multiplier_rows,
    write_table,
)
from sim.networks.network import NetworkError

VALUES, WEIGHTS = np.arange(-128, 128), np.arange(-127, 128)


def test_the_report_follows_from_all_products():
    array = MaskedArray(cuts=(Cut(), Cut(columns=5)))
    found = error_report(array, 1)
    error = array.compute(VALUES[:, None], WEIGHTS, 1) - VALUES[:, None] * WEIGHTS
    exact = np.abs(VALUES[:, None] * WEIGHTS)
    assert found["mae"] == np.abs(error).mean()
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert found["nmed"] == pytest.approx(np.abs(error).mean() / (128 * 127))
    relative = np.abs(error[exact != 0]) / exact[exact != 0]
    assert found["mred_percent"] == pytest.approx(100 * relative.mean())
    assert found["worst"] == 1 + 4 + 12 + 32 + 80
    assert found["error_percent"] == pytest.approx(100 * (error != 0).mean())
    assert found["zero_preserving"] and found["proportionate"] and not found["linear"]
    assert found["safe_with_normal_steps"] and not found["safe_in_delta"]
    assert error_report(array, 0)["worst"] == 0


@pytest.mark.parametrize("length", [1, 64])
def test_the_snr_is_that_of_sampled_dot_products(length):
    rng = np.random.default_rng(7)
    given = uniform()
    # A mean error, so that its growth with the length counts.
    table = (VALUES[:, None] * np.arange(-128, 128) // 64 * 64).astype(np.int32)
    multiplier = TableMultiplier(entries=Entries.of(table))
    values = rng.integers(-128, 128, (40000, length))
    weights = rng.integers(-127, 128, (40000, length))
    exact = (values * weights).sum(1).astype(float)
    error = multiplier.compute(values, weights).sum(1) - exact
    sampled = 10 * np.log10((exact**2).mean() / (error**2).mean())
    assert dot_snr_db(multiplier, 0, length, given) == pytest.approx(sampled, abs=0.15)


def test_operands_decide_the_snr():
    small = Histogram(values=np.zeros(511), weights=uniform().weights)
    small.values[255 - 3 : 255 + 4] = 1 / 7
    array = MaskedArray(cuts=(Cut(columns=5),))
    assert dot_snr_db(array, 0, 256, uniform()) > 20 + dot_snr_db(array, 0, 256, small)
    assert dot_snr_db(Exact(), 0, 256, small) is None


def test_levels_are_reported_under_every_histogram():
    rows = level_reports(Booth(dropped=(0, 1)), [0, 1], 16, {"mine": uniform()})
    assert [row["name"] for row in rows] == ["exact", "digits < 1"]
    assert rows[0]["snr_db_mine"] is None
    assert rows[1]["snr_db_mine"] == rows[1]["snr_db_uniform"] > 10
    with pytest.raises(NetworkError) as error:
        level_reports(Exact(), [1], 16, {})
    assert str(error.value) == "there is no level 1; the levels are 0 (exact)"


def test_a_table_is_written_and_compared(tmp_path):
    path = tmp_path / "t.npy"
    array = MaskedArray(cuts=(Cut(columns=4),))
    write_table(array, 0, path)
    table = np.load(path)
    assert table.dtype == np.int32 and table.shape == (256, 256)
    assert table[128 + 100, 128 - 77] == array.compute(np.array(100), np.array(-77))
    assert differing_products(array, 0, path) == 0
    assert differing_products(Exact(), 0, path) == int((table != Exact().table()).sum()) > 0
    np.save(path, table[:3])
    with pytest.raises(NetworkError, match=r"t.npy must be a table \[256, 256\], not \[3, 256\]$"):
        differing_products(array, 0, path)


def test_every_named_multiplier_has_a_row():
    rows = multiplier_rows()
    assert [row["name"] for row in rows] == list(MULTIPLIERS)
    assert all(row["levels"].startswith("exact") for row in rows)
