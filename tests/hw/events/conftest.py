"""Events in plain Python, and a user of event lists."""

import pytest

from hw.modes import Mode


class Part:
    """The events of ``x`` or of ``h``, step by step, as ``docs/modes.md`` defines them."""

    def __init__(self, zero, threshold, zero_skip):
        self.zero, self.threshold, self.zero_skip = zero, threshold, zero_skip
        self.reference = None

    def events(self, codes, mode):
        """Events of a step, as (column, value); the references go along."""
        if mode == Mode.SKIP:
            return []
        if mode == Mode.DELTA:
            moved = [
                (k, code - reference)
                for k, (code, reference) in enumerate(zip(codes, self.reference, strict=True))
                if abs(code - reference) > self.threshold
            ]
            for k, _ in moved:
                self.reference[k] = codes[k]
            return moved
        self.reference, last = list(codes), len(codes) - 1
        events = [(k, code - self.zero) for k, code in enumerate(codes)]
        return [e for e in events if not self.zero_skip or e[1] or e[0] == last]


class ListUser:
    """Keeps what is written to two banks and uses complete lists in turn, ``lists`` of them.

    A list is read again after ``rng`` decides to be done with it: nothing may have been written
    over it while it was in use. With ``follow`` a second reader goes through them likewise.

    Members
    -------
    used : lists of events, oldest first, as the replayer saw them; ``modes`` of each.
    ready_cycles, write_cycles : when lists were ready and events were written.
    grown : (its number, what of it was there, mode) of a list that grew, in each such cycle.
    """

    def __init__(self, dut, lists, idle, rng, follow=0):
        self.dut, self.lists, self.idle, self.rng, self.follow = dut, lists, idle, rng, follow
        self.banks = [{}, {}]
        self.readers = [Reader("current"), Reader("ahead")][: 1 + follow]
        self.ready_cycles, self.write_cycles = self.readers[0].ready_cycles, []
        self.newest, self.grown = None, []

    @property
    def used(self):
        """Lists that the replayer is done with."""
        return self.readers[0].used

    @property
    def modes(self):
        """Their modes."""
        return self.readers[0].modes

    @property
    def through(self):
        """Lists that every reader is through with."""
        return min(len(reader.used) for reader in self.readers)

    @property
    def done(self):
        """Whether enough lists were used."""
        return self.through >= self.lists

    def drive(self, ctx, cycle):
        """Be done with the list in use, sooner or later."""
        ctx.set(self.dut.follow, self.follow)
        for reader, port in zip(self.readers, (self.dut.done, self.dut.fetched), strict=False):
            reader.finish = reader.in_use is not None and self.rng.random() >= self.idle
            ctx.set(port, reader.finish)

    def sample(self, ctx, cycle):
        """Store what is written; begin with the next list."""
        dut = self.dut
        self.watch_growth(ctx)
        for reader in self.readers:
            view = getattr(dut, reader.view)
            if reader.finish:
                assert self.read(ctx, view) == reader.in_use, "a list was overwritten in use"
                reader.used.append(reader.in_use)
                reader.modes.append(ctx.get(view.mode))
                reader.in_use = None
            elif reader.in_use is None and ctx.get(view.ready) and len(reader.used) < self.lists:
                assert ctx.get(view.bank) == len(reader.used) % 2
                reader.in_use = self.read(ctx, view)
                reader.ready_cycles.append(cycle)
        if ctx.get(dut.w_en):
            event = (ctx.get(dut.w_event.column), ctx.get(dut.w_event.value))
            self.banks[ctx.get(dut.w_bank)][ctx.get(dut.w_index)] = event
            self.write_cycles.append(cycle)

    def watch_growth(self, ctx):
        """What the replayer may use of a list that grew in the cycle before."""
        view, growing, number = self.dut.current, self.dut.growing, len(self.used)
        if self.newest is not None and not ctx.get(view.ready):
            bank = self.banks[ctx.get(view.bank)]
            there = [bank[index] for index in range(self.newest)]
            self.grown.append((number, there, ctx.get(view.mode)))
        some, newest = ctx.get(growing.some), ctx.get(growing.newest)
        if ctx.get(self.dut.w_en):
            self.written = ctx.get(self.dut.w_index)
        if some or self.newest is not None:
            assert newest == self.written
        self.newest = newest if some else None

    def check_growth(self, modes):
        """What was seen of lists that grew is of them, and in their step's mode."""
        for number, there, mode in self.grown:
            assert there == self.used[number][: len(there)]
            assert mode == modes[number]

    def read(self, ctx, view):
        """The list of a view."""
        bank = self.banks[ctx.get(view.bank)]
        length = 0 if ctx.get(view.empty) else ctx.get(view.last) + 1
        return [bank[k] for k in range(length)]


class Reader:
    """One reader of lists: the list in use, and those it is through with."""

    def __init__(self, view):
        self.view = view
        self.in_use, self.finish = None, False
        self.used, self.modes, self.ready_cycles = [], [], []


@pytest.fixture
def list_user():
    """The ``ListUser`` class."""
    return ListUser


@pytest.fixture
def part():
    """The ``Part`` class."""
    return Part


@pytest.fixture
def nearby():
    """A function that makes the codes of a step from those of the step before."""

    def make(rng, codes, zero):
        wild = [zero, -128, 127, rng.randrange(-128, 128)]
        small = [max(-128, min(127, code + rng.randint(-3, 3))) for code in codes]
        return [rng.choice([c, c, n, rng.choice(wild)]) for c, n in zip(codes, small, strict=True)]

    return make
