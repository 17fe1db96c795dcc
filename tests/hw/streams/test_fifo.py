"""The queue against its contract."""

import pytest
from amaranth.lib import data

from hw.streams.fifo import Fifo


@pytest.mark.parametrize("depth", [3, 4, 7, 16])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_items_leave_in_order(bench, depth, stalls):
    dut = Fifo(8, depth)
    b = bench(dut, seed=depth)
    items = [k * 7 % 256 for k in range(100)]
    b.feed(dut.i, items, stalls[0])
    out = b.drain(dut.o, len(items), stalls[1])
    b.run()
    assert out.items == items


@pytest.mark.parametrize("depth", [3, 8])
def test_an_item_takes_two_cycles_and_one_leaves_every_cycle(bench, depth):
    dut = Fifo(8, depth)
    b = bench(dut)
    fed = b.feed(dut.i, range(40))
    out = b.drain(dut.o, 40)
    b.run()
    assert fed.cycles == list(range(40))
    assert out.cycles == list(range(2, 42))


@pytest.mark.parametrize("depth", [3, 5, 8])
def test_level_counts_what_is_inside_and_exactly_depth_items_fit(bench, depth):
    dut = Fifo(8, depth)
    b = bench(dut, seed=1)
    fed = b.feed(dut.i, range(60), 0.2)
    out = b.drain(dut.o, 60, 0.6)
    levels = []

    class Watch:
        done = True

        def drive(self, ctx, cycle):
            pass

        def sample(self, ctx, cycle):
            levels.append(ctx.get(dut.level))

    b.add(Watch())
    b.run()
    for cycle, level in enumerate(levels):
        inside = sum(c < cycle for c in fed.cycles) - sum(c < cycle for c in out.cycles)
        assert level == inside
    assert max(levels) == depth


def test_items_may_be_structs(bench):
    dut = Fifo(data.StructLayout({"data": 8, "last": 1}), 4)
    b = bench(dut)
    items = [{"data": k, "last": k == 3} for k in range(4)]
    b.feed(dut.i, items)
    out = b.drain(dut.o, 4)
    b.run()
    assert out.items == items


@pytest.mark.parametrize("depth", [2, 0, "4"])
def test_a_depth_that_cannot_run_is_refused(depth):
    with pytest.raises(ValueError) as error:
        Fifo(8, depth)
    assert str(error.value) == f"depth must be an integer of at least 3, not {depth!r}"
