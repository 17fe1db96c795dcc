"""Clocks of boards: what a phase-locked loop is set to, and the loop with its clock domain."""

from dataclasses import dataclass

from amaranth.hdl import ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.io import Buffer

__all__ = ["Ecp5Clock", "Ice40Clock", "PllSettings", "XilinxClock"]


@dataclass(frozen=True, kw_only=True)
class PllSettings:
    """Dividers of a loop: ``output = reference / divide * multiply / post``."""

    divide: int
    multiply: int
    post: int
    mhz: float


def _search(reference, wanted, divides, multiplies, posts, phase, vco) -> PllSettings:
    """Dividers that come nearest to ``wanted`` from below, with the loop inside its limits.

    ``phase`` and ``vco`` are the least and most MHz of the phase detector and of the oscillator.
    """
    found = []
    for divide in divides:
        if not phase[0] <= reference / divide <= phase[1]:
            continue
        for multiply in multiplies:
            oscillator = reference / divide * multiply
            if not vco[0] <= oscillator <= vco[1]:
                continue
            for post in posts:
                mhz = oscillator / post
                if 0.9 * wanted <= mhz <= wanted * (1 + 1e-9):
                    found.append(
                        PllSettings(divide=divide, multiply=multiply, post=post, mhz=round(mhz, 6))
                    )
    if not found:
        raise ValueError(f"no clock near {wanted:g} MHz can be made from {reference:g} MHz")
    # Of equals, the one that jitters least: a fast phase detector, a fast oscillator.
    return max(found, key=lambda each: (each.mhz, -each.divide, each.multiply))


class _Clock(wiring.Component):
    """Drives the domain ``sync``, which its parent defines, out of reset once the loop has locked.

    Parameters
    ----------
    resource : str
        The platform's clock input.
    reference : float
        Its frequency, MHz.
    wanted : float
        The domain's, MHz; ``settings.mhz`` is what it becomes.

    Members
    -------
    domain : ClockDomain
        What the parent is to define.
    """

    def __init__(self, resource: str, reference: float, wanted: float):
        self.domain = ClockDomain("sync")
        self.resource = resource
        self.reference = reference
        self.settings = self.settings_for(reference, wanted)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        clock, locked = Signal(), Signal()
        self._loop(m, platform, clock, locked)
        m.d.comb += ClockSignal("sync").eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked, domain="sync")
        return m

    def _input(self, m, platform):
        m.submodules.input = buffer = Buffer("i", platform.request(self.resource, dir="-"))
        return buffer.i


class Ecp5Clock(_Clock):
    """A clock from an EHXPLLL, held low until the loop has locked.

    The domain has no reset: a bitstream sets every register, and nothing moves before the clock
    does. So no net goes to all registers of a machine, which would be the slowest of all.

    Parameters
    ----------
    shift : int or None
        Degrees by which ``shifted``, of the same frequency, comes behind the domain's clock; None
        for no such clock.

    Members
    -------
    shifted : Signal
        It runs before the domain's clock does.

    References
    ----------
    FPGA-DS-02012, ECP5 family data sheet, section 3.20; FPGA-TN-02200, sysCLOCK PLL and the gate
    DCCA.
    """

    def __init__(self, resource: str, reference: float, wanted: float, shift: int | None = None):
        if shift is not None and not 0 <= shift < 360:
            raise ValueError(f"shift must be 0 to 359 degrees, not {shift!r}")
        super().__init__(resource, reference, wanted)
        self.domain = ClockDomain("sync", reset_less=True)
        self.shift = shift
        self.shifted = Signal()

    def elaborate(self, platform):
        m = Module()
        clock, locked, open_ = Signal(), Signal(), Signal()
        self._loop(m, platform, clock, locked)
        m.domains.ungated = ClockDomain("ungated", local=True, reset_less=True)
        m.d.comb += ClockSignal("ungated").eq(clock)
        m.submodules.lock = FFSynchronizer(locked, open_, o_domain="ungated", stages=3)
        m.submodules.gate = Instance("DCCA", i_CLKI=clock, i_CE=open_, o_CLKO=ClockSignal("sync"))
        return m

    @staticmethod
    def settings_for(reference: float, wanted: float) -> PllSettings:
        """Dividers; the feedback comes from the output, so ``multiply`` is of both dividers."""
        best = None
        for divide in range(1, 129):
            if not 3.125 <= reference / divide <= 400:
                continue
            for feedback in range(1, 81):
                mhz = reference / divide * feedback
                if mhz > wanted * (1 + 1e-9) or (best is not None and mhz <= best.mhz):
                    continue
                # The oscillator in the middle of its 400 to 800 MHz.
                post = min(range(1, 129), key=lambda post, mhz=mhz: abs(mhz * post - 600))
                if 400 <= mhz * post <= 800:
                    best = PllSettings(divide=divide, multiply=feedback * post, post=post, mhz=mhz)
        if best is None or best.mhz < 0.9 * wanted:
            raise ValueError(f"no clock near {wanted:g} MHz can be made from {reference:g} MHz")
        return best

    def _second(self) -> dict:
        """What the loop needs for an output more, whose edges are ``shift`` degrees later."""
        if self.shift is None:
            return {}
        post = self.settings.post
        # Whole periods of the oscillator, of which an output's takes ``post``, and eighths of one.
        whole, eighths = divmod(round(8 * post * self.shift / 360), 8)
        return {
            "p_CLKOS_ENABLE": "ENABLED",
            "p_CLKOS_DIV": post,
            "p_CLKOS_CPHASE": post - 1 + whole,
            "p_CLKOS_FPHASE": eighths,
            "o_CLKOS": self.shifted,
        }

    def _loop(self, m, platform, clock, locked):
        found = self.settings
        m.submodules.loop = Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=f"{self.reference:g}",
            a_FREQUENCY_PIN_CLKOP=f"{found.mhz:g}",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB",
            p_OUTDIVIDER_MUXC="DIVC",
            p_OUTDIVIDER_MUXD="DIVD",
            p_CLKI_DIV=found.divide,
            p_CLKFB_DIV=found.multiply // found.post,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=found.post,
            # Rising edges of input and output together.
            p_CLKOP_CPHASE=found.post - 1,
            p_CLKOP_FPHASE=0,
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=self._input(m, platform),
            i_CLKFB=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
            **self._second(),
        )


class XilinxClock(_Clock):
    """A clock from an MMCME2_BASE of the 7 series, speed grade 1.

    References
    ----------
    UG472, 7 series clocking resources, chapter 3; DS181, Artix-7 data sheet, table 38.
    """

    @staticmethod
    def settings_for(reference: float, wanted: float) -> PllSettings:
        """Dividers; whole numbers, though the primitive knows eighths."""
        divides, multiplies, posts = range(1, 11), range(2, 65), range(1, 129)
        return _search(reference, wanted, divides, multiplies, posts, (10, 450), (600, 1200))

    def _loop(self, m, platform, clock, locked):
        found, output, feedback = self.settings, Signal(), Signal()
        m.submodules.loop = Instance(
            "MMCME2_BASE",
            p_CLKIN1_PERIOD=1000 / self.reference,
            p_DIVCLK_DIVIDE=found.divide,
            p_CLKFBOUT_MULT_F=float(found.multiply),
            p_CLKOUT0_DIVIDE_F=float(found.post),
            i_CLKIN1=self._input(m, platform),
            i_CLKFBIN=feedback,
            i_RST=Const(0),
            i_PWRDWN=Const(0),
            o_CLKFBOUT=feedback,
            o_CLKOUT0=output,
            o_LOCKED=locked,
        )
        m.submodules.buffer = Instance("BUFG", i_I=output, o_O=clock)


class Ice40Clock(_Clock):
    """A clock from an SB_PLL40_PAD.

    References
    ----------
    FPGA-TN-02052, iCE40 sysCLOCK PLL.
    """

    @staticmethod
    def settings_for(reference: float, wanted: float) -> PllSettings:
        """Dividers."""
        divides, multiplies = range(1, 17), range(1, 129)
        posts = [2**k for k in range(1, 7)]
        return _search(reference, wanted, divides, multiplies, posts, (10, 133), (533, 1066))

    def _loop(self, m, platform, clock, locked):
        found = self.settings
        m.submodules.loop = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(found.divide - 1, 4),
            p_DIVF=Const(found.multiply - 1, 7),
            p_DIVQ=Const(found.post.bit_length() - 1, 3),
            p_FILTER_RANGE=Const(1, 3),
            i_PACKAGEPIN=platform.request(self.resource, dir="-").io,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )
        # The router does not know what the loop makes of its input.
        platform.add_clock_constraint(clock, found.mhz * 1e6)
