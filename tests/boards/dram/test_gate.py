"""What the gates promise beside values: their cycles, and that an offer stands."""

import pytest
from amaranth.hdl import Assume, Cat, Signal

from boards.dram.gate import ReadGate, WriteGate

LIMIT = 256


class Player:
    """Sets ports in every cycle, by a function of the cycle, and keeps what others are."""

    def __init__(self, inputs, watched, cycles):
        self.inputs, self.watched, self.cycles = inputs, watched, cycles
        self.seen = []

    @property
    def done(self):
        """All cycles are over."""
        return len(self.seen) >= self.cycles

    def drive(self, ctx, cycle):
        """The inputs of this cycle."""
        for port, value in self.inputs(cycle):
            ctx.set(port, value)

    def sample(self, ctx, cycle):
        """The outputs of this cycle."""
        self.seen.append(tuple(ctx.get(port) for port in self.watched))


def test_a_read_passes_at_once_and_a_refused_one_answers_a_cycle_behind_its_address(bench):
    dut = ReadGate(64, LIMIT)
    master, o = dut.masters[0], dut.o

    def inputs(cycle):
        # A beat for the first burst, in the cycle in which the second asks: so that one waits.
        return [
            *((dut.usable, 1), (o.arready, 1), (master.rready, 1)),
            *((master.arvalid, cycle in (1, 2, 3)), (master.araddr, 8 if cycle == 1 else LIMIT)),
            *((master.arlen, cycle > 1), (o.rvalid, cycle == 2), (o.rlast, 1)),
        ]

    watched = (o.arvalid, master.arready, master.rvalid, master.rresp, master.rlast)
    b = bench(dut)
    player = b.add(Player(inputs, watched, 7))
    b.run()
    assert [seen[:3] for seen in player.seen[1:4]] == [(1, 1, 0), (0, 0, 1), (0, 1, 0)]
    assert [seen[2:4] for seen in player.seen[4:]] == [(1, 3), (1, 3), (0, 0)]
    assert [seen[4] for seen in player.seen[4:6]] == [0, 1]


def test_a_written_burst_takes_its_beats_and_one_cycle_and_the_memorys_time(bench):
    dut = WriteGate(64, LIMIT)
    master, o = dut.masters[1], dut.o

    def inputs(cycle):
        beats = cycle - 1
        return [
            *((dut.usable, 1), (o.awready, 1), (o.wready, 1), (master.bready, 1)),
            *((master.awvalid, 1), (master.wvalid, cycle > 0), (master.wlast, beats % 6 == 3)),
            (o.bvalid, 1),
        ]

    watched = (master.awready, master.wready, master.bvalid)
    b = bench(dut)
    player = b.add(Player(inputs, watched, 13))
    b.run()
    # Address, four beats, an answer that comes at once; and again.
    once = [(1, 0, 0), *[(0, 1, 0)] * 4, (0, 0, 1)]
    assert player.seen[:12] == 2 * once


@pytest.mark.parametrize(("gate", "prefix"), [(ReadGate, "ar"), (WriteGate, "aw")])
def test_what_is_offered_to_the_memory_stands_until_it_is_taken(prover, gate, prefix):
    dut = gate(64, LIMIT)

    def channel(port):
        names = ("addr", "len", "size", "burst", "id")
        payload = Cat(getattr(port, prefix + name) for name in names)
        return getattr(port, f"{prefix}valid"), getattr(port, f"{prefix}ready"), payload

    def properties(m, dut):
        for k in range(2):
            prover.stable(m, *channel(dut.masters[k]), check=Assume)
        was = Signal()
        m.d.sync += was.eq(dut.usable)
        m.d.comb += Assume(dut.usable | ~was)
        if prefix == "ar":
            # No beat comes that was not asked for.
            count, o = Signal(8), dut.o
            ended = o.rvalid & o.rready & o.rlast
            m.d.sync += count.eq(count + (o.arvalid & o.arready) - ended)
            m.d.comb += Assume((count != 0) | ~o.rvalid)
        prover.stable(m, *channel(dut.o))

    prover.run(dut, properties, depth=8)
