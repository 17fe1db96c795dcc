import re

import pytest

from boards.transport import Transport
from sim.rtl import MemoryModel, RtlSimulator, SimulationError


@pytest.mark.parametrize("data_width", [64, 128, 512])
def test_copies_arrive_through_any_memory(copier, data_width):
    for memory in (
        MemoryModel(),
        MemoryModel(latency=37, write_latency=11, outstanding=3),
        MemoryModel(beats=3, per_cycles=8),
        MemoryModel.stalling(0.3, seed=1),
        MemoryModel.stalling(0.8, seed=2, latency=9),
    ):
        bench = copier(data_width)
        assert bench.run(memory)
        assert bench.simulator.first_violation == ""
        stats = bench.simulator.stats
        assert stats["read_bursts"] == stats["write_bursts"] == 32
        assert stats["read_beats"] == stats["write_beats"] == 256
        assert stats["reads_outstanding"] == stats["writes_outstanding"] == 0


def test_the_simulator_is_a_transport(copier):
    assert isinstance(copier(64).simulator, Transport)


def test_an_ideal_memory_moves_a_beat_every_cycle(copier):
    bench = copier(64)
    bench.start(bursts=256, beats=8)
    before = bench.simulator.stats["cycles"]
    assert bench.simulator.wait_interrupt(10_000)
    # The address, its first beat, through the buffer, the response, the interrupt.
    assert bench.simulator.stats["cycles"] - before <= 256 * 8 + 5


def test_latency_is_the_cycles_to_the_first_beat(copier):
    def cycles(**settings):
        bench = copier(64)
        bench.start(MemoryModel(**settings), bursts=1, beats=2)
        before = bench.simulator.stats["cycles"]
        assert bench.simulator.wait_interrupt(1000)
        return bench.simulator.stats["cycles"] - before

    ideal = cycles()
    assert cycles(latency=31) == ideal + 30
    assert cycles(write_latency=31) == ideal + 30


def test_bandwidth_is_limited_in_each_direction(copier):
    bench = copier(64)
    bench.start(MemoryModel(beats=2, per_cycles=7), bursts=64, beats=8)
    before = bench.simulator.stats["cycles"]
    assert bench.simulator.wait_interrupt(10_000)
    assert 0 <= bench.simulator.stats["cycles"] - before - 64 * 8 * 7 / 2 < 16


def test_the_same_seed_gives_the_same_cycles(copier):
    def cycles(seed):
        bench = copier(64)
        bench.run(MemoryModel.stalling(0.3, seed=seed))
        return bench.simulator.stats["cycles"]

    assert cycles(5) == cycles(5)
    assert len({cycles(seed) for seed in range(6)}) > 3


@pytest.mark.parametrize(
    ("bug", "text"),
    [
        ("drops valid", r"A[RW] dropped valid before ready"),
        ("narrow beats", r"A[RW] has a size other than the bus"),
        ("fixed bursts", r"A[RW] is not an incrementing burst"),
        ("early last", r"W has last at the wrong beat"),
        ("changing data", r"W changed before ready"),
        ("changing address", r"A[RW] changed before ready"),
    ],
)
def test_the_referee_sees_planted_bugs(copier, bug, text):
    bench = copier(64)
    bench.start(MemoryModel.stalling(0.5, seed=3), bugs=[bug])
    bench.simulator.run(1000)
    assert bench.simulator.violations > 0
    assert re.match(rf"cycle \d+: {text} \(0x", bench.simulator.first_violation)


def test_the_referee_watches_the_register_port(copier):
    bench = copier(64)
    bench.start(MemoryModel(stall_lite=0.7), bursts=0)
    assert bench.simulator.violations == 0
    # The write that turns the bug on may itself go unanswered.
    with pytest.raises(SimulationError):
        for _ in range(20):
            bench.simulator.write_register(0x14, 1 << bench.bug("drops bvalid"))
    text = bench.simulator.first_violation.partition(": ")[2]
    assert text == "register B dropped valid before ready (0x0)"


def test_the_referee_sees_a_burst_across_4_kib(copier):
    bench = copier(64)
    bench.start(source=0xFF8, bursts=1, beats=2)
    bench.simulator.run(100)
    assert bench.simulator.violations == 1
    assert bench.simulator.first_violation.endswith("AR crosses 4 KiB (0xff8)")


def test_the_referee_sees_an_unaligned_burst(copier):
    bench = copier(64)
    bench.start(source=4, bursts=1, beats=2)
    bench.simulator.run(100)
    assert bench.simulator.first_violation.endswith("AR is not aligned to the bus (0x4)")


def test_a_write_outside_the_window_is_counted_and_not_made(copier):
    bench = copier(64)
    simulator, target = bench.simulator, 0x20000
    expected = bench.start(MemoryModel(latency=50), target=target, bursts=2, beats=8)
    simulator.guard((0, 64), (target, target + 120))
    assert simulator.wait_interrupt(1000)
    assert simulator.violations == 1
    assert simulator.first_violation.endswith(
        f"W went outside the write window (0x{target + 120:x})"
    )
    assert (simulator.read_memory(target, 120) == expected[:120]).all()
    assert not simulator.read_memory(target + 120, 8).any()
    bench.start(target=target, bursts=2, beats=8)
    simulator.guard((0, 64), (target, target + 120))
    simulator.guard()
    assert simulator.wait_interrupt(1000)
    assert simulator.violations == 0


def test_a_write_is_visible_when_its_response_is_offered(copier):
    bench = copier(64)
    expected = bench.start(MemoryModel(write_latency=100), bursts=1, beats=2)
    bench.simulator.run(50)
    assert bench.simulator.stats["writes_outstanding"] == 1
    assert not bench.simulator.read_memory(1 << 17, 16).any()
    bench.simulator.run(100)
    assert (bench.simulator.read_memory(1 << 17, 16) == expected).all()


def test_the_error_range_answers_errors_and_keeps_its_bytes(copier):
    bench = copier(64)
    bench.start(MemoryModel(error_base=0x40, error_limit=0x50), bursts=2, beats=8)
    assert bench.simulator.wait_interrupt(1000)
    assert bench.simulator.read_register(0x10) == 2
    bench.start(MemoryModel(error_base=0x20000, error_limit=0x20010), bursts=2, beats=8)
    assert bench.simulator.wait_interrupt(1000)
    assert bench.simulator.read_register(0x10) == 1 << 16
    assert not bench.simulator.read_memory(0x20000, 16).any()
    assert bench.simulator.read_memory(0x20010, 16).any()


def test_addresses_outside_the_memory_answer_errors(copier):
    bench = copier(64)
    bench.start(source=0x3FFC0, target=0x3FFC0, bursts=2, beats=8)
    assert bench.simulator.wait_interrupt(1000)
    assert bench.simulator.read_register(0x10) == 8 | 1 << 16
    assert bench.simulator.violations == 0


def test_waiting_ends_after_the_timeout_and_goes_on(copier):
    bench = copier(64)
    expected = bench.start(MemoryModel(latency=300), bursts=2, beats=8)
    assert not bench.simulator.wait_interrupt(100)
    seen = []
    assert bench.simulator.wait_interrupt(None, seen.append)
    assert len(seen) == 1 and 200 <= seen[0] < 250
    assert (bench.simulator.read_memory(1 << 17, expected.size) == expected).all()


def test_register_errors_are_sentences(copier):
    simulator = copier(64).simulator
    simulator.restart(MemoryModel())
    with pytest.raises(SimulationError) as error:
        simulator.read_register(0x20)
    assert str(error.value) == "the read of register 0x020 was answered with the AXI error 2"
    with pytest.raises(SimulationError) as error:
        simulator.write_register(0x20, 1)
    assert str(error.value) == "the write to register 0x020 was answered with the AXI error 2"
    simulator.write_register(0x14, 1 << 7)
    with pytest.raises(SimulationError) as error:
        simulator.read_register(0)
    assert str(error.value) == "the read of register 0x000 was not answered"


def test_memory_outside_is_a_sentence(copier):
    simulator = copier(64).simulator
    with pytest.raises(SimulationError) as error:
        simulator.read_memory(0x3FFFF, 2)
    assert str(error.value) == "bytes 0x3ffff to 0x40001 are outside the memory, 0x0 to 0x40000"
    with pytest.raises(SimulationError):
        simulator.write_memory(-1, b"a")


def test_a_trace_names_the_ports(copier_component, tmp_path):
    trace = tmp_path / "run.vcd"
    simulator = RtlSimulator(copier_component(64), size=4096, name="copier", trace=trace)
    simulator.run(10)
    simulator.close()
    assert "m_axi_araddr" in trace.read_text()
