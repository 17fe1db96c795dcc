import re

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.emit.merge import merge_modules
from hw.verilog import to_rtlil


class Adder(wiring.Component):
    """Adds a constant."""

    def __init__(self, add):
        self.add = add
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        value = self.i + self.add
        m.d.sync += self.o.eq(value)
        return m


class Row(wiring.Component):
    """Adders one behind the other; the input of each is a part of something without a name."""

    def __init__(self, adds):
        self.adds = adds
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        value = self.i
        for k, add in enumerate(self.adds):
            m.submodules[f"stage_{k}"] = stage = Adder(add)
            m.d.comb += stage.i.eq((value ^ k)[:8])
            value = stage.o
        m.d.comb += self.o.eq(value)
        return m


def _modules(text):
    return re.findall(r"^(?:module \\|module )(\S+)", text, re.M)


def test_equal_modules_are_one():
    text = merge_modules(to_rtlil(Row([1, 1, 1, 2]), "row"))
    assert sorted(_modules(text)) == ["row", "row_machine", "row_stage_0", "row_stage_3"]
    assert text.count("cell \\row_stage_0 ") == 3


def test_a_module_that_is_used_once_has_no_number():
    assert "row_stage" in _modules(merge_modules(to_rtlil(Row([1, 1]), "row")))


def test_equal_rows_of_equal_modules_are_one(prove):
    class Pair(wiring.Component):
        i: In(8)
        o: Out(8)

        def elaborate(self, platform):
            m = Module()
            m.submodules.left = left = Row([1, 2])
            m.submodules.right = right = Row([1, 2])
            m.d.comb += [left.i.eq(self.i), right.i.eq(left.o), self.o.eq(right.o)]
            return m

    text = prove(Pair(), steps=8)
    assert len(_modules(text)) == 5
    assert "// Adds a constant.\nmodule design_" in text


def test_without_modules_nothing_changes():
    assert merge_modules("nonsense\n") == "nonsense\n"
