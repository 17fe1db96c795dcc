"""DDR3 memory on a 7-series FPGA, whose controller makes the clock of everything."""

from amaranth.hdl import ClockDomain, ClockSignal, Const, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.io import Buffer

from boards.dram.litedram import CoreSettings

__all__ = ["Ddr3Clock", "Ddr3Pins", "ddr3_settings"]


def ddr3_settings(clock_mhz: float) -> CoreSettings:
    """A controller for the 256 MiB of an Arty A7, from its oscillator of 100 MHz.

    The chip is an MT41K128M16, 16 bits wide, at four times the controller's clock.
    """
    return CoreSettings(
        name="dram_core",
        kind="ddr3",
        chip="MT41K128M16",
        # Its speed grade decides, and both boards have the same.
        device="xc7a35ticsg324-1L",
        lanes=2,
        clock_mhz=clock_mhz,
        # All that comes in a cycle. LiteDRAM's own conversion from a narrower port stops for ever
        # at a write whose data is there before its address has gone all the way.
        width=128,
    )


class Ddr3Pins:
    """The pins of the platform's ``ddr3``, and the controller's clocks.

    Members
    -------
    reference : Signal
        The oscillator.
    clock, reset : Signal
        Of the controller and of what uses it.
    """

    def __init__(self):
        self.reference, self.clock, self.reset = Signal(), Signal(), Signal()

    def ports(self, m, platform) -> dict:
        """Ports of the instance and what they are connected to."""
        pins = platform.request("ddr3", 0, dir="-")
        names = {
            **{f"{name}_n": name for name in ("cs", "ras", "cas", "we")},
            **{"cke": "clk_en", "reset_n": "rst", "a": "a", "ba": "ba", "dm": "dm", "odt": "odt"},
        }
        return {
            "i_clk": self.reference,
            "i_rst": Const(0),
            "o_user_clk": self.clock,
            "o_user_rst": self.reset,
            **{f"o_ddram_{ours}": getattr(pins, theirs).io for ours, theirs in names.items()},
            **{f"o_ddram_clk_{end}": getattr(pins.clk, end) for end in ("p", "n")},
            **{f"io_ddram_dqs_{end}": getattr(pins.dqs, end) for end in ("p", "n")},
            "io_ddram_dq": pins.dq.io,
        }


class Ddr3Clock(wiring.Component):
    """Drives the domain ``sync``, which its parent defines, with the controller's clock and reset.

    The machine runs on the controller's clock, not on one of its own: both are 100 MHz here, and a
    crossing would cost a queue for each of five channels and some cycles of every access.

    Parameters
    ----------
    resource : str
        The platform's clock input.
    pins : Ddr3Pins
        The controller's clocks.

    Members
    -------
    domain : ClockDomain
        What the parent is to define.
    """

    def __init__(self, resource: str, pins: Ddr3Pins):
        self.domain = ClockDomain("sync")
        self.resource = resource
        self.pins = pins
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.input = buffer = Buffer("i", platform.request(self.resource, dir="-"))
        m.d.comb += [
            self.pins.reference.eq(buffer.i),
            ClockSignal("sync").eq(self.pins.clock),
            ResetSignal("sync").eq(self.pins.reset),
        ]
        return m
