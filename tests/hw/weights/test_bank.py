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


class Layer:
    """Says how many beats words have."""

    done = True

    def __init__(self, dut, beats):
        self.dut, self.beats = dut, beats

    def drive(self, ctx, cycle):
        """Say it."""
        for name in ("word_beats", "x_word_beats"):
            if hasattr(self.dut, name):
                ctx.set(getattr(self.dut, name), self.beats)

    def sample(self, ctx, cycle):
        """Nothing to see."""


def words_of(beats):
    """Ports that say how many beats words of both parts have."""
    return {"word_beats": beats, "x_word_beats": beats}


def with_words_of(beats, script):
    """The rows of a script, two idle ones before them, that all say how many beats words have."""
    for _ in range(2):
        yield {"word_beats": beats}
    seen = None
    try:
        while True:
            seen = yield script.send(seen) | {"word_beats": beats}
    except StopIteration:
        return


def beats_of(words, beats):
    """Beats of words, the lowest first."""
    return [word >> 64 * beat & (1 << 64) - 1 for word in words for beat in range(beats)]


@pytest.mark.parametrize("stalls", [(0, 0), (0.6, 0), (0, 0.7), (0.4, 0.4)])
@pytest.mark.parametrize("ring, lanes, beats", [(5, 8, 1), (8, 32, 4), (11, 32, 1), (11, 32, 3)])
def test_streamed_words_are_read_in_order_up_to_four_cycles_after_they_were_handed_out(
    bench, small, after, stalls, ring, lanes, beats
):
    dut = WeightBank(small(stream_words=ring, lanes=lanes))
    b = bench(dut, seed=ring)
    rng = random.Random(ring)
    words = [rng.getrandbits(64 * beats) for _ in range(120)]
    b.add(Layer(dut, beats))
    after(b, b.feed(dut.i, beats_of(words, beats), stalls[0]), 2)
    user = b.add(RingUser(dut, 120, stalls[1], 4, rng))
    b.run()
    assert [word & (1 << 64 * beats) - 1 for word in user.words] == words
    assert user.addresses == [64 + k % ring for k in range(120)]


def test_a_word_is_handed_out_in_the_cycle_after_it_came_and_one_goes_every_cycle(
    bench, small, after
):
    dut = WeightBank(small())
    b = bench(dut)
    b.add(Layer(dut, 1))
    fed = after(b, b.feed(dut.i, range(40)), 2)
    user = b.add(RingUser(dut, 40, 0, 2, random.Random(0)))
    b.run()
    assert fed.cycles == list(range(2, 42))
    assert user.cycles == list(range(3, 43))


@pytest.mark.parametrize("beats", [1, 2, 3, 4])
def test_a_word_of_any_beats_is_handed_out_in_the_cycle_after_the_last(bench, small, after, beats):
    dut = WeightBank(small(lanes=32))
    b = bench(dut)
    b.add(Layer(dut, beats))
    fed = after(b, b.feed(dut.i, range(12 * beats)), 2)
    user = b.add(RingUser(dut, 12, 0, 2, random.Random(0)))
    b.run()
    assert fed.cycles == list(range(2, 2 + 12 * beats))
    assert user.cycles == [2 + beats * (1 + word) for word in range(12)]


def test_the_ring_takes_four_words_less_than_it_has(play, small):
    rows = [words_of(2)] * 2 + [words_of(2) | {"i.valid": 1}] * 30
    seen = play(WeightBank(small(stream_words=11, lanes=16)), rows)
    assert sum(row["i.ready"] for row in seen[2:]) == 14
    assert sum(row["word_done"] for row in seen) == 7


@pytest.mark.parametrize("beats", [1, 2, 3, 4])
def test_memories_of_beats_that_words_lack_are_neither_written_nor_read(play, small, beats):
    """Their ports keep what was read last, and they keep what was written last."""
    rng = random.Random(beats)
    first, second = (rng.getrandbits(256) for _ in range(2))
    short = rng.getrandbits(64 * beats)

    def upper(word):
        return word >> 64 * beats << 64 * beats

    def loaded(words, count, addr):
        for _ in range(2):
            yield words_of(count) | {"load_addr": addr}
        for beat in beats_of(words, count):
            yield words_of(count) | {"load": 1, "i.valid": 1, "i.payload": beat}

    def script():
        yield from loaded([first, second], 4, 0)
        yield words_of(4) | {"r_en": 1}
        assert (yield words_of(beats))["r_data"] == first
        yield from loaded([short], beats, 1)
        yield words_of(beats) | {"r_en": 1, "r_addr": 1}
        seen = yield words_of(4)
        assert seen["beats"] == (1 << beats) - 1
        assert seen["r_data"] == short | upper(first)
        yield words_of(4)
        yield words_of(4) | {"r_en": 1, "r_addr": 1}
        assert (yield {})["r_data"] == short | upper(second)

    play(WeightBank(small(lanes=32)), script())


@pytest.mark.parametrize("beats", [(1, 4), (3, 2), (4, 1)])
def test_words_of_x_and_of_h_have_beats_of_their_own(play, small, beats):
    """One after the other, without a gap; each is read with its own."""
    rng = random.Random(beats[0])
    hidden = [0, 1, 1, 0, 1, 0, 0, 1]
    words = [rng.getrandbits(64 * beats[each]) for each in hidden]
    given = {"x_word_beats": beats[0], "word_beats": beats[1]}

    def script():
        for _ in range(2):
            yield given
        for address, (word, part) in enumerate(zip(words, hidden, strict=True)):
            for number, beat in enumerate(beats_of([word], beats[part])):
                row = {"load": 1, "hidden": part, "i.valid": 1, "i.payload": beat}
                seen = yield given | row
                assert seen["word_done"] == (number == beats[part] - 1), address
        for address, (word, part) in enumerate(zip(words, hidden, strict=True)):
            yield given | {"r_en": 1, "r_addr": address, "r_hidden": part}
            seen = yield given | {"r_hidden": 1 - part}
            mask = (1 << beats[part]) - 1
            assert seen["beats"] == mask
            assert seen["r_data"] & (1 << 64 * beats[part]) - 1 == word

    play(WeightBank(small(lanes=32)), script())


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

    play(WeightBank(small(stream_words=ring, lookahead=2)), with_words_of(1, script()))
