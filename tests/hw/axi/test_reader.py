"""The read master against a memory."""

import random

import pytest

from hw.axi.reader import ReadMaster


def make(buffers=(16, 16), burst_beats=8, bursts_in_flight=4, data_width=64, ahead=()):
    """A small read master."""
    return ReadMaster(
        addr_width=32,
        data_width=data_width,
        buffers=buffers,
        burst_beats=burst_beats,
        bursts_in_flight=bursts_in_flight,
        beats_width=12,
        ahead=ahead,
    )


def beats_of(requests, memory_word, width):
    """What the requests of one client return."""
    return [
        {"data": memory_word(r["addr"] + k * width // 8, width), "last": int(k == r["beats"] - 1)}
        for r in requests
        for k in range(r["beats"])
    ]


@pytest.mark.parametrize("seed", range(8))
def test_every_client_gets_its_data_in_order(bench, read_memory, memory_word, seed):
    rng = random.Random(seed)
    width = rng.choice([32, 64, 128])
    buffers = tuple(rng.choice([3, 8, 16, 40]) for _ in range(rng.randint(1, 4)))
    ahead = tuple(k for k in range(len(buffers)) if (seed + k) % 2)
    dut = make(buffers, rng.choice([1, 4, 16]), rng.randint(1, 6), width, ahead)
    stall, latency = rng.choice([0, 0.3, 0.7]), rng.choice([1, 2, 20])
    b = bench(dut, seed)
    memory = b.add(read_memory(dut.axi, latency, stall, seed))
    drains = []
    for k in range(len(buffers)):
        requests = [
            {"addr": width // 8 * rng.randrange(4096), "beats": rng.randint(1, 40)}
            for _ in range(rng.randint(1, 5))
        ]
        b.feed(dut.request[k], requests, rng.choice([0, 0.5]))
        expected = beats_of(requests, memory_word, width)
        drain = b.drain(dut.data[k], len(expected), rng.choice([0, 0.2, 0.8]))
        drains.append((drain, expected))
    b.run(extra=10)
    for drain, expected in drains:
        assert drain.items == expected
    assert len(memory.beat_cycles) == sum(len(expected) for _, expected in drains)


@pytest.mark.parametrize("beats", [1, 8, 511, 512, 513])
@pytest.mark.parametrize("addr", [0, 8, 4088, 2**32 - 8 * 600])
def test_pages_are_never_crossed(bench, read_memory, memory_word, addr, beats):
    dut = make((256,), 128)
    requests = [{"addr": addr, "beats": beats}]
    b = bench(dut)
    memory = b.add(read_memory(dut.axi))
    b.feed(dut.request[0], requests)
    out = b.drain(dut.data[0], beats)
    b.run()
    assert out.items == beats_of(requests, memory_word, 64)
    assert max(n for _, n in memory.bursts) <= 128


def test_an_address_takes_four_cycles_and_a_beat_two(bench, read_memory, script):
    dut = make()
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, latency=5))
    watch = b.add(script(watch={"beats": dut.beats, "error": dut.error, "busy": ~dut.idle}))
    fed = b.feed(dut.request[1], [{"addr": 64, "beats": 3}])
    out = b.drain(dut.data[1], 3)
    b.run(extra=3)
    assert fed.cycles == [0]
    assert memory.offer_cycles == [4]
    assert memory.beat_cycles == [9, 10, 11]
    assert out.cycles == [11, 12, 13]
    assert watch.seen == {"beats": [10, 11, 12], "error": [], "busy": list(range(4, 12))}


def test_one_beat_comes_every_cycle_at_a_latency_of_30(bench, read_memory):
    dut = make((128,), 16, 8)
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, latency=30))
    b.feed(dut.request[0], [{"addr": 0, "beats": 400}])
    out = b.drain(dut.data[0], 400)
    b.run()
    assert memory.address_cycles[:8] == list(range(4, 12))
    assert out.cycles == list(range(36, 436))


def test_a_request_of_one_burst_leaves_every_second_cycle(bench, read_memory):
    dut = make((64,), 4, 16)
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, latency=30))
    b.feed(dut.request[0], [{"addr": 32 * k, "beats": 4} for k in range(10)])
    out = b.drain(dut.data[0], 40)
    b.run()
    assert memory.address_cycles == list(range(4, 24, 2))
    assert out.cycles == list(range(36, 76))


def test_requests_of_one_beat_leave_every_cycle_of_a_client_that_is_taken_ahead(bench, read_memory):
    dut = make((64,), 4, 64, ahead=(0,))
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, latency=30))
    b.feed(dut.request[0], [{"addr": 32 * k, "beats": 1} for k in range(100)])
    out = b.drain(dut.data[0], 100)
    b.run()
    assert memory.address_cycles == list(range(4, 104))
    assert out.cycles == list(range(36, 136))


@pytest.mark.parametrize("beats", [1, 4])
def test_as_many_short_requests_as_may_be_in_flight_are_answered_per_round_trip(
    bench, read_memory, beats
):
    """So bursts of fewer beats need more of them in flight."""
    dut = make((64,), 4, 4, ahead=(0,))
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, latency=30))
    b.feed(dut.request[0], [{"addr": 32 * k, "beats": beats} for k in range(12)])
    b.drain(dut.data[0], 12 * beats)
    b.run()
    assert memory.address_cycles[8] - memory.address_cycles[4] == 30 + beats + 1


def test_the_lowest_index_goes_first_and_a_full_client_blocks_nobody(bench, read_memory):
    dut = make((8, 8), 4, 8)
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, latency=2))
    b.feed(dut.request[0], [{"addr": 0, "beats": 12}])
    b.feed(dut.request[1], [{"addr": 0x1000, "beats": 8}])
    b.drain(dut.data[1], 8)
    b.run(extra=10)
    # Nobody takes the data of client 0: two bursts fill its buffer.
    assert memory.bursts == [(0, 4), (32, 4), (0x1000, 4), (0x1020, 4)]


def test_no_more_bursts_are_in_flight_than_allowed(bench, read_memory):
    dut = make((64,), 4, 3)
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, latency=20))
    b.feed(dut.request[0], [{"addr": 0, "beats": 24}])
    b.drain(dut.data[0], 24)
    b.run()
    for cycle in memory.address_cycles:
        sent = sum(c <= cycle for c in memory.address_cycles)
        assert sent - sum(c < cycle for c in memory.beat_cycles[3::4]) <= 3


def test_an_error_response_is_reported_once_per_beat(bench, read_memory, script):
    dut = make()
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, bad=[8, 24]))
    watch = b.add(script(watch={"error": dut.error}))
    b.feed(dut.request[0], [{"addr": 0, "beats": 6}])
    b.drain(dut.data[0], 6)
    b.run(extra=2)
    assert watch.seen["error"] == [memory.beat_cycles[1] + 1, memory.beat_cycles[3] + 1]


@pytest.mark.parametrize("stall", [0, 0.6])
@pytest.mark.parametrize("at", [1, 2, 3, 9, 25])
def test_halt_idle_and_flush_make_it_new(bench, read_memory, restart, memory_word, at, stall):
    dut = make((16, 8), 8, 3)
    old = [{"addr": 0x40 * k, "beats": 9} for k in range(20)]
    new = [{"addr": 0x8008, "beats": 30}, {"addr": 0, "beats": 1}]
    b = bench(dut, seed=at)
    memory = b.add(read_memory(dut.axi, 6, stall, seed=at))
    before = [b.feed(port, old, 0.2) for port in dut.request]
    before += [b.drain(port, 1000, 0.3) for port in dut.data]
    after = [b.feed(port, new) for port in dut.request]
    after += [b.drain(port, 31) for port in dut.data]
    b.agents = [memory]
    recovery = b.add(restart(dut, at, before, after))
    b.run()
    assert not [c for c in memory.offer_cycles if at < c <= recovery.flushed]
    for drain in after[2:]:
        assert drain.items == beats_of(new, memory_word, 64)


def test_flush_is_not_heeded_while_data_is_awaited(bench, read_memory, script, memory_word):
    dut = make()
    b = bench(dut)
    b.add(read_memory(dut.axi, 20))
    b.add(script({6: [(dut.flush, 1)], 7: [(dut.flush, 0)]}))
    requests = [{"addr": 0, "beats": 8}]
    b.feed(dut.request[0], requests)
    out = b.drain(dut.data[0], 8)
    b.run()
    assert out.items == beats_of(requests, memory_word, 64)


def test_halt_alone_is_a_pause(bench, read_memory, script, memory_word):
    dut = make()
    b = bench(dut)
    memory = b.add(read_memory(dut.axi, 4))
    b.add(script({4: [(dut.halt, 1)], 60: [(dut.halt, 0)]}))
    requests = [{"addr": 8 * k, "beats": 20} for k in range(4)]
    b.feed(dut.request[0], requests)
    out = b.drain(dut.data[0], 80)
    b.run()
    assert out.items == beats_of(requests, memory_word, 64)
    assert not [c for c in memory.offer_cycles if 4 < c < 61]
