import pytest
from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

JOB = data.StructLayout({"size": 4, "begin": 1, "kind": 2, "rest": 3})


class Machine(wiring.Component):
    """Registers as designs have them: kept, partly written, in fields, with nested choices."""

    def __init__(self):
        super().__init__(
            {"op": In(2), "go": In(1), "job": In(JOB), "count": Out(4), "seen": Out(JOB)}
            | {"moved": Out(4), "same": Out(4), "turned": Out(8), "odd": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.odd.eq(self.count[0] ^ self.seen.begin)
        m.d.comb += self.same.eq(self.moved)
        turned = Signal(8, init=0xA5)
        m.d.comb += self.turned.eq(turned)
        with m.If(self.go):
            m.d.sync += turned.eq(turned.rotate_left(3))
            with m.Switch(self.op):
                with m.Case(0):
                    m.d.sync += self.count.eq(self.count + 1)
                with m.Case(1):
                    m.d.sync += self.count[1:3].eq(self.job.kind)
                with m.Case(2):
                    with m.If(self.job.begin):
                        m.d.sync += self.seen.eq(self.job)
                    with m.Else():
                        m.d.sync += self.seen.size.eq(self.count)
        with m.Elif(self.job.begin):
            m.d.sync += self.moved.eq(self.moved + self.job.size)
        with m.Else():
            m.d.sync += [self.count.eq(0), self.seen.rest.eq(7)]
        return m


def _once_read(m, enable, data, out):
    """Before the first reading its data are anything."""
    was_read = Signal()
    with m.If(enable):
        m.d.sync += was_read.eq(1)
    m.d.comb += out.eq(Mux(was_read, data, 0))


class Store(wiring.Component):
    """A memory with a port that reads at the clock, and one that writes parts of a word."""

    def __init__(self, reads=1, parts=None, clocked=True, depth=4):
        self._reads, self._parts, self._clocked = reads, parts, clocked
        self._depth = depth
        outputs = {f"data_{k}": Out(4) for k in range(reads)}
        enables = 4 // (parts or 4)
        super().__init__(
            {"addr": In(2), "word": In(4), "w_en": In(enables), "en": In(1), **outputs}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=4, depth=self._depth, init=[])
        write = words.write_port(granularity=self._parts)
        m.d.comb += [write.addr.eq(self.addr), write.data.eq(self.word), write.en.eq(self.w_en)]
        for k in range(self._reads):
            read = words.read_port(domain="sync" if self._clocked else "comb")
            m.d.comb += read.addr.eq(self.addr ^ k)
            if self._clocked:
                m.d.comb += read.en.eq(self.en)
                _once_read(m, self.en, read.data, getattr(self, f"data_{k}"))
            else:
                m.d.comb += getattr(self, f"data_{k}").eq(read.data)
        return m


class Constants(wiring.Component):
    """A table, read at the clock."""

    addr: In(3)
    data: Out(5)

    def elaborate(self, platform):
        m = Module()
        m.submodules.table = table = memory.Memory(shape=5, depth=8, init=[3, 1, 4, 1, 5, 9, 2, 6])
        read = table.read_port()
        m.d.comb += read.addr.eq(self.addr)
        _once_read(m, 1, read.data, self.data)
        return m


def test_registers_take_what_they_took(prove):
    text = prove(Machine(), steps=8)
    assert "always @*" not in text


def test_a_wrong_value_is_found(prove):
    with pytest.raises(AssertionError, match="proof did fail"):
        prove(Machine(), steps=8, edit=lambda text: text.replace("8'ha5", "8'ha4"))


@pytest.mark.parametrize(
    ("options", "module"),
    [
        ({}, "refrain_ram_1r1w"),
        ({"reads": 2}, "refrain_ram_2r1w"),
        ({"parts": 2}, "refrain_ram_1r1w_parts"),
        ({"clocked": False}, "refrain_ram_1r1w_async"),
        ({"depth": 1}, "refrain_ram_1r1w"),
        ({"depth": 1, "reads": 2}, "refrain_ram_2r1w"),
    ],
)
def test_memories_are_modules_that_do_the_same(prove, options, module):
    text = prove(Store(**options), steps=6)
    assert f"module {module} #(" in text


def test_a_table_is_a_module_with_its_contents(prove):
    text = prove(Constants(), steps=4)
    assert "module design_rom_0 (" in text
    assert "words[5] = 5'h09;" in text
