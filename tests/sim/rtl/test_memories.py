import re

import pytest
from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.verilog import to_verilog
from sim.rtl.memories import with_loops

LOOP = re.compile(
    r"    for \(int word = (\d+); word < (\d+); word = word \+ 1\) (\S+ ?)\[word\] = (\S+);\n"
)


class _Table(wiring.Component):
    """A memory of so many words; what it begins with is ``init``."""

    def __init__(self, init, name="words"):
        self.init, self.name = init, name
        super().__init__({"at": In(8), "data": Out(16)})

    def elaborate(self, platform):
        m = Module()
        words = memory.Memory(shape=16, depth=len(self.init), init=self.init)
        setattr(m.submodules, self.name, words)
        port = words.read_port()
        words.write_port()
        m.d.comb += [port.addr.eq(self.at), self.data.eq(port.data)]
        return m


def _unrolled(verilog):
    """The text with a line for each word again."""
    return LOOP.sub(
        lambda loop: "".join(
            f"    {loop[3]}[{word}] = {loop[4]};\n" for word in range(int(loop[1]), int(loop[2]))
        ),
        verilog,
    )


@pytest.mark.parametrize("name", ["words", "odd$name"])
@pytest.mark.parametrize(
    ("init", "loops"),
    [([0] * 200, 1), ([1, 2, 3], 0), ([0] * 3, 0), ([7] * 4 + [0] * 5 + [1, 2] + [0] * 9, 3)],
)
def test_equal_words_are_written_in_loops_that_write_the_same(init, loops, name):
    verilog = to_verilog(_Table(init, name), "table")
    assert f"[{len(init) - 1}] = 16'h" in verilog
    short = with_loops(verilog)
    assert len(LOOP.findall(short)) == loops
    assert _unrolled(short) == verilog


def test_what_is_no_initial_block_stays():
    process = "  always @* begin\n" + "".join(f"    x[{k}] = 1'h0;\n" for k in range(9)) + "  end\n"
    assert with_loops(process) == process
