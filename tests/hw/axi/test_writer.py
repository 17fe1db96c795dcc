"""The write master against a memory."""

import random

import pytest

from hw.axi.writer import WriteMaster

EVERYWHERE = 2**32 - 1


def make(buffers=(16, 16), burst_beats=8, bursts_in_flight=4, data_width=64):
    """A small write master."""
    return WriteMaster(
        addr_width=32,
        data_width=data_width,
        buffers=buffers,
        burst_beats=burst_beats,
        bursts_in_flight=bursts_in_flight,
        beats_width=12,
    )


def work(rng, requests, width):
    """Random data for ``requests``, and the bytes that it writes."""
    items, expected = [], {}
    for request in requests:
        for k in range(request["beats"]):
            item = {"data": rng.getrandbits(width), "strb": rng.getrandbits(width // 8)}
            items.append(item)
            for byte in range(width // 8):
                if item["strb"] >> byte & 1:
                    at = request["addr"] + k * width // 8 + byte
                    expected[at] = item["data"] >> 8 * byte & 255
    return items, expected


def window(script, dut, base=0, limit=EVERYWHERE):
    """An agent that opens the window."""
    return script({0: [(dut.base, base), (dut.limit, limit)]})


def bursts_of(requests, beat_bytes, burst_beats):
    """How many bursts the requests become."""
    first = [r["addr"] // beat_bytes // burst_beats for r in requests]
    last = [(r["addr"] // beat_bytes + r["beats"] - 1) // burst_beats for r in requests]
    return sum(b - a + 1 for a, b in zip(first, last, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_memory_holds_what_every_client_wrote(bench, write_memory, script, seed):
    rng = random.Random(seed)
    width = rng.choice([32, 64, 128])
    buffer, burst_beats = rng.choice([(8, 8), (40, 16), (16, 1), (16, 4)])
    buffers = (buffer,) * rng.randint(1, 4)
    dut = make(buffers, burst_beats, rng.randint(1, 6), width)
    b = bench(dut, seed)
    b.add(window(script, dut))
    expected, count = {}, 0
    for k in range(len(buffers)):
        # Each client has a region of its own, so that the order between clients is free.
        requests = [
            {"addr": k << 16 | width // 8 * rng.randrange(1024), "beats": rng.randint(1, 40)}
            for _ in range(rng.randint(1, 5))
        ]
        items, written = work(rng, requests, width)
        expected.update(written)
        count += bursts_of(requests, width // 8, burst_beats)
        b.feed(dut.request[k], requests, rng.choice([0, 0.5]))
        b.feed(dut.data[k], items, rng.choice([0, 0.5]))
    stall, latency = rng.choice([0, 0.3, 0.7]), rng.choice([1, 2, 20])
    memory = b.add(write_memory(dut.axi, latency, stall, seed, bursts=count))
    b.run(extra=10)
    assert memory.bytes == expected
    assert len(memory.bursts) == count


@pytest.mark.parametrize("beats", [1, 8, 512, 513])
@pytest.mark.parametrize("addr", [0, 8, 4088])
def test_pages_are_never_crossed(bench, write_memory, script, addr, beats):
    dut = make((256,), 128)
    requests = [{"addr": addr, "beats": beats}]
    items, expected = work(random.Random(0), requests, 64)
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, bursts=bursts_of(requests, 8, 128)))
    b.feed(dut.request[0], requests)
    b.feed(dut.data[0], items)
    b.run()
    assert memory.bytes == expected


def test_a_burst_begins_four_cycles_after_its_last_data(bench, write_memory, script):
    dut = make()
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, latency=3, bursts=1))
    names = ("beats", "error", "outside")
    watch = b.add(script(watch={name: getattr(dut, name) for name in names}))
    idle = b.add(script(watch={"busy": ~dut.idle, "undrained": ~dut.drained}))
    b.feed(dut.request[1], [{"addr": 64, "beats": 3}])
    fed = b.feed(dut.data[1], [{"data": k, "strb": 255} for k in range(3)])
    b.run(extra=3)
    assert fed.cycles == [0, 1, 2]
    assert memory.offer_cycles == [6]
    assert memory.beat_cycles == [6, 7, 8]
    assert memory.response_cycles == [11]
    assert watch.seen == {"beats": [7, 8, 9], "error": [], "outside": []}
    assert idle.seen == {"busy": list(range(5, 12)), "undrained": list(range(1, 12))}


def test_a_burst_begins_five_cycles_after_a_late_request(bench, write_memory, script):
    dut = make()
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, bursts=1))
    b.feed(dut.data[0], [{"data": k, "strb": 255} for k in range(3)])
    late = {"addr": 0, "beats": 3}
    payload, valid = dut.request[0].payload, dut.request[0].valid
    b.add(script({20: [(payload, late), (valid, 1)], 21: [(valid, 0)]}))
    b.run()
    assert memory.offer_cycles == [25]


def test_a_burst_of_eight_takes_ten_cycles(bench, write_memory, script):
    dut = make((64,))
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, latency=1, bursts=8))
    b.feed(dut.request[0], [{"addr": 0, "beats": 64}])
    b.feed(dut.data[0], [{"data": k, "strb": 255} for k in range(64)])
    b.run()
    assert memory.offer_cycles == [10 * k + 11 for k in range(8)]
    assert memory.beat_cycles == [10 * k + 11 + n for k in range(8) for n in range(8)]


def test_data_need_not_wait_for_its_address(bench, write_memory, script):
    dut = make()
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, bursts=1))
    drive = memory.drive

    def no_address_before_data(ctx, cycle):
        drive(ctx, cycle)
        memory.ready[0] = len(memory.beat_cycles) == 2
        ctx.set(dut.axi.awready, memory.ready[0])

    memory.drive = no_address_before_data
    b.feed(dut.request[0], [{"addr": 0, "beats": 2}])
    b.feed(dut.data[0], [{"data": k, "strb": 255} for k in range(2)])
    b.run()
    assert len(memory.bytes) == 16


def test_the_lowest_index_goes_first(bench, write_memory, script):
    dut = make((16, 16), 4)
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, bursts=4))
    for k in range(2):
        b.feed(dut.request[k], [{"addr": k << 12, "beats": 8}])
        b.feed(dut.data[k], [{"data": k, "strb": 255}] * 8)
    b.run()
    assert [addr for addr, _ in memory.bursts] == [0, 0x20, 0x1000, 0x1020]


@pytest.mark.parametrize("base, limit", [(0x1000, 0x1040), (0x1001, 0x1040), (0x1000, 0x103F)])
def test_bursts_outside_the_window_are_dropped(bench, write_memory, script, base, limit):
    dut = make((16,), 4)
    requests = [{"addr": 0xFE0, "beats": 16}, {"addr": 0x1008, "beats": 2}]
    items, _ = work(random.Random(1), requests, 64)
    inside = [
        addr
        for addr, end in [(0xFE0, 0x1000), (0x1000, 0x1020), (0x1020, 0x1040), (0x1040, 0x1060)]
        if base <= addr and end <= limit
    ]
    b = bench(dut)
    b.add(window(script, dut, base, limit))
    memory = b.add(write_memory(dut.axi, bursts=len(inside) + 1))
    watch = b.add(script(watch={"outside": dut.outside, "idle": dut.drained}))
    b.feed(dut.request[0], requests)
    b.feed(dut.data[0], items)
    b.run(extra=5)
    assert [addr for addr, _ in memory.bursts] == [*inside, 0x1008]
    assert len(watch.seen["outside"]) == 4 - len(inside)
    assert memory.bytes[0x1008 + 8 * 1 + 0] == items[17]["data"] & 255 or not items[17]["strb"] & 1
    assert watch.seen["idle"][-1] == b.cycles - 1


def test_outside_comes_four_cycles_after_the_last_data(bench, script):
    dut = make()
    b = bench(dut)
    watch = b.add(script(watch={"outside": dut.outside}, until=12))
    b.feed(dut.request[0], [{"addr": 0, "beats": 2}])
    b.feed(dut.data[0], [{"data": 1, "strb": 1}] * 2)
    b.run()
    assert watch.seen["outside"] == [5]


def test_no_more_bursts_await_responses_than_allowed(bench, write_memory, script):
    dut = make((64,), 2, 2)
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, latency=40, bursts=6))
    b.feed(dut.request[0], [{"addr": 0, "beats": 12}])
    b.feed(dut.data[0], [{"data": 1, "strb": 1}] * 12)
    b.run()
    for cycle in memory.offer_cycles:
        sent = sum(c <= cycle for c in memory.offer_cycles)
        assert sent - sum(c < cycle for c in memory.response_cycles) <= 2


def test_an_error_response_is_reported(bench, write_memory, script):
    dut = make((16,), 4)
    b = bench(dut)
    b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, bad=[0x20], bursts=3))
    watch = b.add(script(watch={"error": dut.error}))
    b.feed(dut.request[0], [{"addr": 0, "beats": 12}])
    b.feed(dut.data[0], [{"data": 1, "strb": 1}] * 12)
    b.run(extra=2)
    assert watch.seen["error"] == [memory.response_cycles[1] + 1]


@pytest.mark.parametrize("stall", [0, 0.6])
@pytest.mark.parametrize("at", [1, 2, 3, 11, 12, 13, 14, 25, 40])
def test_halt_idle_and_flush_make_it_new(bench, write_memory, script, restart, at, stall):
    dut = make((16, 8), 8, 3)
    old = [{"addr": 0x40 * k, "beats": 8} for k in range(20)]
    new = [{"addr": 0x8008, "beats": 30}, {"addr": 0x8000, "beats": 1}]
    items, expected = work(random.Random(at), new, 64)
    b = bench(dut, seed=at)
    opened = b.add(window(script, dut))
    memory = b.add(write_memory(dut.axi, 6, stall, seed=at))
    before = [b.feed(port, old, 0.2) for port in dut.request]
    before += [b.feed(port, [{"data": 1, "strb": 255}] * 160, 0.3) for port in dut.data]
    after = [b.feed(dut.request[0], new), b.feed(dut.data[0], items)]
    b.agents = [opened, memory]
    recovery = b.add(restart(dut, at, before, after))
    b.run(extra=90)
    assert not [c for c in memory.offer_cycles if at + 2 < c <= recovery.flushed]
    assert {a: v for a, v in memory.bytes.items() if a >= 0x8000} == expected
