"""The machine's memory of maps."""

from amaranth import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.maps.layout import MAP_COLUMNS, MAP_WORD_BYTES, map_address, map_word_layout

__all__ = ["MapStore"]


class MapStore(wiring.Component):
    """Maps of all layers that have one, read by the replayer and by the fetcher.

    Throughput: one map word written, and one read by each port, per cycle.
    Latency: a word is read one cycle after its address, and holds.

    Parameters
    ----------
    config : Config
        Gives depth and widths.

    Members
    -------
    w_en, w_addr, w_data : In
        A map word as it lies in DRAM.
    r0_en, r0_addr, r0_word, r1_en, r1_addr, r1_word : In, In, Out
        Read ports.
    """

    def __init__(self, config: Config):
        self._config = config
        address = map_address(config)
        word = map_word_layout(config)
        ports = {"w_en": In(1), "w_addr": In(address), "w_data": In(8 * MAP_WORD_BYTES)}
        for port in ("r0", "r1"):
            ports |= {
                f"{port}_en": In(1),
                f"{port}_addr": In(address),
                f"{port}_word": Out(word),
            }
        super().__init__(ports)

    def elaborate(self, platform):
        """One memory."""
        m = Module()
        shape = map_word_layout(self._config)
        m.submodules.maps = maps = memory.Memory(shape=shape, depth=self._config.map_words, init=[])
        write = maps.write_port()
        m.d.comb += [
            write.en.eq(self.w_en),
            write.addr.eq(self.w_addr),
            write.data.stored.eq(self.w_data[:MAP_COLUMNS]),
            write.data.before.eq(self.w_data[MAP_COLUMNS:]),
        ]
        for port in ("r0", "r1"):
            read = maps.read_port()
            m.d.comb += [
                read.en.eq(getattr(self, f"{port}_en")),
                read.addr.eq(getattr(self, f"{port}_addr")),
                getattr(self, f"{port}_word").eq(read.data),
            ]
        return m
