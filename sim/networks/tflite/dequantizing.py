"""Layers of integers as layers in floating point that mean the same."""

import numpy as np

from sim.networks.network import FloatLayer, FloatLstm, IntegerLayer, IntegerLstm, rows_of

__all__ = ["float_layer"]


def float_layer(layer: IntegerLayer) -> FloatLayer:
    """What a layer's codes mean."""
    return FloatLayer(directions=tuple(_float_lstm(each) for each in layer.directions))


def _float_lstm(lstm: IntegerLstm) -> FloatLstm:
    W_scale, R_scale = (rows_of(each) for each in (lstm.W_scale, lstm.R_scale))
    return FloatLstm(
        W=(lstm.W * W_scale[..., None]).astype(np.float32),
        R=(lstm.R * R_scale[..., None]).astype(np.float32),
        bias=(lstm.bias * (lstm.x.scale * W_scale)).astype(np.float32),
        reverse=lstm.reverse,
        cell_clip=lstm.cell_clip * 2.0**lstm.c_power,
    )
