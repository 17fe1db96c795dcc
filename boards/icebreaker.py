"""The iCEBreaker: too small for a machine, large enough for its line and its memory."""

from functools import partial

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth_boards.icebreaker import ICEBreakerPlatform

from boards.board import Board, Plan, unchanged
from boards.clocks import Ice40Clock
from boards.uart.top import UartTop, block_memory, uart_system
from hw.config import Config

__all__ = ["BOARDS", "SpramStorage"]

_BLOCK_WORDS, _BLOCK_BITS = 1 << 14, 16


class SpramStorage(wiring.Component):
    """The four memories SB_SPRAM256KA of an iCE40UP5K as one, 64 bits wide.

    Throughput: an access a cycle.
    Latency: ``latency`` cycles.

    Parameters
    ----------
    words, width : int
        16,384 of 64 bits, nothing else.

    Members
    -------
    enable, addr, strb, write_data, read_data
        As of ``boards.memory.BlockStorage``.
    """

    latency = 3

    def __init__(self, words: int, width: int):
        if (words, width) != (_BLOCK_WORDS, 4 * _BLOCK_BITS):
            raise ValueError(
                f"words and width must be {_BLOCK_WORDS} and {4 * _BLOCK_BITS}, "
                f"not {words} and {width}"
            )
        self.words, self.width = words, width
        super().__init__(
            {
                "enable": In(1),
                "addr": In(range(words)),
                "strb": In(width // 8),
                "write_data": In(width),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        enable, addr = Signal(), Signal.like(self.addr)
        strb, written, found = Signal.like(self.strb), Signal(self.width), Signal(self.width)
        m.d.sync += [enable.eq(self.enable), self.read_data.eq(found)]
        with m.If(self.enable):
            m.d.sync += [addr.eq(self.addr), strb.eq(self.strb), written.eq(self.write_data)]
        for k in range(self.width // _BLOCK_BITS):
            bits, bytes_ = slice(16 * k, 16 * k + 16), strb[2 * k : 2 * k + 2]
            m.submodules[f"block_{k}"] = Instance(
                "SB_SPRAM256KA",
                i_CLOCK=ClockSignal(),
                i_ADDRESS=addr,
                i_DATAIN=written[bits],
                # A bit of the mask is four bits of the word.
                i_MASKWREN=Cat(bytes_[0], bytes_[0], bytes_[1], bytes_[1]),
                i_WREN=bytes_.any(),
                i_CHIPSELECT=enable,
                i_STANDBY=Const(0),
                i_SLEEP=Const(0),
                i_POWEROFF=Const(1),
                o_DATAOUT=found[bits],
            )
        return m


def _plan(board: Board, config: Config | None, toolchain: str) -> Plan:
    system = uart_system(board, config, partial(block_memory, storage=SpramStorage))
    top = UartTop(system, Ice40Clock("clk12", 12.0, board.clock_mhz), (("led", 0), ""))
    return Plan(
        platform=ICEBreakerPlatform(toolchain=toolchain),
        top=top,
        options={
            "nextpnr_opts": "--timing-allow-fail --seed 1 --report report.json",
            "synth_opts": "-dsp",
        },
        bitstream="top.bin",
    )


BOARDS = (
    Board(
        name="icebreaker",
        title="1BitSquared iCEBreaker",
        part="iCE40UP5K",
        host="uart",
        config=None,
        clock_mhz=24.0,
        memory_kib=128,
        baud=1_000_000,
        toolchains=("IceStorm",),
        flash=("--board", "ice40_generic"),
        fit=unchanged,
        plan=_plan,
    ),
)
