"""SDRAM with one word per clock cycle on an ECP5."""

from amaranth.hdl import ClockDomain, ClockSignal, Const
from amaranth.lib.io import DDRBuffer

from boards.dram.litedram import CoreSettings

__all__ = ["SHIFT", "SdramPins", "sdram_settings"]

SHIFT = 90
"""Degrees by which the memory's clock comes behind the controller's.

What the controller says is on its pins for a quarter of a period before the memory's edge, and what
the memory answers has three quarters, less its own time, to come back.
"""


def sdram_settings(clock_mhz: float) -> CoreSettings:
    """A controller for the 32 MiB of a ULX3S, whichever maker's chip is on it.

    The boards have chips of ISSI, Micron and Alliance, of 4 banks of 8192 rows of 512 words of 16
    bits each. ISSI's wants the longest times, and all of them keep those.
    """
    return CoreSettings(
        name="dram_core",
        kind="sdr",
        chip="IS42S16160",
        # LiteX looks at the family only.
        device="LFE5U-85F-6BG381C",
        lanes=2,
        clock_mhz=clock_mhz,
    )


class SdramPins:
    """The pins of the platform's ``sdram``.

    Parameters
    ----------
    shifted : Signal
        The memory's clock, ``SHIFT`` degrees behind the domain ``sync``.
    """

    def __init__(self, shifted):
        self.shifted = shifted

    def ports(self, m, platform) -> dict:
        """Ports of the instance and what they are connected to."""
        pins = platform.request("sdram", 0, dir="-")
        m.domains.shifted = ClockDomain("shifted", local=True, reset_less=True)
        m.d.comb += ClockSignal("shifted").eq(self.shifted)
        # Through the register of a pin, so that it comes as late as what it is to sample.
        m.submodules.clock = clock = DDRBuffer("o", pins.clk, o_domain="shifted")
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        names = {
            **{f"{name}_n": name for name in ("cs", "ras", "cas", "we")},
            **{"cke": "clk_en", "a": "a", "ba": "ba", "dm": "dqm"},
        }
        return {
            "i_clk": ClockSignal(),
            "i_rst": Const(0),
            **{f"o_sdram_{ours}": getattr(pins, theirs).io for ours, theirs in names.items()},
            "io_sdram_dq": pins.dq.io,
        }
