"""What a .tflite file holds, also one that cannot run."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import tflite

from sim.networks.network import IntegerNetwork, NetworkError
from sim.networks.paths import cannot_read
from sim.networks.streams import known_states
from sim.networks.summary import FileSummary, LayerSummary, Port, layer_summary
from sim.networks.tflite.model import load_tflite
from sim.networks.tflite.reader import explained

__all__ = ["summarise_tflite"]

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_TYPES = {value: name.lower() for name, value in vars(tflite.TensorType).items() if name.isupper()}


def summarise_tflite(path: Path) -> FileSummary:
    """A .tflite file.

    Raises
    ------
    NetworkError
        No such file, or a damaged one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    with explained(path):
        model = tflite.Model.GetRootAs(data, 0)
        graph = model.Subgraphs(0)
        operators = list(_operators(model))
        common = {
            "kind": ".tflite",
            "what": _describe(model),
            "inputs": _ports(graph, graph.InputsLength(), graph.Inputs),
            "outputs": _ports(graph, graph.OutputsLength(), graph.Outputs),
        }
        recurrent = tuple(_raw_layers(graph, operators))
    try:
        found = load_tflite(path)
    except NetworkError as error:
        host = Counter(kind for kind in operators if not _is_recurrent(kind))
        return FileSummary(**common, layers=recurrent, host=dict(host), refused=str(error))
    if isinstance(found, IntegerNetwork):
        names = tuple(f"operator {number}" for number in range(len(found.layers)))
        layers = [
            layer_summary(name, layer, number)
            for number, (name, layer) in enumerate(zip(names, found.layers, strict=True))
        ]
        return FileSummary(**common, layers=tuple(layers), networks=(names,))
    # A run takes inputs by the names that the file's signature gives them.
    for ports, names in (("inputs", found.inputs), ("outputs", found.outputs)):
        common[ports] = tuple(
            replace(port, name=name) for port, name in zip(common[ports], names, strict=True)
        )
    layers = [layer_summary(name, layer) for name, layer in found.lstm_layers.items()]
    networks = tuple((name,) for name in found.lstm_layers)
    host = dict(sorted(Counter(found.host).items()))
    return FileSummary(
        **common,
        states=known_states(found),
        layers=tuple(layers),
        networks=networks,
        host=host,
        notes=found.notes,
    )


def _describe(model) -> str:
    maker = (model.Description() or b"").decode(errors="replace")
    parts = ["a TensorFlow Lite model"]
    if model.SubgraphsLength() != 1:
        parts.append(f"{model.SubgraphsLength()} subgraphs")
    return ", ".join(parts) + (f" ({maker.rstrip('.')})" if maker else "")


def _operators(model) -> Iterator[str]:
    """Names of the main graph's operators, in their order."""
    graph = model.Subgraphs(0)
    for number in range(graph.OperatorsLength()):
        code = model.OperatorCodes(graph.Operators(number).OpcodeIndex())
        kind = code.BuiltinCode()
        if kind == tflite.BuiltinOperator.CUSTOM:
            yield f"custom {(code.CustomCode() or b'').decode(errors='replace')}"
        else:
            yield tflite.BUILTIN_OPCODE2NAME.get(kind, f"operator {kind}")


def _is_recurrent(kind: str) -> bool:
    return any(word in kind.upper() for word in ("LSTM", "RNN", "GRU"))


def _raw_layers(graph, operators: list[str]) -> Iterator[LayerSummary]:
    """Recurrent operators of a file that does not run."""
    for number, kind in enumerate(operators):
        if not _is_recurrent(kind):
            continue
        hidden = inputs = None
        operator = graph.Operators(number)
        # The forget gate's weights, which no variant of the operator lacks.
        if "LSTM" in kind and operator.InputsLength() > 2 and operator.Inputs(2) >= 0:
            tensor = graph.Tensors(operator.Inputs(2))
            if tensor.ShapeLength() == 2:
                hidden, inputs = int(tensor.Shape(0)), int(tensor.Shape(1))
        yield LayerSummary(
            name=f"operator {number}",
            kind=kind,
            inputs=inputs,
            hidden=hidden,
            directions=2 if kind.startswith("BIDIRECTIONAL") else 1,
            refused=None if kind == _LSTM else f"it is {kind}; {_LSTM} runs",
        )


def _ports(graph, count: int, index_of) -> tuple[Port, ...]:
    ports = []
    for number in range(count):
        tensor = graph.Tensors(index_of(number))
        signed = tensor.ShapeSignatureLength()
        axes = signed or tensor.ShapeLength()
        size = tensor.ShapeSignature if signed else tensor.Shape
        shape = tuple(int(size(axis)) if size(axis) >= 0 else None for axis in range(axes))
        name = (tensor.Name() or b"").decode(errors="replace")
        kind = _TYPES.get(tensor.Type(), "unknown")
        quantization = tensor.Quantization()
        if quantization is not None and quantization.ScaleLength() == 1:
            zero = quantization.ZeroPoint(0) if quantization.ZeroPointLength() else 0
            kind += f", scale {quantization.Scale(0):.4g}, zero point {zero}"
        ports.append(Port(name=name, shape=shape, kind=kind))
    return tuple(ports)
