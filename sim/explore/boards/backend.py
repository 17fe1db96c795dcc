"""Networks on a board: what its memory holds at a time, and only what has changed over its line."""

from dataclasses import replace

import numpy as np

from boards.board import Board
from boards.catalogue import find_board
from boards.driver import DeviceError
from boards.transport import Transport
from boards.uart.link import SerialLine, SerialTransport
from boards.zynq.linux import MappedTransport, find_buffer, prepare_logic
from hw.config import CONFIGS, Config, ConfigError
from sim.image.compile import compile_network
from sim.image.image import Image
from sim.image.keeping import place_states, resume_refusal
from sim.image.modes import Modes
from sim.model.result import Result
from sim.networks.check import check_integer
from sim.networks.network import IntegerNetwork, NetworkError
from sim.rtl.backend import DeviceBackend

__all__ = ["BoardBackend", "ChangesOnly", "make_board_backend"]

_GRAIN = 64
"""Bytes that are written together when one of them has changed."""


class ChangesOnly:
    """A transport that writes only what the memory does not hold yet.

    Weights stay on a board from one run to the next, and its line is slow.

    Parameters
    ----------
    transport : Transport
        What everything is passed on to.
    """

    def __init__(self, transport: Transport):
        self._transport = transport
        self._held = np.zeros(transport.memory_size, np.uint8)
        self._known = np.zeros(transport.memory_size, bool)

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def forget(self, addr: int, size: int) -> None:
        """The machine may have written these bytes."""
        first = addr - self.memory_base
        self._known[first : first + size] = False

    def write_memory(self, addr: int, data: bytes | np.ndarray) -> None:
        """Bytes of ``data``, of any NumPy type, into the memory."""
        if isinstance(data, np.ndarray):
            data = np.ascontiguousarray(data).tobytes()
        new = np.frombuffer(data, np.uint8)
        first = addr - self.memory_base
        if first < 0 or first + new.size > self.memory_size:
            self._transport.write_memory(addr, data)
            return
        span = slice(first, first + new.size)
        same = self._known[span] & (self._held[span] == new)
        for start, end in _changed(same):
            self._transport.write_memory(addr + start, new[start:end])
        self._held[span], self._known[span] = new, True


def _changed(same: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of whole grains in which something is not the same."""
    grains = np.pad(same, (0, -same.size % _GRAIN), constant_values=True).reshape(-1, _GRAIN)
    marks = np.diff(np.concatenate([[0], ~grains.all(axis=1), [0]]).astype(int))
    starts, ends = np.flatnonzero(marks > 0), np.flatnonzero(marks < 0)
    return [(s * _GRAIN, min(e * _GRAIN, same.size)) for s, e in zip(starts, ends, strict=True)]


class BoardBackend(DeviceBackend):
    """Runs networks on a board.

    A run that does not fit the board's memory is cut into runs of fewer steps, each of which goes
    on from the one before. Where the machine cannot do that, it begins with the state in which the
    one before ended: the same bits where every step is normal, since other modes know more than
    that state. No direction may run backwards. A run that another program has left is ended first.

    Parameters
    ----------
    config : Config
        What the board was built with.
    transport : Transport
        The way to it.
    name : str
        What results say they come from.

    Raises
    ------
    DeviceError
        Another machine is on the board, or its memory owes it an answer.
    """

    def __init__(self, config: Config, transport: Transport, name: str):
        super().__init__(config, ChangesOnly(transport), name)
        found = {key: getattr(self.driver, key) for key in _IDENTITY}
        wanted = {key: getattr(config, key) for key in _IDENTITY}
        if found != wanted:
            said = ", ".join(f"{key} {found[key]} (not {wanted[key]})" for key in _IDENTITY)
            raise DeviceError(f"the machine on {name} is not {config.name}: it has {said}")
        if self.driver.busy:
            self.driver.soft_reset()

    def run(self, network: IntegerNetwork, x: np.ndarray, *, progress=None, **options) -> Result:
        """Result for int8 ``x`` ``[sequences, steps, I]``; options as of ``DeviceBackend.run``."""
        check_integer(network)
        steps = self._steps_at_a_time(network, x, options)
        if steps >= x.shape[1]:
            return super().run(network, x, progress=progress, **options)
        pieces, initial = [], options.pop("initial", None)
        store, resume = options.pop("store_state", None), options.pop("resume", False)
        resumes = self._resumes(network, x, options)
        for start in range(0, x.shape[1], steps):
            part = x[:, start : start + steps]
            piece = super().run(
                network,
                part,
                initial=initial,
                store_state=None,
                resume=resume,
                progress=progress,
                **options,
            )
            initial, resume = (None, True) if resumes else (piece.states, False)
            pieces.append(piece)
        return _joined(pieces, store)

    def _execute(self, image: Image, x: np.ndarray, progress, data: bytes) -> Result:
        """Run; what the machine writes is not what the host wrote there before."""
        self.transport.forget(image.output_base, image.output_limit - image.output_base)
        return super()._execute(image, x, progress, data)

    def _resumes(self, network: IntegerNetwork, x: np.ndarray, options: dict) -> bool:
        """Whether runs of these options can go on from each other."""
        modes = Modes.of(options.get("modes")).for_layers(len(network.layers))
        places = place_states(network, self.config)
        return self.goes_on and resume_refusal(places, len(x), modes) is None

    def _steps_at_a_time(self, network, x: np.ndarray, options: dict) -> int:
        """Steps that the memory holds; refuses a run that cannot be cut."""
        sequences, steps = x.shape[:2]
        fits = {key: options[key] for key in options if key != "initial"}
        room = self.transport.memory_size

        def size(count: int) -> int:
            image = compile_network(network, self.config, steps=count, sequences=sequences, **fits)
            # A piece begins with a state, which is stored beside the weights.
            return image.size + 4 * sum(_hidden(network)) * sequences + 64 * len(_hidden(network))

        if size(steps) <= room:
            return steps
        each = max(1, (size(steps) - size(1)) // max(1, steps - 1))
        most = max(0, (room - size(1)) // each)
        while most and size(most) > room:
            most -= 1
        if not most:
            raise NetworkError(
                f"the run needs {size(1)} bytes for a single step, and the memory of {self.name} "
                f"has {room}"
            )
        backwards = any(d.reverse for layer in network.layers for d in layer.directions)
        kept = any(layer.mode != "normal" for layer in Modes.of(options.get("modes")).layers)
        # Where runs do not go on by themselves, pieces hand on states in memory.
        handed = self._resumes(network, x, options) or (self.config.states and not kept)
        if backwards or not handed:
            raise NetworkError(
                f"the run of {steps} steps needs {size(steps)} bytes, the memory of {self.name} "
                f"has {room}, and it can be cut only if it is in normal mode or of one sequence "
                f"whose state the machine keeps, without a backward direction: give it at most "
                f"{most} steps"
            )
        return most


_IDENTITY = ("lanes", "bus_bytes", "max_input", "max_hidden", "weight_words")
"""What a machine tells of its configuration."""


def _hidden(network: IntegerNetwork) -> list[int]:
    return [d.hidden_size for layer in network.layers for d in layer.directions]


def _joined(pieces: list[Result], store_state: bool | None) -> Result:
    counts = pieces[0].counts
    for piece in pieces[1:]:
        counts = counts + piece.counts
    return replace(
        pieces[-1],
        h=np.concatenate([piece.h for piece in pieces], axis=1),
        states=() if store_state is False else pieces[-1].states,
        counts=counts,
        cycles=sum(piece.cycles for piece in pieces),
        stall_cycles={
            name: sum(piece.stall_cycles[name] for piece in pieces)
            for name in pieces[0].stall_cycles
        },
    )


def make_board_backend(
    port: str, board: str | Board, config: Config | None = None, baud: int | None = None
) -> BoardBackend:
    """The machine on a board that is plugged in and flashed.

    Parameters
    ----------
    port : str
        A serial port; on a Zynq-7000, on which this then runs, the name of a buffer of the driver
        ``u-dma-buf``, with ``@/dev/uio0`` behind it where the registers are a UIO device.
    board : str or Board
        Which one.
    config : Config or None
        What it was built with; None for its usual configuration.
    baud : int or None
        Bits a second, where the board was built for others than usual.

    Raises
    ------
    BoardError
        Nothing answers.
    ConfigError
        There is no such board, or no machine on it.
    DeviceError
        Another machine answers.
    """
    board = find_board(board) if isinstance(board, str) else board
    if config is None:
        if board.config is None:
            raise ConfigError(f"no machine fits into {board.name}, so it runs no network")
        config = CONFIGS[board.config]
    config = board.fitted(config)
    return BoardBackend(config, _transport(port, board, baud), board.name)


def _transport(port: str, board: Board, baud: int | None) -> Transport:
    clock_hz = board.clock_mhz * 1e6
    if board.host == "uart":
        baud = baud or board.baud
        return SerialTransport(SerialLine(port, baud), clock_hz=clock_hz, baud=baud)
    name, _, device = port.partition("@")
    prepare_logic(board.clock_mhz)
    buffer = (f"/dev/{name}", *find_buffer(name))
    if device:
        return MappedTransport(clock_hz, buffer, device, 0)
    return MappedTransport(clock_hz, buffer)
