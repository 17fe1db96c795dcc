"""Weights of LSTM nodes that a file holds in integers, as the real numbers that they stand for."""

import numpy as np
import onnx

from sim.networks.network import NetworkError
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import identity, is_standard, node_name

__all__ = ["QUANTISED", "rewrite_quantised"]

QUANTISED = "DynamicQuantizeLSTM"
"""ONNX Runtime's LSTM operator with weights in integers."""

# Where DynamicQuantizeLSTM has what.
_W, _R, _SCALES = 1, 2, 8


def rewrite_quantised(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """``DynamicQuantizeLSTM`` nodes become LSTM nodes; what was dequantised comes as sentences.

    Weights behind ``DequantizeLinear`` stay as they are: constants are computed when they are read.

    Raises
    ------
    NetworkError
        Weights, scales or zero points are missing, computed at run time, or do not fit each other.
    """
    nodes = [n for n in model.graph.node if n.op_type in (QUANTISED, "LSTM")]
    if not nodes:
        return model, []
    sheet, notes, added = Sheet(model), [], []
    for node in nodes:
        if node.op_type == QUANTISED:
            added.append(_dequantised(sheet, node))
            notes.append(
                f"{QUANTISED} node {node_name(node)} was dequantised: its weights are the real "
                f"numbers that its integers stand for, and it runs as an LSTM node"
            )
        elif is_standard(node) and sheet.maker(node.input[_W], "DequantizeLinear") is not None:
            notes.append(f"the weights of LSTM node {node_name(node)} were dequantised")
    if not added:
        return model, notes
    sheet.replace([identity(node) for node in added], added)
    return sheet.model(), notes


def _dequantised(sheet: Sheet, node: onnx.NodeProto) -> onnx.NodeProto:
    inputs = [*node.input, *[""] * 12][:12]
    title = node_name(node)
    weights = [
        _weights(sheet, title, inputs[number], *inputs[_SCALES + 2 * k : _SCALES + 2 * k + 2])
        for k, number in enumerate((_W, _R))
    ]
    result = onnx.NodeProto()
    result.CopyFrom(node)
    result.op_type, result.domain = "LSTM", ""
    result.input[:] = [inputs[0], *weights, *inputs[3:_SCALES]]
    while not result.input[-1]:
        result.input.pop()
    return result


def _weights(sheet: Sheet, title: str, codes: str, scale: str, zero_point: str) -> str:
    """The name of a constant, [directions, 4 * H, size], for codes [directions, size, 4 * H]."""
    where = f"{QUANTISED} node {title}"
    values = [sheet.value(name) for name in (codes, scale)]
    zero = sheet.value(zero_point) if zero_point else np.zeros(1)
    if zero is None or any(value is None for value in values):
        raise NetworkError(
            f"{where} has weights, scales or zero points that are not constant, which is not "
            f"supported; hand over the model before quantisation"
        )
    codes, scale = values
    # Scales and zero points are [directions], or [directions, 4 * H] for one a row.
    shapes = {(len(codes),), (len(codes), codes.shape[-1])} if codes.ndim == 3 else set()
    if scale.shape not in shapes or (zero_point and zero.shape not in shapes):
        raise NetworkError(
            f"{where} has weights of the shape {codes.shape} with scales of the shape "
            f"{scale.shape} and zero points of the shape {zero.shape}, which do not fit; "
            f"quantise the model again"
        )
    spread = [v.reshape(len(v), 1, -1).astype(np.float32) for v in (scale, zero)]
    real = (codes.astype(np.float32) - spread[1]) * spread[0]
    return sheet.constant(f"{title}/dequantised", np.ascontiguousarray(real.swapaxes(1, 2)))
