import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.explore.multipliers.netlist import pack, to_netlists, unpack
from sim.rtl import ToolError


class Mixed(wiring.Component):
    """An operator of every kind, without state unless told.

    Members
    -------
    a, b : In
        Operands.
    y : Out
        A mixture of both.
    """

    def __init__(self, state=False):
        self.state = state
        super().__init__({"a": In(5), "b": In(5), "y": Out(12)})

    def elaborate(self, platform):
        m = Module()
        domain = m.d.sync if self.state else m.d.comb
        domain += self.y.eq((self.a * self.b + (self.a << self.b[:2])) ^ (self.a < self.b))
        return m


def test_a_netlist_computes_what_the_component_does():
    netlist = to_netlists({"mixed": Mixed()})["mixed"]
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(32), np.arange(32)))
    wanted = (a * b + (a << (b & 3)) ^ (a < b)) & 0xFFF
    assert (netlist.simulate({"a": a, "b": b})["y"] == wanted).all()


def test_several_components_take_one_run():
    netlists = to_netlists({"one": Mixed(), "other": Mixed()})
    assert list(netlists) == ["one", "other"]
    assert len(netlists["one"].cells) == len(netlists["other"].cells)


def test_state_is_refused_by_name():
    netlist = to_netlists({"mixed": Mixed(state=True)})["mixed"]
    with pytest.raises(ToolError) as error:
        netlist.simulate({"a": [1], "b": [2]})
    assert str(error.value).startswith("a multiplier must be combinational, and this one has a ")


def test_what_yosys_refuses_is_one_sentence():
    with pytest.raises(ToolError, match=r"^Yosys could not handle the multiplier: .*$"):
        to_netlists({"mixed": Mixed()}, verilog={"bad.v": "module bad(; endmodule"})


def test_packed_bits_come_back():
    column = np.random.default_rng(0).integers(0, 1 << 17, 1001)
    assert (unpack(pack(column, 17), 1001) == column).all()
