import numpy as np
import pytest
from amaranth.hdl import Signal

from hw.multipliers.catalogue import find_multiplier
from hw.multipliers.exact import Exact
from hw.multipliers.imported import Entries, TableMultiplier, VerilogMultiplier

VALUES = np.arange(-255, 256)
VERILOG = """
module thin(input signed [7:0] a, input signed [4:0] b, output signed [12:0] p);
  assign p = $signed({a[7:2], 2'b00}) * b;
endmodule
"""


def thin_table():
    codes = np.arange(-128, 128)
    return ((codes & ~3)[:, None] * codes).astype(np.int32)


def exact_table(rows):
    return (np.arange(rows) - rows // 2)[:, None] * np.arange(-128, 128)


@pytest.mark.parametrize("rows", [256, 512])
def test_an_exact_table_is_exact_for_differences_too(rows):
    table = TableMultiplier(entries=Entries.of(exact_table(rows)))
    assert table.behaviour().exact
    assert (table.table() == exact_table(256)).all()


def test_a_difference_beyond_the_table_is_halved_towards_zero():
    table = TableMultiplier(entries=Entries.of(thin_table()))
    found = table.compute(np.array([200, 201, -200, -201, 127]), np.array(3))
    assert found.tolist() == [2 * 300, 2 * 300 + 3, 2 * -300, 2 * -300 - 3, 372]


def test_tables_and_modules_equal_their_gates(gates_equal_model):
    entries = Entries.of(thin_table())
    table = TableMultiplier(weight_width=5, entries=entries)
    module = VerilogMultiplier(
        weight_width=5, entries=entries, source=VERILOG, module="thin", port_width=13
    )
    wide = TableMultiplier(weight_width=4, entries=Entries.of(exact_table(512)))
    cases = [(table, 9), (table, 8), (table, 6), (module, 9), (module, 8), (wide, 9)]
    gates_equal_model(cases, module.verilog)
    with pytest.raises(AssertionError, match=r"level 0 \(thin\), 8 bits: \d+ wrong"):
        wrong = VERILOG.replace("2'b00", "2'b01")
        gates_equal_model([(module, 8)], {"thin.v": wrong})


@pytest.mark.slow
def test_a_table_of_8_bit_weights_equals_its_gates(gates_equal_model):
    table = find_multiplier("drum:3").table(1)
    gates_equal_model([(TableMultiplier(entries=Entries.of(table)), 9)])


def test_tables_are_compared_by_content():
    one, same = (TableMultiplier(entries=Entries.of(exact_table(256))) for _ in range(2))
    other = TableMultiplier(entries=Entries.of(thin_table()))
    assert one == same and hash(one) == hash(same) and repr(one) == repr(same)
    assert one != other and repr(one) != repr(other)


def test_an_exported_table_comes_back():
    for level in range(4):
        made = find_multiplier("truncated").table(level)
        assert made.dtype == np.int32 and made.shape == (256, 256)
        assert (TableMultiplier(entries=Entries.of(made)).table() == made).all()


@pytest.mark.parametrize(
    "table, sentence",
    [
        (
            np.zeros((256, 255), np.int32),
            "a table of products must be integers [256, 256] or [512, 256], not int32 [256, 255]",
        ),
        (
            np.zeros((256, 256)),
            "a table of products must be integers [256, 256] or [512, 256], not float64 [256, 256]",
        ),
        (
            np.full((256, 256), 1 << 17),
            "a table's products must be below 131072, not 131072",
        ),
    ],
)
def test_what_is_no_table_is_refused(table, sentence):
    with pytest.raises(ValueError) as error:
        Entries.of(table)
    assert str(error.value) == sentence


def test_values_of_more_than_9_bits_are_refused():
    table = TableMultiplier(entries=Entries.of(exact_table(256)))
    with pytest.raises(ValueError) as error:
        table.component(10).elaborate(None)
    assert str(error.value) == "a table of products is for event values of up to 9 bits, not 10"


def test_parts_are_refused_in_an_expression():
    table = TableMultiplier(entries=Entries.of(exact_table(256)))
    with pytest.raises(TypeError) as error:
        table.product(Signal(table.operand_layout(9)), Signal(8))
    assert str(error.value) == "this multiplier has parts; elaborate its component instead"
    assert Exact().verilog == {}
