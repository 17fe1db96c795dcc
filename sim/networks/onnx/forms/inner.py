"""LSTM nodes over one step, inside the body of a loop, as cells."""

import numpy as np
import onnx

from sim.networks.onnx.forms.cells import Cell
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import attributes, is_standard, node_name

__all__ = ["find_inner"]

_PLAIN = {"hidden_size", "direction", "activations", "layout", "input_forget"}
_DEFAULTS = {"activations": [b"Sigmoid", b"Tanh", b"Tanh"], "layout": 0, "input_forget": 0}


def find_inner(sheet: Sheet) -> list[Cell]:
    """LSTM nodes of a body whose input is one step; others are left out."""
    nodes = [node for node in sheet.nodes if is_standard(node, "LSTM")]
    cells = [_cell(sheet, node) for node in nodes]
    return [cell for cell in cells if cell is not None]


def _cell(sheet: Sheet, node: onnx.NodeProto) -> Cell | None:
    given = attributes(node)
    x, W, R, B, lens, h0, c0, P = [*node.input, *[""] * 8][:8]
    weights = [sheet.value(name) for name in (W, R, B)]
    odd = any(given.get(name, value) != value for name, value in _DEFAULTS.items())
    if lens or P or odd or set(given) - _PLAIN:
        return None
    if any(value is None for value in weights[:2]) or (B and weights[2] is None):
        return None
    W, R = weights[0], weights[1]
    H = R.shape[-1] if R.ndim else 0
    if W.shape[:-1] != (1, 4 * H) or R.shape != (1, 4 * H, H):
        return None
    if weights[2] is not None and weights[2].shape != (1, 8 * H):
        return None
    bias = np.zeros(8 * H, np.float32) if weights[2] is None else weights[2][0]
    step = _without_first(sheet, x)
    states = [_without_first(sheet, name) for name in (h0, c0)]
    outer = step is None or (states[0] is None) != (states[1] is None)
    if outer or not (h0 and c0):
        return None
    inside = states[0] is None
    y, y_h, y_c = [*node.output, "", "", ""][:3]
    return Cell(
        name=node_name(node),
        h=y_h if inside else _squeezed(sheet, y_h),
        c=y_c if inside else _squeezed(sheet, y_c),
        h_before=sheet.origin(h0) if inside else states[0],
        c_before=sheet.origin(c0) if inside else states[1],
        sources=((step, W.shape[2]),),
        W=W[0].astype(np.float32),
        R=R[0].astype(np.float32),
        bias=(bias[: 4 * H] + bias[4 * H :]).astype(np.float32),
        extra_axis=inside,
        copies=tuple((name, axes) for name, axes in ((y_h, 1), (y, 2)) if name),
    )


def _axes(sheet: Sheet, node: onnx.NodeProto) -> list[int] | None:
    axes = attributes(node).get("axes")
    if len(node.input) > 1:
        axes = sheet.value(node.input[1])
    return None if axes is None else [int(axis) for axis in np.ravel(axes)]


def _without_first(sheet: Sheet, name: str) -> str | None:
    """The tensor that has one more axis in front as ``name``; None where it was not put there."""
    node = sheet.maker(name, "Unsqueeze") if name else None
    return sheet.origin(node.input[0]) if node is not None and _axes(sheet, node) == [0] else None


def _squeezed(sheet: Sheet, name: str) -> str:
    """What a state is without its first axis; the state itself where nobody takes the axis away."""
    for node in sheet.nodes:
        taken = is_standard(node, "Squeeze") and sheet.origin(node.input[0]) == name
        if taken and _axes(sheet, node) == [0]:
            return node.output[0]
    return name
