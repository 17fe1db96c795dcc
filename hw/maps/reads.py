"""The map and the marks of both lists, and who reads them."""

from amaranth import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.config import Config
from hw.events.layout import column_width
from hw.maps.layout import MAP_WORD_BYTES, map_address
from hw.maps.marks import EventMarks
from hw.maps.scanner import read_signature
from hw.maps.store import MapStore

__all__ = ["MapReads"]


class MapReads(wiring.Component):
    """A memory of maps and the marks of two lists, each with two read ports.

    Throughput, latency: those of ``MapStore`` and ``EventMarks``.

    Parameters
    ----------
    config : Config
        Gives depths and widths.

    Members
    -------
    w_en, w_addr, w_data : In
        A map word as it lies in DRAM.
    x_en, x_bank, x_first, x_column, h_en, h_bank, h_first, h_column : In
        An event joins a list, which it begins.
    r0, r1 : In
        What two scanners read.
    """

    def __init__(self, config: Config):
        self._config = config
        address = map_address(config)
        ports = {"w_en": In(1), "w_addr": In(address), "w_data": In(8 * MAP_WORD_BYTES)}
        for part in "xh":
            ports |= {f"{part}_{name}": In(1) for name in ("en", "bank", "first")}
            ports[f"{part}_column"] = In(unsigned(column_width(config)))
        ports |= {port: In(read_signature(config)) for port in ("r0", "r1")}
        super().__init__(ports)

    def elaborate(self, platform):
        """Three memories, and wires."""
        m = Module()
        m.submodules.store = store = MapStore(self._config)
        m.d.comb += [
            store.w_en.eq(self.w_en),
            store.w_addr.eq(self.w_addr),
            store.w_data.eq(self.w_data),
        ]
        sizes = {"x": self._config.max_input, "h": self._config.max_hidden}
        marks = {part: EventMarks(self._config, columns) for part, columns in sizes.items()}
        for part, each in marks.items():
            m.submodules[f"{part}_marks"] = each
            m.d.comb += [
                getattr(each, f"w_{name}").eq(getattr(self, f"{part}_{name}"))
                for name in ("en", "bank", "first", "column")
            ]
        for port in ("r0", "r1"):
            self._read(m, port, store, marks)
        return m

    def _read(self, m, port, store, marks):
        reader = getattr(self, port)
        m.d.comb += [
            getattr(store, f"{port}_en").eq(reader.en),
            getattr(store, f"{port}_addr").eq(reader.addr),
            reader.word.eq(getattr(store, f"{port}_word")),
        ]
        for part, each in marks.items():
            m.d.comb += [
                getattr(each, f"{port}_en").eq(getattr(reader, f"{part}_en")),
                getattr(each, f"{port}_bank").eq(reader.bank),
                getattr(each, f"{port}_word").eq(reader.number),
                getattr(reader, f"{part}_marks").eq(getattr(each, f"{port}_marks")),
            ]
