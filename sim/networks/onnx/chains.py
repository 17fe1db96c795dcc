"""Which LSTM nodes of an ONNX graph feed each other with nothing but a change of shape between."""

from collections.abc import Iterable, Mapping

import onnx

from sim.networks.onnx.walk import is_standard

__all__ = ["find_leaders"]

_SHAPING = ("Squeeze", "Unsqueeze", "Transpose", "Reshape", "Flatten", "Identity", "Dropout")
"""Operators that leave every value of their first input as it is."""


def find_leaders(
    nodes: Iterable[onnx.NodeProto], lstms: Mapping[str, onnx.NodeProto]
) -> dict[str, str]:
    """For LSTM nodes whose ``X`` is another's ``Y``, rearranged, the other's name.

    PyTorch exports stacked layers so. That the rearranging keeps steps and units in their places
    does not follow from the operators' names; whoever joins the layers compares the values.

    Parameters
    ----------
    nodes : iterable of NodeProto
        All nodes of the graph.
    lstms : dict of NodeProto
        Its LSTM nodes by name.
    """
    makers = {node.output[0]: node for node in nodes if node.output and is_standard(node)}
    outputs = {node.output[0]: name for name, node in lstms.items() if node.output}
    leaders = {}
    for name, node in lstms.items():
        tensor, passed = node.input[0], set()
        while tensor not in outputs and tensor not in passed:
            passed.add(tensor)
            maker = makers.get(tensor)
            if maker is not None and maker.op_type in _SHAPING:
                tensor = maker.input[0]
        if tensor and tensor in outputs:
            leaders[name] = outputs[tensor]
    return leaders
