import numpy as np

from sim.explore.boards.backend import ChangesOnly


class Noting:
    """A transport that notes what it is asked to write."""

    memory_base, memory_size = 0, 1024

    def __init__(self):
        self.bytes, self.written = np.zeros(1024, np.uint8), []

    def write_memory(self, addr, data):
        """Note and write."""
        data = np.frombuffer(bytes(data), np.uint8)
        self.written.append((addr, data.size))
        self.bytes[addr : addr + data.size] = data


def test_only_what_changed_is_written():
    inner = Noting()
    outer = ChangesOnly(inner)
    data = np.arange(300, dtype=np.uint8)
    outer.write_memory(0, data)
    outer.write_memory(0, data)
    assert inner.written == [(0, 300)]
    data[[70, 299]] += 1
    outer.write_memory(0, data)
    assert inner.written[1:] == [(64, 64), (256, 44)]
    assert (inner.bytes[:300] == data).all()


def test_what_the_machine_may_have_written_is_written_again():
    inner = Noting()
    outer = ChangesOnly(inner)
    outer.write_memory(0, bytes(256))
    outer.forget(128, 64)
    outer.write_memory(0, bytes(256))
    assert inner.written == [(0, 256), (128, 64)]


def test_everything_else_is_passed_on():
    assert ChangesOnly(Noting()).memory_size == 1024
