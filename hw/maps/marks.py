"""Which columns are events of a list: a bit for each, so that many are looked at in one cycle."""

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width
from hw.maps.layout import MAP_COLUMNS, mark_words

__all__ = ["EventMarks"]

_LOW = (MAP_COLUMNS - 1).bit_length()


class EventMarks(wiring.Component):
    """Marks of two lists, of which one is made while the other is used.

    Events come in the order of their columns, so the word that grows is written with each of them.
    A word without events is never written: a flip-flop for each says which ones are.

    Throughput: one event marked, and one word read by each port, per cycle.
    Latency: a word is read one cycle after its request, and holds; an event is in it if it came
    before the request.

    Parameters
    ----------
    config : Config
        Gives the width of a column.
    columns : int
        Columns of the longest list.

    Members
    -------
    w_en, w_bank, w_first, w_column : In
        An event joins the list of this bank, which it begins.
    r0_en, r0_bank, r0_word, r0_marks, r1_en, r1_bank, r1_word, r1_marks : In, In, In, Out
        Read ports.
    """

    def __init__(self, config: Config, columns: int):
        self._words = mark_words(columns)
        self._word = unsigned(max((self._words - 1).bit_length(), 1))
        column = unsigned(column_width(config))
        ports = {"w_en": In(1), "w_bank": In(1), "w_first": In(1), "w_column": In(column)}
        for port in ("r0", "r1"):
            ports |= {
                f"{port}_en": In(1),
                f"{port}_bank": In(1),
                f"{port}_word": In(self._word),
                f"{port}_marks": Out(MAP_COLUMNS),
            }
        super().__init__(ports)

    def elaborate(self, platform):
        """The word that grows, words that are there, and two ports."""
        m = Module()
        m.submodules.marks = marks = memory.Memory(
            shape=unsigned(MAP_COLUMNS), depth=2 << self._word.width, init=[]
        )
        word, grown = self._word_of(self.w_column), Signal(MAP_COLUMNS)
        last, newest = Signal.like(word), Signal(MAP_COLUMNS)
        one = (Const(1, MAP_COLUMNS) << (self.w_column[:_LOW]))[:MAP_COLUMNS]
        m.d.comb += grown.eq(one | Mux(self.w_first | (word != last), 0, newest))
        write = marks.write_port()
        m.d.comb += [
            write.en.eq(self.w_en),
            write.addr.eq(Cat(word, self.w_bank)),
            write.data.eq(grown),
        ]
        there = [Signal(self._words, name=f"there_{bank}") for bank in range(2)]
        new = (Const(1, self._words) << word)[: self._words]
        with m.If(self.w_en):
            m.d.sync += [last.eq(word), newest.eq(grown)]
            for bank in range(2):
                with m.If(self.w_bank == bank):
                    m.d.sync += there[bank].eq(new | Mux(self.w_first, 0, there[bank]))
        for port in ("r0", "r1"):
            self._read(m, marks.read_port(), there, port)
        return m

    def _word_of(self, column):
        """The word that a column's mark is in."""
        return (Const(0, self._word) | (column >> _LOW))[: self._word.width]

    def _read(self, m, read, there, port):
        """The marks, or none if their word was not written for this list."""
        en, bank, word, marks = (
            getattr(self, f"{port}_{name}") for name in ("en", "bank", "word", "marks")
        )
        written = Signal(name=f"{port}_written")
        m.d.comb += [
            read.en.eq(en),
            read.addr.eq(Cat(word, bank)),
            marks.eq(read.data & written.replicate(MAP_COLUMNS)),
        ]
        with m.If(en):
            m.d.sync += written.eq(Mux(bank, there[1], there[0]).bit_select(word, 1))
        return marks
