import numpy as np
import pytest

from hw.multipliers.booth import Booth
from hw.multipliers.exact import Exact
from hw.multipliers.imported import TableMultiplier
from hw.multipliers.masked import Cut, MaskedArray
from sim.explore.multipliers.importing import import_table, import_verilog, open_multiplier
from sim.networks.network import NetworkError
from sim.rtl import ToolError

EXACT = "module m(input signed [{a}:0] a, input signed [{b}:0] b, output signed [16:0] p);\n"
EXACT += "assign p = a * b {extra};\nendmodule\n"


@pytest.fixture
def verilog(tmp_path):
    def write(a=7, b=7, extra="", text=EXACT):
        path = tmp_path / "m.v"
        path.write_text(text.replace("{a}", str(a)).replace("{b}", str(b)).format(extra=extra))
        return path

    return write


@pytest.mark.parametrize("a, b", [(7, 7), (8, 4)])
def test_a_module_is_tabulated_on_all_operands(verilog, a, b):
    found = import_verilog(verilog(a, b), b + 1)
    assert found.module == "m" and found.port_width == 17
    assert found.entries.value_width == a + 1
    assert found.behaviour().exact


def test_a_module_with_a_constant_error_is_unsafe_in_delta_mode(verilog):
    found = import_verilog(verilog(extra="+ 1"))
    assert not found.safe_in_delta(0)
    assert found.behaviour().in_delta.startswith("unsafe, errors accumulate: f(0, w) is not 0;")


def test_a_table_becomes_a_multiplier(tmp_path):
    array = MaskedArray(cuts=(Cut(columns=5),))
    np.save(tmp_path / "t.npy", array.table())
    found = import_table(tmp_path / "t.npy")
    assert (found.table() == array.table()).all()


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"a": 6}, "a must have 8 or 9 bits and b 8, not 7 and 8"),
        ({"b": 3}, "a must have 8 or 9 bits and b 8, not 8 and 4"),
        (
            {"text": EXACT.replace("output signed [16:0] p", "input c, output [16:0] p")},
            "module m must have the inputs a and b and the output p, not a, b, c, p",
        ),
    ],
)
def test_a_module_with_other_ports_is_refused(verilog, fields, sentence):
    path = verilog(**fields)
    with pytest.raises(NetworkError) as error:
        import_verilog(path)
    assert str(error.value) == f"{path}: {sentence}"


def test_a_module_with_a_clock_is_refused(verilog):
    text = "module m(input [7:0] a, input [7:0] b, output reg [7:0] p);\n"
    text += "always @(posedge a[0]) p <= b;\nendmodule\n"
    with pytest.raises(ToolError, match=r"^a multiplier must be combinational, and this one has a"):
        import_verilog(verilog(text=text))


def test_files_that_hold_nothing_are_refused(tmp_path):
    with pytest.raises(NetworkError, match=r"m.v cannot be read: No such file or directory$"):
        import_verilog(tmp_path / "m.v")
    np.save(tmp_path / "t.npy", np.zeros((4, 4), np.int32))
    with pytest.raises(NetworkError, match=r"t.npy: a table of products must be integers \[256"):
        import_table(tmp_path / "t.npy")


def test_multipliers_are_found_by_name_or_file(tmp_path):
    assert open_multiplier("booth:1", 8) == Booth(dropped=(0, 1))
    np.save(tmp_path / "t.npy", Exact().table())
    assert isinstance(open_multiplier(str(tmp_path / "t.npy"), 8), TableMultiplier)
    with pytest.raises(NetworkError, match=r"^there is no multiplier best; the multipliers are "):
        open_multiplier("best", 8)
    with pytest.raises(NetworkError) as error:
        open_multiplier("exact", 9)
    assert str(error.value) == "weight_width must be an integer from 4 to 8, not 9"
