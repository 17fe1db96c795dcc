"""Networks of LSTM operators in integers, read from .tflite files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.networks.check import check_integer
from sim.networks.network import IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.paths import cannot_read
from sim.networks.tflite.operator import DAMAGE, INTEGER_KINDS, OperatorReader

__all__ = ["explained", "is_lstm_chain", "read_bytes", "read_tflite"]


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Where the content of a file is taken apart; ``path`` is the file.

    Raises
    ------
    NetworkError
        Something inside was refused, or failed as it does on a damaged file.
    """
    try:
        yield
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    except DAMAGE:
        raise NetworkError(
            f"{path} is damaged or cut short; get it again, or convert the network again"
        ) from None


def read_bytes(path: str | Path) -> bytes:
    """A .tflite file's content.

    Raises
    ------
    NetworkError
        It cannot be read, or is another file.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise NetworkError(f"{path} is not a TensorFlow Lite file")
    return data


def is_lstm_chain(data: bytes) -> bool:
    """Whether a file is for ``read_tflite``: a chain of LSTM operators in integers, no more."""
    try:
        reader = OperatorReader(data)
        if reader.model.SubgraphsLength() != 1 or not reader.graph.OperatorsLength():
            return False
        numbers = range(reader.graph.OperatorsLength())
        if not all(
            reader.is_lstm(number)
            and reader.x_type(number) in INTEGER_KINDS
            and not reader.is_time_major(number)
            for number in numbers
        ):
            return False
        _chain(reader)
    except (NetworkError, *DAMAGE):
        # What reads the file for good says what is wrong with it.
        return False
    return True


def read_tflite(path: str | Path) -> IntegerNetwork:
    """The stacked LSTM operators in integers of a .tflite file.

    Every operator must be a UNIDIRECTIONAL_SEQUENCE_LSTM of int8 or int16 activations, int8 weights
    and an int16 cell state, each fed by the one before. What the hardware does not do is refused by
    name.

    Raises
    ------
    NetworkError
        A missing or damaged file, another operator, or an option that is not supported.
    """
    data = read_bytes(path)
    with explained(path):
        return _network(OperatorReader(data))


def _network(reader: OperatorReader) -> IntegerNetwork:
    """Layers in the order of the data that flows through them."""
    if reader.model.SubgraphsLength() != 1:
        raise NetworkError(f"it has {reader.model.SubgraphsLength()} subgraphs, not one")
    numbers = _chain(reader)
    network = IntegerNetwork(
        layers=tuple(IntegerLayer(directions=(reader.integer_lstm(number),)) for number in numbers)
    )
    check_integer(network)
    return network


def _chain(reader: OperatorReader) -> list[int]:
    """The operators, all of them LSTMs, in the order in which data flows through them."""
    graph = reader.graph
    if graph.InputsLength() != 1 or graph.OutputsLength() != 1:
        raise NetworkError(
            f"it has {graph.InputsLength()} inputs and {graph.OutputsLength()} "
            f"outputs, not one of each"
        )
    count = graph.OperatorsLength()
    if not count:
        raise NetworkError("it has no operator")
    # Operators are found by the tensor they take: the file may list them in any order.
    takers = {}
    for number in range(count):
        _check_kind(reader, number)
        x = graph.Operators(number).Inputs(0)
        if x in takers:
            raise NetworkError(f"operators {takers[x]} and {number} take the same input")
        takers[x] = number
    tensor, numbers = graph.Inputs(0), []
    while tensor in takers:
        numbers.append(takers.pop(tensor))
        tensor = graph.Operators(numbers[-1]).Outputs(0)
    if takers or tensor != graph.Outputs(0):
        raise NetworkError("its operators are not one chain from the input to the output")
    return numbers


def _check_kind(reader: OperatorReader, number: int) -> None:
    """Refuse any other operator by name."""
    if not reader.is_lstm(number):
        raise NetworkError(
            f"operator {number} is {reader.kind_name(number)}, "
            f"only UNIDIRECTIONAL_SEQUENCE_LSTM is supported"
        )
    reader.check_arity(number)
    if reader.is_time_major(number):
        raise NetworkError(
            f"operator {number} is time-major; only [batch, time, features] is supported"
        )
