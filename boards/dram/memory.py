"""A memory controller's DRAM as the machine's memory."""

from dataclasses import replace

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.dram.gate import ReadGate, WriteGate
from boards.dram.litedram import CoreSettings, DramCore, make_core
from boards.dram.starter import Starter
from boards.dram.widen import Widen
from hw.axi.signatures import Axi4LiteSignature, Axi4Signature
from hw.config import ConfigError

__all__ = ["Controller", "DramMemory", "HostPort", "NoPins", "dram_memory", "id_width"]

_GATE_ID = 2
"""Bits of an identifier behind the gates: which of two masters, and what that master says."""


def id_width(narrow: int, wide: int) -> int:
    """Bits of the identifiers of a controller's port of ``wide`` bits for a machine's bus."""
    return _GATE_ID + (wide // narrow - 1).bit_length()


class NoPins:
    """In place of pins: the controller holds a model of the memory, and runs on the clock."""

    def ports(self, m, platform) -> dict:
        """Ports of the instance and what they are connected to."""
        return {"i_clk": ClockSignal(), "i_sim_trace": Const(0)}


class Controller(wiring.Component):
    """A controller of LiteDRAM, started.

    Parameters
    ----------
    core : DramCore
        What LiteDRAM made.
    pins
        ``ports(m, platform)`` gives the ports of the instance that are its clock and its pins.

    Members
    -------
    axi : Axi4Signature
        The memory, of ``core.bytes``; taken from only when ``ready``.
    ready : Out(1)
        The memory was started, and trained or given up.
    failed : Out(1)
        With ``ready``: it was given up.
    """

    def __init__(self, core: DramCore, pins):
        self.core = core
        self.pins = pins
        settings = core.settings
        super().__init__(
            {
                "axi": In(Axi4Signature(32, settings.width, settings.id_width)),
                "ready": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        ports = {"o_init_done": self.ready, "o_init_error": self.failed}
        for name, member in self.axi.signature.members.items():
            # The controller knows neither of locks nor of caches.
            if not name.endswith(("lock", "cache", "prot", "qos")):
                direction = "i" if member.flow == In else "o"
                ports[f"{direction}_user_port_axi_{name}"] = self._port(m, name)
        if self.core.steps:
            m.submodules.starter = starter = Starter(self.core.steps)
            ports |= {
                "i_wb_ctrl_adr": starter.word,
                "i_wb_ctrl_dat_w": starter.value,
                "i_wb_ctrl_sel": Const(0b1111, 4),
                "i_wb_ctrl_cyc": starter.valid,
                "i_wb_ctrl_stb": starter.valid,
                "i_wb_ctrl_we": Const(1),
                "i_wb_ctrl_cti": Const(0, 3),
                "i_wb_ctrl_bte": Const(0, 2),
                "o_wb_ctrl_ack": starter.taken,
            }
        else:
            # What its processor says nobody hears.
            ports |= {"i_uart_tx_ready": Const(1), "i_uart_rx_valid": Const(0)}
            ports["i_uart_rx_data"] = Const(0, 8)
        ports |= self.pins.ports(m, platform)
        m.submodules.core = Instance(self.core.settings.name, **ports)
        return m

    def _port(self, m, name: str):
        """The member of ``axi`` in the width that LiteDRAM gives its port."""
        value = getattr(self.axi, name)
        if name.endswith("addr"):
            return value[: self.core.bytes.bit_length() - 1]
        return Cat(value, Const(0)) if name.endswith("size") else value


class HostPort(wiring.Component):
    """Makes the accesses of an AXI4-Lite master, words of 32 bits, bursts of one beat.

    Throughput: an access at a time.

    Parameters
    ----------
    width : int
        Bits of the wide data.

    Members
    -------
    host : Axi4LiteSignature, 32 address bits
        The master.
    axi : Axi4Signature
        What it becomes.
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__({"host": In(Axi4LiteSignature(32)), "axi": Out(Axi4Signature(32, width))})

    def elaborate(self, platform):
        m = Module()
        host, axi = self.host, self.axi
        offset_width = (self.width // 8).bit_length() - 1
        addr, asked, writing = Signal(32), Signal(), Signal()
        place = addr[2:offset_width]
        size = Const(offset_width, 3)
        aligned = Cat(Const(0, offset_width), addr[offset_width:])
        m.d.comb += [
            asked.eq(host.arvalid | (host.awvalid & host.wvalid)),
            axi.araddr.eq(aligned),
            axi.awaddr.eq(aligned),
            *(axi.arsize.eq(size), axi.arburst.eq(1), axi.awsize.eq(size), axi.awburst.eq(1)),
            axi.wlast.eq(1),
        ]
        for valid, ready in (
            (axi.arvalid, axi.arready),
            (axi.awvalid, axi.awready),
            (axi.wvalid, axi.wready),
        ):
            with m.If(ready):
                m.d.sync += valid.eq(0)
        with m.FSM():
            with m.State("Wait"), m.If(asked):
                self._take(m, writing, addr)
                m.next = "Collect"
            with m.State("Collect"):
                m.d.comb += [axi.rready.eq(1), axi.bready.eq(1)]
                m.d.sync += host.rdata.eq(axi.rdata.word_select(place, 32))
                m.d.sync += [host.rresp.eq(axi.rresp), host.bresp.eq(axi.bresp)]
                with m.If(axi.rvalid | axi.bvalid):
                    m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += [host.rvalid.eq(~writing), host.bvalid.eq(writing)]
                with m.If(host.rready & ~writing | host.bready & writing):
                    m.next = "Wait"
        return m

    def _take(self, m, writing, addr):
        """Take the access that the host asks for, and ask for it."""
        host, axi, write = self.host, self.axi, ~self.host.arvalid
        place = host.awaddr[2 : (self.width // 8).bit_length() - 1]
        m.d.comb += [host.arready.eq(~write), host.awready.eq(write), host.wready.eq(write)]
        m.d.sync += [
            writing.eq(write),
            addr.eq(Mux(write, host.awaddr, host.araddr)),
            axi.wdata.eq(host.wdata.replicate(self.width // 32)),
            axi.wstrb.eq(host.wstrb << (place << 2)),
            *(axi.arvalid.eq(~write), axi.awvalid.eq(write), axi.wvalid.eq(write)),
        ]


class DramMemory(wiring.Component):
    """The DRAM behind a controller, for the machine and for the host.

    As ``boards.memory.BlockMemory`` to both. Before the memory is ready, and when it was given up,
    every access is answered with a slave error.

    Parameters
    ----------
    controller : Controller
        The way to the DRAM.
    width : int
        Bits of the machine's bus, at most those of the controller's port.

    Members
    -------
    axi : Axi4Signature
        The machine's port.
    host : Axi4LiteSignature, 32 address bits
        The host's port.
    flags : Out(2)
        The memory is not ready; the memory cannot be used. See ``boards.uart.protocol.Status``.
    """

    flag_bits = 2

    def __init__(self, controller, width: int):
        self.controller = controller
        self.bytes = controller.core.bytes
        self.width = width
        self.wide = controller.core.settings.width
        super().__init__(
            {
                "axi": In(Axi4Signature(32, self.width)),
                "host": In(Axi4LiteSignature(32)),
                "flags": Out(self.flag_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.controller = controller = self.controller
        m.submodules.host = host = HostPort(self.width)
        m.submodules.read = read = ReadGate(self.width, self.bytes)
        m.submodules.write = write = WriteGate(self.width, self.bytes)
        wiring.connect(m, wiring.flipped(self.host), host.host)
        port = controller.axi
        if self.wide > self.width:
            m.submodules.widen = widen = Widen(self.width, self.wide, _GATE_ID)
            wiring.connect(m, widen.o, controller.axi)
            port = widen.i
        usable = Signal()
        m.d.sync += usable.eq(controller.ready & ~controller.failed)
        m.d.sync += self.flags.eq(Cat(~controller.ready, controller.ready & controller.failed))
        for gate in (read, write):
            m.d.comb += gate.usable.eq(usable)
            for whole, half in (
                (wiring.flipped(self.axi), gate.masters[0]),
                (host.axi, gate.masters[1]),
                (port, gate.o),
            ):
                _join(m, whole, half)
        return m


def _join(m, whole, half):
    """Connect a whole AXI4 port with a half, seen from inside the component that has it."""
    for name in half.signature.members:
        outer, inner = getattr(whole, name), getattr(half, name)
        flows = whole.signature.members[name].flow
        m.d.comb += inner.eq(outer) if flows == Out else outer.eq(inner)


def dram_memory(settings: CoreSettings, pins, platform, board, width: int) -> DramMemory:
    """Memory for ``boards.uart.top.uart_system``; the controller's files go to ``platform``.

    The controller's port has the ``width`` of the machine's bus where ``settings`` have none.

    Raises
    ------
    BoardError
        See ``make_core``.
    ConfigError
        The bus is wider than the controller's port.
    """
    wide = settings.width or width
    if width > wide:
        raise ConfigError(
            f"bus_width must be at most the {wide} bits of the memory's controller, not {width}"
        )
    core = make_core(replace(settings, width=wide, id_width=id_width(width, wide)))
    for name, text in core.files.items():
        platform.add_file(name, text)
    return DramMemory(Controller(core, pins), width)
