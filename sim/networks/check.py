"""What every network must fulfil before anything is computed from it."""

import numpy as np

from sim.networks.network import (
    FloatLayer,
    FloatNetwork,
    IntegerNetwork,
    NetworkError,
    Quantization,
)

__all__ = [
    "ACTIVATION_BITS",
    "C_POWERS",
    "WEIGHT_BITS",
    "check_codes",
    "check_float",
    "check_integer",
]

ACTIVATION_BITS = (*range(4, 9), 16)
"""Bits that codes of activations may have."""

WEIGHT_BITS = range(2, 9)
"""Bits that a network's weights may be given; those of 2 are -1, 0 and 1 times a scale."""

C_POWERS = range(-19, 1)
"""Powers of two that the cell state's scale may have."""


_LEAST_SCALE = float(np.finfo(np.float32).smallest_subnormal)
_LARGEST_SCALE = float(np.finfo(np.float32).max)


def _check_array(where: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
    """Refuse an array of another shape or type."""
    if np.shape(array) != shape:
        raise NetworkError(f"{where} must have the shape {shape}, not {np.shape(array)}")
    if array.dtype != dtype:
        raise NetworkError(f"{where} must be {np.dtype(dtype)}, not {array.dtype}")


def _check_quantization(where: str, quantization) -> None:
    """Refuse a scale that is no positive number and a zero point that is no code."""
    if not _are_scales(quantization.scale):
        raise NetworkError(
            f"{where} must have a positive scale that float32 holds, not {quantization.scale}"
        )
    low, high, bits = quantization.low, quantization.high, quantization.bits
    if bits not in ACTIVATION_BITS:
        raise NetworkError(f"{where} must have codes of 4 to 8 or of 16 bits, not {bits}")
    if bits == 16 and quantization.zero_point:
        raise NetworkError(
            f"{where} must have the zero point 0, as all codes of 16 bits, not "
            f"{quantization.zero_point}"
        )
    if not low <= quantization.zero_point <= high:
        raise NetworkError(
            f"{where} must have a zero point between {low} and {high}, not "
            f"{quantization.zero_point}"
        )


def check_codes(where: str, codes: np.ndarray, quantization: Quantization) -> None:
    """Refuse codes that their format does not have."""
    if quantization.bits in (8, 16) or not codes.size:
        return
    for code in (int(codes.min()), int(codes.max())):
        if not quantization.low <= code <= quantization.high:
            raise NetworkError(
                f"{where} must hold codes from {quantization.low} to {quantization.high}, "
                f"not {code}"
            )


def _check_integer_lstm(where: str, lstm) -> None:
    if np.ndim(lstm.W) != 3 or 0 in np.shape(lstm.W):
        raise NetworkError(f"W of {where} must have the shape (4, H, I), not {np.shape(lstm.W)}")
    H = lstm.hidden_size
    _check_array(f"W of {where}", lstm.W, (4, H, lstm.input_size), np.int8)
    _check_array(f"R of {where}", lstm.R, (4, H, H), np.int8)
    _check_array(f"bias of {where}", lstm.bias, (4, H), np.int32)
    for name in ("W", "R"):
        if (getattr(lstm, name) == -128).any():
            raise NetworkError(f"{name} of {where} holds the weight -128; weights are -127 to 127")
        _check_scales(f"{name}_scale of {where}", getattr(lstm, f"{name}_scale"), H)
    _check_quantization(f"x of {where}", lstm.x)
    _check_quantization(f"h of {where}", lstm.h)
    if (lstm.x.bits == 16) != (lstm.h.bits == 16):
        raise NetworkError(
            f"x and h of {where} must both have codes of 16 bits or neither, not "
            f"{lstm.x.bits} and {lstm.h.bits}"
        )
    if lstm.c_power not in C_POWERS:
        raise NetworkError(
            f"{where} must have a cell scale of 2**{C_POWERS[0]} to 2**{C_POWERS[-1]}, "
            f"not 2**{lstm.c_power}"
        )
    if not 0 <= lstm.cell_clip <= 32767:
        raise NetworkError(f"cell_clip of {where} must be 0 to 32767, not {lstm.cell_clip}")
    if lstm.h0 is not None:
        _check_array(f"h0 of {where}", lstm.h0, (H,), lstm.h.dtype)
        check_codes(f"h0 of {where}", lstm.h0, lstm.h)
    if lstm.c0 is not None:
        _check_array(f"c0 of {where}", lstm.c0, (H,), np.int16)


def _check_scales(where: str, scales, H: int) -> None:
    """Refuse scales that are neither by gate nor by row, or are no positive numbers."""
    if isinstance(scales, np.ndarray):
        _check_array(where, scales, (4, H), np.float64)
        if not _are_scales(scales):
            raise NetworkError(f"{where} must be positive float32 scales, one for each row")
    elif len(scales) != 4 or not _are_scales(scales):
        raise NetworkError(f"{where} must be four positive float32 scales")


def _are_scales(values) -> bool:
    """Whether all are positive numbers that stay so as float32, in which scales are stored."""
    values = np.asarray(values, np.float64)
    return bool(((values >= _LEAST_SCALE) & (values <= _LARGEST_SCALE)).all())


def check_integer(network: IntegerNetwork) -> None:
    """Refuse an integer network whose arrays or formats contradict each other.

    Raises
    ------
    NetworkError
        The first contradiction, by name.
    """
    if not network.layers:
        raise NetworkError("the network has no layer")
    before = None
    for number, layer in enumerate(network.layers):
        _check_directions(number, layer.directions)
        for lstm in layer.directions:
            _check_integer_lstm(f"layer {number}", lstm)
        first = layer.directions[0]
        if any(other.x != first.x or other.h != first.h for other in layer.directions):
            raise NetworkError(f"layer {number} must have one x and one h format")
        if before is not None:
            _check_chain(number, before.output_size, first.input_size)
            if before.directions[0].h != first.x:
                raise NetworkError(f"x of layer {number} must have the h format of the one before")
        before = layer


def check_float(network: FloatNetwork | FloatLayer) -> None:
    """Refuse a float network whose arrays contradict each other or hold no number.

    Raises
    ------
    NetworkError
        The first contradiction, by name.
    """
    layers = network.layers if isinstance(network, FloatNetwork) else (network,)
    if not layers:
        raise NetworkError("the network has no layer")
    before = None
    for number, layer in enumerate(layers):
        _check_directions(number, layer.directions)
        for lstm in layer.directions:
            _check_float_lstm(f"layer {number}", lstm)
        if before is not None:
            _check_chain(number, before, layer.directions[0].input_size)
        before = sum(lstm.hidden_size for lstm in layer.directions)


def _check_float_lstm(where: str, lstm) -> None:
    if np.ndim(lstm.W) != 3 or 0 in np.shape(lstm.W):
        raise NetworkError(f"W of {where} must have the shape (4, H, I), not {np.shape(lstm.W)}")
    H = lstm.hidden_size
    shapes = {"W": (4, H, lstm.input_size), "R": (4, H, H), "bias": (4, H), "h0": (H,), "c0": (H,)}
    for name, shape in shapes.items():
        array = getattr(lstm, name)
        if array is None and name in ("h0", "c0"):
            continue
        if np.shape(array) != shape:
            raise NetworkError(
                f"{name} of {where} must have the shape {shape}, not {np.shape(array)}"
            )
        if not np.isfinite(array).all():
            raise NetworkError(f"{name} of {where} holds a value that is not a finite number")
    if not (np.isfinite(lstm.cell_clip) and lstm.cell_clip >= 0):
        raise NetworkError(f"cell_clip of {where} must be a number from 0 on, not {lstm.cell_clip}")


def _check_directions(number: int, directions: tuple) -> None:
    if len(directions) not in (1, 2):
        raise NetworkError(f"layer {number} must have one or two directions, not {len(directions)}")
    if len(directions) == 2 and [lstm.reverse for lstm in directions] != [False, True]:
        raise NetworkError(f"layer {number} must run forward first and backwards second")
    if len({lstm.input_size for lstm in directions}) != 1:
        raise NetworkError(f"the two directions of layer {number} must have the same input size")


def _check_chain(number: int, before: int, inputs: int) -> None:
    if before != inputs:
        raise NetworkError(f"layer {number} takes {inputs} inputs, but the one before has {before}")
