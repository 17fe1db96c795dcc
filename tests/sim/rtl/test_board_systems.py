# amaranth: UnusedElaboratable=no
"""Whole boards run networks: the driver that talks to a board, and the machine behind its host."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from boards.catalogue import BOARDS
from boards.dram.ddr3 import ddr3_settings
from boards.dram.memory import NoPins, dram_memory
from boards.dram.sdram import sdram_settings
from boards.memory import BlockMemory, BlockStorage
from boards.uart.link import SerialTransport
from boards.uart.system import UartSystem
from boards.zynq.gp import BASE_REGISTER
from boards.zynq.system import ZynqSystem
from hw.accelerator import Accelerator
from hw.axi.signatures import Axi4Signature
from hw.config import CONFIGS, Config
from sim.explore.boards.backend import BoardBackend
from sim.explore.nodes import quantize_nodes
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.quantizer import to_codes
from sim.rtl.backend import DeviceBackend
from sim.rtl.board_uart import UartBoard
from sim.rtl.board_zynq import DRAM_BASE, ProcessorStandIn
from sim.rtl.memory_model import MemoryModel
from sim.rtl.simulator import RtlSimulator
from sim.workloads import silero

CLOCK, CYCLES = 50e6, 8
STEPS = 12
"""Frames of the speech demo."""
SMALL = Config(
    name="small",
    lanes=8,
    bus_width=64,
    max_input=16,
    max_hidden=16,
    weight_words=64,
    stream_words=16,
    cell_lanes=1,
    burst_beats=4,
    bursts_in_flight=2,
)


@pytest.fixture(scope="module")
def board():
    """A small machine with 4 KiB of memory on a serial line."""
    system = UartSystem(Accelerator(SMALL), BlockMemory(BlockStorage(512, 64)), CYCLES)
    return UartBoard(system, clock_hz=CLOCK)


def backend(board, config=SMALL):
    transport = SerialTransport(board, clock_hz=CLOCK, baud=board.baud, patience=1e-4)
    return BoardBackend(config, transport, "board"), transport


def assert_equal(found, wanted):
    assert (found.h == wanted.h).all()
    for mine, theirs in zip(found.states, wanted.states, strict=True):
        assert (mine.h == theirs.h).all()
        assert (mine.c == theirs.c).all()


@pytest.mark.parametrize("bit_errors", [0.0, 1e-4])
def test_a_network_runs_over_the_line_whatever_its_errors(board, bit_errors):
    board.restart(bit_errors=bit_errors, seed=2)
    machine, transport = backend(board)
    network = random_network((10, 12, 9), seed=1)
    for seed in range(2):
        x = random_codes(network, 1, 5, seed)
        assert_equal(machine.run(network, x), ModelBackend(SMALL).run(network, x))
    assert bool(transport.repeated) == bool(board.wrong_bits) == bool(bit_errors)


def test_weights_go_over_the_line_once(board):
    board.restart()
    machine, _ = backend(board)
    network = random_network((10, 12), seed=1)
    machine.run(network, random_codes(network, 1, 2, 0))
    before = board.cycles
    machine.run(network, random_codes(network, 1, 2, 1))
    again = board.cycles - before
    board.restart()
    machine, _ = backend(board)
    before = board.cycles
    machine.run(network, random_codes(network, 1, 2, 1))
    assert again < 0.7 * (board.cycles - before)


def test_a_run_that_is_too_long_is_cut_without_a_trace(board):
    board.restart()
    machine, _ = backend(board)
    network = random_network((10, 12), seed=1)
    x = random_codes(network, 1, 150)
    found, wanted = machine.run(network, x), ModelBackend(SMALL).run(network, x)
    assert_equal(found, wanted)
    assert found.counts.steps == wanted.counts.steps == 150
    assert found.counts.macs_done == wanted.counts.macs_done
    with pytest.raises(NetworkError) as refusal:
        machine.run(random_network((10, 8), bidirectional=True), x)
    assert str(refusal.value).startswith("the run of 150 steps needs ")
    assert ", the memory of board has 4096, and it can be cut only if" in str(refusal.value)
    with pytest.raises(NetworkError):
        machine.run(network, random_codes(network, 2, 150), modes=LayerModes(mode="delta"))


def test_a_run_that_is_cut_goes_on_in_every_mode(board):
    board.restart()
    machine, _ = backend(board)
    network = random_network((10, 12), seed=1)
    # The same row twice, so that there is something to skip and to leave out.
    x = np.repeat(random_codes(network, 1, 75), 2, axis=1)
    modes = LayerModes(mode="auto", skip_threshold=1, delta_threshold=0, max_skips=1)
    found, wanted = (each.run(network, x, modes=modes) for each in (machine, ModelBackend(SMALL)))
    assert_equal(found, wanted)
    assert found.counts.modes == wanted.counts.modes
    assert found.counts.mode_normal == 1
    again = machine.run(network, x[:, -1:], modes=modes, resume=True)
    assert (again.counts.mode_normal, again.counts.steps) == (0, 1)


def test_another_machine_is_refused(board):
    board.restart()
    other = dataclasses.replace(SMALL, max_hidden=32)
    with pytest.raises(Exception) as refusal:
        backend(board, other)
    assert str(refusal.value) == (
        "the machine on board is not small: it has lanes 8 (not 8), bus_bytes 8 (not 8), "
        "max_input 16 (not 16), max_hidden 16 (not 32), weight_words 64 (not 64)"
    )


@pytest.fixture(scope="module")
def zynq():
    """The same machine beside a stand-in for the processor of a Zynq-7000."""
    system = ZynqSystem(Accelerator(SMALL), SMALL.burst_beats)
    return RtlSimulator(ProcessorStandIn(system), size=1 << 16, name="zynq")


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_a_network_runs_beside_a_processor(zynq, stall):
    names = ("ar", "r", "aw", "w", "b", "lite")
    stalls = {f"stall_{name}": stall for name in names}
    zynq.restart(MemoryModel(latency=20, **stalls))
    network = random_network((10, 12, 9), seed=1)
    x = random_codes(network, 2, 5)
    found = DeviceBackend(SMALL, zynq, "zynq").run(network, x)
    assert_equal(found, ModelBackend(SMALL).run(network, x))
    assert zynq.first_violation == ""


def test_a_processor_may_reset_the_logic_while_its_dram_answers(zynq):
    zynq.restart(MemoryModel(latency=60, write_latency=90, stall_r=0.5))
    network, other = random_network((10, 12, 9), seed=1), random_network((8, 13), seed=2)
    backend = DeviceBackend(SMALL, zynq, "zynq")
    backend.run(network, random_codes(network, 1, 3))
    for wait in range(100, 3000, 310):
        # What was there before is started again, and then something else.
        backend.driver.write("control", 1)
        zynq.run(wait)
        zynq.reset()
        backend.driver.soft_reset()
        x = random_codes(other, 1, 3, seed=wait)
        assert_equal(backend.run(other, x), ModelBackend(SMALL).run(other, x))
        assert_equal(
            backend.run(network, x := random_codes(network, 1, 3)),
            ModelBackend(SMALL).run(network, x),
        )
    assert zynq.first_violation == ""


def test_a_run_that_another_program_has_left_is_ended(zynq):
    zynq.restart(MemoryModel(latency=2000))
    network = random_network((10, 12), seed=1)
    x = random_codes(network, 1, 2)
    first = BoardBackend(SMALL, zynq, "zynq")
    first.run(network, x)
    first.driver.write("control", 1)
    assert first.driver.busy
    found = BoardBackend(SMALL, zynq, "zynq").run(network, x)
    assert_equal(found, ModelBackend(SMALL).run(network, x))


def test_the_stand_in_puts_the_buffer_somewhere():
    assert DRAM_BASE % 4096 == 0
    assert DRAM_BASE
    assert BASE_REGISTER == 0x1000


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"burst_beats": 32},
            "burst_beats must be at most the 16 beats of an AXI3 burst, not 32",
        ),
        (
            {"lanes": 16, "bus_width": 128},
            "bus_width must be the 64 bits of S_AXI_HP0, not 128",
        ),
    ],
)
def test_what_a_dram_port_cannot_do_is_refused(changes, sentence):
    config = dataclasses.replace(SMALL, **changes)
    port = Axi4Signature(config.addr_width, config.bus_width).create()
    with pytest.raises(ValueError) as refusal:
        ZynqSystem(SimpleNamespace(m_axi=port), config.burst_beats)
    assert str(refusal.value) == sentence


def speech():
    """The speech demo's LSTM, and its first frames."""
    path, samples, _ = silero.load()
    model, inputs = OnnxModel(path), silero.inputs(samples)
    first = {**inputs, "input": inputs["input"][:STEPS]}
    (network,) = quantize_nodes(model, first).values()
    ((seen,),) = model.capture(first).values()
    return network, to_codes(seen.x, network.layers[0].directions[0].x)


@pytest.mark.slow
def test_the_speech_demo_runs_over_a_line_with_errors():
    network, x = speech()
    config = dataclasses.replace(CONFIGS["tiny"], max_input=128, max_hidden=128)
    system = UartSystem(Accelerator(config), BlockMemory(BlockStorage(1 << 15, 64)), CYCLES)
    board = UartBoard(system, clock_hz=CLOCK, bit_errors=1e-5)
    machine, transport = backend(board, config)
    found, wanted = machine.run(network, x), ModelBackend(config).run(network, x)
    assert_equal(found, wanted)
    assert found.counts == wanted.counts and found.counts.steps == STEPS
    # 134 KiB of weights and parameters go over the line, ten bits a byte, eight cycles a bit.
    assert board.cycles > 134 * 1024 * 10 * CYCLES
    assert board.wrong_bits > 5 and 0 < transport.repeated <= board.wrong_bits


def with_dram(settings, config):
    """A whole board around a controller of ``settings``, with LiteDRAM's model of its memory."""
    files = {}
    simulated = dataclasses.replace(settings, simulated=True)
    platform = SimpleNamespace(add_file=files.__setitem__)
    memory = dram_memory(simulated, NoPins(), platform, None, config.bus_width)
    system = UartSystem(Accelerator(config), memory, CYCLES)
    return UartBoard(system, clock_hz=settings.clock_mhz * 1e6, files=files)


def dram_backend(line, config=SMALL):
    clock_hz, baud = line.clock_hz, line.baud
    transport = SerialTransport(line, clock_hz=clock_hz, baud=baud, patience=1e-3)
    return BoardBackend(config, transport, "board"), transport


def assert_holds(transport, size):
    """Both ends of the memory hold what is written, and it is as large as it says."""
    assert (transport.memory_base, transport.memory_size) == (0, size)
    rng = np.random.default_rng(0)
    parts = {addr: rng.integers(0, 256, 700).astype(np.uint8) for addr in (5, size - 700)}
    for addr, data in parts.items():
        transport.write_memory(addr, data)
    for addr, data in parts.items():
        assert (transport.read_memory(addr, 700) == data).all()


def assert_runs(machine, config=SMALL):
    network = random_network((10, 12, 9), seed=1)
    for seed in range(2):
        x = random_codes(network, 1, 5, seed)
        assert_equal(machine.run(network, x), ModelBackend(config).run(network, x))


@pytest.fixture(scope="module")
def sdram():
    return with_dram(sdram_settings(60.0), SMALL)


@pytest.mark.parametrize("bit_errors", [0.0, 1e-4])
def test_a_network_runs_from_sdram_whatever_the_errors_of_the_line(sdram, bit_errors):
    sdram.restart(bit_errors=bit_errors, seed=2)
    machine, transport = dram_backend(sdram)
    assert_holds(transport, 32 << 20)
    assert_runs(machine)
    assert bool(transport.repeated) == bool(sdram.wrong_bits) == bool(bit_errors)


def test_the_host_waits_until_the_sdram_was_started(sdram):
    sdram.restart()
    dram_backend(sdram)
    # 30 writes, and the waits behind them: 20,000 loops of a processor for the first.
    assert 82_000 < sdram.cycles < 90_000 + 0.02 * sdram.clock_hz


@pytest.mark.slow
def test_a_network_runs_from_ddr3_that_its_processor_started():
    line = with_dram(ddr3_settings(100.0), SMALL)
    machine, transport = dram_backend(line)
    # The processor has written and read the memory by then.
    assert 1_000_000 < line.cycles < 20_000_000
    assert_holds(transport, 256 << 20)
    assert_runs(machine)


@pytest.mark.slow
def test_a_wide_bus_reaches_ddr3_too():
    config = dataclasses.replace(SMALL, lanes=16, bus_width=128, cell_lanes=4)
    machine, transport = dram_backend(with_dram(ddr3_settings(100.0), config), config)
    assert_holds(transport, 256 << 20)
    assert_runs(machine, config)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"), [("ulx3s-85f", sdram_settings), ("arty-a7-35", ddr3_settings)]
)
def test_dram_holds_the_speech_demo(name, settings):
    made = BOARDS[name]
    config = made.fitted(CONFIGS[made.config])
    machine, _ = dram_backend(with_dram(settings(made.clock_mhz), config), config)
    network, x = speech()
    found, wanted = machine.run(network, x), ModelBackend(config).run(network, x)
    assert_equal(found, wanted)
    # In one piece, where 64 KiB of blocks would not hold the weights alone.
    assert found.counts == wanted.counts and found.counts.steps == STEPS
