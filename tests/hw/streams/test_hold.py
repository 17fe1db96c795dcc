"""The register between two streams against its contract."""

import pytest

from hw.streams.hold import Hold, Skid


@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_items_leave_in_order(bench, stalls):
    dut = Hold(8)
    b = bench(dut, seed=1)
    items = [k * 7 % 256 for k in range(60)]
    b.feed(dut.i, items, stalls[0])
    out = b.drain(dut.o, len(items), stalls[1])
    b.run()
    assert out.items == items


def test_an_item_takes_one_cycle_and_one_leaves_every_second(bench):
    dut = Hold(8)
    b = bench(dut)
    fed = b.feed(dut.i, range(10))
    out = b.drain(dut.o, 10)
    b.run()
    assert fed.cycles == list(range(0, 20, 2))
    assert out.cycles == list(range(1, 21, 2))


@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_two_items_are_held_in_order(bench, stalls):
    dut = Skid(8)
    b = bench(dut, seed=2)
    items = [k * 7 % 256 for k in range(80)]
    b.feed(dut.i, items, stalls[0])
    out = b.drain(dut.o, len(items), stalls[1])
    b.run()
    assert out.items == items


def test_an_item_takes_one_cycle_and_one_leaves_every_cycle(bench):
    dut = Skid(8)
    b = bench(dut)
    fed = b.feed(dut.i, range(20))
    out = b.drain(dut.o, 20)
    b.run()
    assert fed.cycles == list(range(20))
    assert out.cycles == list(range(1, 21))
