"""A user of event lists."""

import pytest


class ListUser:
    """Keeps what is written to two banks and uses complete lists in turn, ``lists`` of them.

    A list is read again after ``rng`` decides to be done with it: nothing may have been written
    over it while it was in use.
    """

    def __init__(self, dut, lists, idle, rng):
        self.dut, self.lists, self.idle, self.rng = dut, lists, idle, rng
        self.banks = [{}, {}]
        self.used, self.ready_cycles, self.write_cycles = [], [], []
        self.in_use = None

    @property
    def done(self):
        """Whether enough lists were used."""
        return len(self.used) >= self.lists

    def drive(self, ctx, cycle):
        """Be done with the list in use, sooner or later."""
        self.finish = self.in_use is not None and self.rng.random() >= self.idle
        ctx.set(self.dut.done, self.finish)

    def sample(self, ctx, cycle):
        """Store what is written; begin with the next list."""
        dut = self.dut
        if self.finish:
            assert self.read(ctx) == self.in_use, "a list was overwritten while in use"
            self.used.append(self.in_use)
            self.in_use = None
        elif self.in_use is None and ctx.get(dut.ready) and not self.done:
            self.in_use = self.read(ctx)
            self.ready_cycles.append(cycle)
        if ctx.get(dut.w_en):
            event = (ctx.get(dut.w_event.column), ctx.get(dut.w_event.value))
            self.banks[ctx.get(dut.w_bank)][ctx.get(dut.w_index)] = event
            self.write_cycles.append(cycle)

    def read(self, ctx):
        """The complete list in turn."""
        bank = self.banks[len(self.used) % 2]
        return [bank[k] for k in range(ctx.get(self.dut.last) + 1)]


@pytest.fixture
def list_user():
    """The ``ListUser`` class."""
    return ListUser
