"""Files of energy coefficients: written, read, and refused."""

import json
from dataclasses import replace

import pytest

from hw.config import CONFIGS
from sim.explore.energy.coefficients import (
    Coefficients,
    read_coefficients,
    write_coefficients,
)
from sim.explore.machine_values import values_of
from sim.networks.network import NetworkError


@pytest.fixture
def made():
    return Coefficients(
        config=values_of(CONFIGS["tiny"]),
        work={"lanes": {"gates": {"operation": 2.0}}},
        idle={"lanes": {"clock": 0.5}},
        leakage={"lanes": 1e-6},
        clock_mhz=100.0,
        origin={"library": "small", "volts": 1.2, "mapped_for_mhz": 100.0},
        errors={"tested": []},
    )


@pytest.fixture
def damaged(made, tmp_path):
    """A file with changes of its content."""

    def written(**changes):
        path = tmp_path / "energy.json"
        write_coefficients(path, made)
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return path

    return written


def test_what_is_written_is_read(made, tmp_path):
    path = tmp_path / "energy.json"
    write_coefficients(path, made)
    assert read_coefficients(path) == made
    # A reader finds what is counted in the file itself.
    assert json.loads(path.read_text())["meaning"].keys() == {"operation"}


def test_another_version_is_refused(damaged):
    path = damaged(version=1)
    with pytest.raises(NetworkError) as refusal:
        read_coefficients(path)
    assert str(refusal.value) == (
        f"{path} is of version 1 of energy coefficients, and this program reads version 2: "
        f"measure again with refrain silicon --coefficients"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "another"}, "is not a file of energy coefficients"),
        ({"work_pj": {"lanes": {"gates": {"wishes": 1.0}}}}, "nothing is counted that is called"),
        ({"work_pj": {"lanes": {"gates": {"operation": -1.0}}}}, "-1.0 is negative"),
        ({"work_pj": {"lanes": {"gates": {"operation": "2"}}}}, "'2' is no number"),
        ({"clock_mhz": float("nan")}, "nan is no number"),
        ({"clock_mhz": 0}, "clock_mhz must be above 0"),
        ({"work_pj": []}, "is a damaged file of energy coefficients"),
        ({"origin": {"library": "small", "volts": 1.2}}, "mapped_for_mhz"),
        ({"origin": {"library": 3, "volts": 1.2, "mapped_for_mhz": 50.0}}, "3 is no name"),
        ({"errors": {"tested": [{"mode": "normal"}]}}, "operations"),
        ({"errors": {"tested": 4}}, "is a damaged file of energy coefficients"),
        ({"leakage_w": {"bus": 0.0}}, "its tables are not of the same parts"),
    ],
)
def test_what_is_none_or_damaged_is_refused(damaged, changes, said):
    with pytest.raises(NetworkError, match=said):
        read_coefficients(damaged(**changes))


@pytest.mark.parametrize("content", ["", "[1, 2]", "{", "\x00"])
def test_another_kind_of_file_is_refused(tmp_path, content):
    path = tmp_path / "energy.json"
    path.write_text(content)
    with pytest.raises(NetworkError, match="is not a file of energy coefficients; make it with"):
        read_coefficients(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NetworkError, match=r"nothing\.json"):
        read_coefficients(tmp_path / "nothing.json")


def test_coefficients_are_of_one_machine_whatever_its_name_and_clock(made):
    tiny = CONFIGS["tiny"]
    made.check(replace(tiny, name="mine", clock_mhz=20.0), "energy.json")
    with pytest.raises(NetworkError) as refusal:
        made.check(replace(tiny, lanes=16), "energy.json")
    assert str(refusal.value) == (
        "energy.json is of a machine with lanes = 8, and configuration tiny has 16: measure that "
        "one with refrain silicon --coefficients"
    )


def test_what_a_file_does_not_say_of_its_machine_is_the_default(made):
    """So a file from before a setting came is of no machine that uses it."""
    said = {name: value for name, value in made.config.items() if name != "row_cycles"}
    older = replace(made, config=said)
    assert older.fits(replace(CONFIGS["tiny"], row_cycles=1))
    assert not older.fits(CONFIGS["tiny"])
    with pytest.raises(NetworkError, match=r"a machine with row_cycles = 1, and .* has 2: measure"):
        older.check(CONFIGS["tiny"], "energy.json")
    assert not replace(made, config={}).fits(CONFIGS["tiny"])
