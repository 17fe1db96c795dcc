"""Files without an LSTM operator to be read, or of several graphs: what they have, what helps."""

import tflite

from sim.networks.network import NetworkError
from sim.networks.tflite.graph import Graph
from sim.networks.wording import listed

__all__ = ["check_is_readable"]

_OPERATORS = tflite.BuiltinOperator
_FUSE = (
    "convert it with TensorFlow 2.15 or tf_keras, a fixed batch size and the layer's default "
    "activations, which writes UNIDIRECTIONAL_SEQUENCE_LSTM, or give the network as .onnx"
)
_RECURRENT = {
    _OPERATORS.BIDIRECTIONAL_SEQUENCE_LSTM: (
        "convert it with TensorFlow 2, which writes a UNIDIRECTIONAL_SEQUENCE_LSTM for each "
        "direction"
    ),
    _OPERATORS.LSTM: "convert it with TensorFlow 2, which writes UNIDIRECTIONAL_SEQUENCE_LSTM",
    _OPERATORS.UNIDIRECTIONAL_SEQUENCE_RNN: "the accelerator computes LSTM layers alone",
    _OPERATORS.BIDIRECTIONAL_SEQUENCE_RNN: "the accelerator computes LSTM layers alone",
    _OPERATORS.RNN: "the accelerator computes LSTM layers alone",
    _OPERATORS.SVDF: "the accelerator computes LSTM layers alone",
}
_VARIABLES = (_OPERATORS.VAR_HANDLE, _OPERATORS.READ_VARIABLE, _OPERATORS.ASSIGN_VARIABLE)
_LSTM_BODY = (3, 2)
"""Sigmoids and tanhs in a step of an LSTM."""
_SHOWN = 4
"""Subgraphs that a sentence names."""


def check_is_readable(graph: Graph) -> None:
    """Refuse a file of several graphs, one that keeps variables, and one without LSTM operator.

    Raises
    ------
    NetworkError
        One sentence that names the operator or the graphs, and what helps.
    """
    graphs = graph.model.subgraphs
    numbers = range(len(graph.operators))
    for number in numbers:
        if graph.kind(number) == _OPERATORS.WHILE and len(graphs) > 1:
            raise NetworkError(_loop(graph, number))
    if len(graphs) > 1:
        names = (_name(each, place) for place, each in enumerate(graphs))
        raise NetworkError(
            f"it has {len(graphs)} subgraphs ({listed(names, _SHOWN)}), not one; convert "
            f"one function of the network alone, without control flow and with stateful=False"
        )
    for number in numbers:
        if graph.kind(number) in _VARIABLES:
            raise NetworkError(
                f"operator {number} ({graph.kind_name(number)}) keeps a variable of the network "
                f"in the file; convert it with stateful=False"
            )
    if not numbers:
        raise NetworkError("it has no operator")
    kinds = [graph.kind(number) for number in numbers]
    if _OPERATORS.UNIDIRECTIONAL_SEQUENCE_LSTM in kinds:
        return
    for number, kind in enumerate(kinds):
        if kind in _RECURRENT:
            raise NetworkError(
                f"operator {number} is {graph.kind_name(number)}, and no operator is "
                f"UNIDIRECTIONAL_SEQUENCE_LSTM; {_RECURRENT[kind]}"
            )
    shown = sorted({graph.kind_name(number) for number in numbers})
    raise NetworkError(
        f"it has no LSTM operator, only {listed(shown, _SHOWN)}; the accelerator needs a "
        f"UNIDIRECTIONAL_SEQUENCE_LSTM, which TensorFlow 2.15 or tf_keras writes for Keras's LSTM"
    )


def _name(subgraph, place: int) -> str:
    return subgraph.name.decode(errors="replace") if subgraph.name else str(place)


def _loop(graph: Graph, number: int) -> str:
    """What is said of a loop, by what its body computes."""
    options = graph.operators[number].builtinOptions
    place = getattr(options, "bodySubgraphIndex", 0)
    graphs = graph.model.subgraphs
    body = graphs[place].operators if 0 < place < len(graphs) else None
    codes = [graph.model.operatorCodes[each.opcodeIndex] for each in body or []]
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in codes]
    found = (kinds.count(_OPERATORS.LOGISTIC), kinds.count(_OPERATORS.TANH))
    what = "an LSTM layer that was not fused" if found == _LSTM_BODY else "a recurrent layer"
    if found == _LSTM_BODY:
        return f"operator {number} (WHILE) is a loop, by its body {what}; {_FUSE}"
    return (
        f"operator {number} (WHILE) is a loop over subgraph {place}, which is no step of an LSTM; "
        f"the accelerator computes LSTM layers alone, and a loop around them is not supported"
    )
