import numpy as np
import pytest

from sim.explore.multipliers.liberty import parse_function, read_liberty
from sim.networks.network import NetworkError

PINS = {"A": np.array([0b0011], np.uint8), "B": np.array([0b0101], np.uint8)}


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("A", 0b0011),
        ("!A", 0b1100),
        ("A'", 0b1100),
        ("(A B)", 0b0001),
        ("A*B", 0b0001),
        ("!(A & B) | B", 0b1111),
        ("A+B'", 0b1011),
        ("(A^B)", 0b0110),
        ("!A ^ B | A B", 0b1001),
        ("1", 0b1111),
        ("A & 0", 0),
    ],
)
def test_functions_are_computed(text, wanted):
    assert parse_function(text)(PINS)[0] & 15 == wanted


def test_cells_are_read(liberty):
    library = read_liberty(liberty)
    assert library.voltage == 1.5
    assert set(library.cells) == {"INV", "BUF", "NAND", "DFF"}
    nand = library.cells["NAND"]
    assert nand.area == 2 and nand.inputs["B"] == pytest.approx(3e-15)
    assert nand.outputs["Y"](PINS)[0] & 15 == 0b1110
    register = library.cells["DFF"]
    assert register.clock == "CK" and register.state == ("IQ", "IQN")
    assert register.next_state({"D": PINS["A"]})[0] == PINS["A"][0]


def test_tables_are_interpolated_between_points_and_held_beyond(liberty):
    # Rows are loads of 1 and 3 fF, columns slews of 10 and 30 ps, in the file.
    table = read_liberty(liberty).cells["NAND"].arcs["A", "Y"].delay[0]
    assert table(10e-12, 1e-15) == pytest.approx(10e-12)
    assert table(30e-12, 1e-15) == pytest.approx(14e-12)
    assert table(10e-12, 3e-15) == pytest.approx(30e-12)
    assert table(20e-12, 2e-15) == pytest.approx(22e-12)
    assert table(1, 1) == pytest.approx(34e-12)
    assert table(0, 0) == pytest.approx(10e-12)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("module m; endmodule", "is not a Liberty file"),
        ("", "is not a Liberty file"),
        ("library (l) { nom_voltage : 1.0; }", "holds no cells that can be used"),
    ],
)
def test_other_files_are_refused(tmp_path, text, sentence):
    path = tmp_path / "l.lib"
    path.write_text(text)
    with pytest.raises(NetworkError) as error:
        read_liberty(path)
    assert str(error.value) == f"{path} {sentence}"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(NetworkError, match=r"l.lib must be a Liberty file.*No such file"):
        read_liberty(tmp_path / "l.lib")
