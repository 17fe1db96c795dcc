"""The weight memory against lists."""

import random

import pytest

from hw.weights.bank import WeightBank


class RingUser:
    """Takes streamed words at random and reads each up to ``delay`` cycles later."""

    def __init__(self, dut, count, idle, delay, rng):
        self.dut, self.count, self.idle, self.delay, self.rng = dut, count, idle, delay, rng
        self.handed, self.words, self.addresses, self.cycles = [], [], [], []
        self.reading = False

    @property
    def done(self):
        """Whether enough words were read."""
        return len(self.words) >= self.count

    def drive(self, ctx, cycle):
        """Take a word that is ready; read one whose time has come."""
        self.ready = ctx.get(self.dut.streamed_ready)
        self.take = self.ready and self.rng.random() >= self.idle
        ctx.set(self.dut.streamed_take, self.take)
        self.was_reading = self.reading
        self.reading = bool(self.handed) and cycle >= self.handed[0][0]
        ctx.set(self.dut.r_en, self.reading)
        if self.reading:
            ctx.set(self.dut.r_addr, self.handed.pop(0)[1])

    def sample(self, ctx, cycle):
        """Keep what is handed out and what was read."""
        if self.was_reading:
            self.words.append(ctx.get(self.dut.r_data))
        if self.take:
            address = ctx.get(self.dut.streamed_addr)
            self.handed.append((cycle + self.delay, address))
            self.addresses.append(address)
            self.cycles.append(cycle)


@pytest.mark.parametrize("stalls", [(0, 0), (0.6, 0), (0, 0.7), (0.4, 0.4)])
@pytest.mark.parametrize("ring", [5, 8, 11])
def test_streamed_words_are_read_in_order_up_to_four_cycles_after_they_were_handed_out(
    bench, small, stalls, ring
):
    dut = WeightBank(small(stream_words=ring))
    b = bench(dut, seed=ring)
    rng = random.Random(ring)
    words = [rng.getrandbits(64) for _ in range(120)]
    b.feed(dut.i, words, stalls[0])
    user = b.add(RingUser(dut, 120, stalls[1], 4, rng))
    b.run()
    assert user.words == words
    assert user.addresses == [64 + k % ring for k in range(120)]


def test_a_word_is_handed_out_in_the_cycle_after_it_came_and_one_goes_every_cycle(bench, small):
    dut = WeightBank(small())
    b = bench(dut)
    fed = b.feed(dut.i, range(40))
    user = b.add(RingUser(dut, 40, 0, 2, random.Random(0)))
    b.run()
    assert fed.cycles == list(range(40))
    assert user.cycles == list(range(1, 41))


def test_the_ring_takes_four_words_less_than_it_has(play, small):
    seen = play(WeightBank(small(stream_words=11)), [{"i.valid": 1}] * 20)
    assert sum(row["i.ready"] for row in seen) == 7


def test_loaded_words_go_to_the_resident_part_and_leave_the_ring_alone(play, small):
    rng = random.Random(1)
    words = {address: rng.getrandbits(64) for address in range(20, 40)}
    ring = [rng.getrandbits(64) for _ in range(3)]

    def script():
        for word in ring:
            yield {"i.valid": 1, "i.payload": word, "load_addr": 20}
        yield {"load_addr": 20}
        for word in words.values():
            while rng.random() < 0.3:
                yield {"load": 1, "load_addr": 50, "i.payload": 99}
            seen = yield {"load": 1, "load_addr": 50, "i.valid": 1, "i.payload": word}
            assert seen["i.ready"] and seen["streamed_ready"]
        yield {"load": 1}
        for address, word in words.items():
            yield {"r_en": 1, "r_addr": address}
            for _ in range(2):
                seen = yield {}
                assert seen["r_data"] == word
        for index, word in enumerate(ring):
            seen = yield {"streamed_take": 1}
            assert seen["streamed_addr"] == 64 + index
            yield {"r_en": 1, "r_addr": 64 + index}
            seen = yield {}
            assert seen["r_data"] == word
        seen = yield {}
        assert not seen["streamed_ready"]

    play(WeightBank(small()), script())


@pytest.mark.parametrize("part", [1, 5, 7])
def test_a_part_is_read_again_and_again_and_leaves_at_once(play, small, part):
    """Parts and single words in turn, around an odd ring."""
    ring, rng = 11, random.Random(part)
    words = [rng.getrandbits(64) for _ in range(400)]

    def script():
        given = at = 0

        def row(**values):
            nonlocal given
            seen = yield {"i.valid": 1, "i.payload": words[given], "part_words": part, **values}
            given += seen["i.ready"]
            assert given - at <= ring - 4
            return seen

        yield from row()
        for _ in range(20):
            waits = 0
            while not (seen := (yield from row()))["part_ready"]:
                waits += 1
                assert waits <= part + 2
            base = seen["streamed_addr"] - 64
            assert base == at % ring
            for column in [*range(part)] * 2:
                yield from row(r_en=1, r_addr=64 + (base + column) % ring)
                assert (yield from row())["r_data"] == words[at + column]
            yield from row(part_take=1)
            at += part
            assert not (yield from row())["part_ready"]
            for _ in range(rng.randrange(3)):
                while not (seen := (yield from row()))["streamed_ready"]:
                    pass
                seen = yield from row(streamed_take=1)
                assert seen["streamed_addr"] == 64 + at % ring
                at += 1

    play(WeightBank(small(stream_words=ring, lookahead=2)), script())
