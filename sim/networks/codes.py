"""Real values as codes and back, and how far two results are apart."""

import numpy as np

from sim.networks.network import Quantization

__all__ = ["difference_type", "from_codes", "round_half_away", "sqnr", "to_codes"]


def round_half_away(values: np.ndarray) -> np.ndarray:
    """Whole numbers nearest to ``values``, halves away from zero."""
    return np.trunc(values + np.copysign(0.5, values))


def to_codes(values: np.ndarray, quantization: Quantization) -> np.ndarray:
    """Real values as codes: rounded half away from zero, clamped to the format's ends."""
    # What is too large for a quotient is clamped like everything that is too large.
    with np.errstate(over="ignore"):
        steps = np.asarray(values, np.float64) / quantization.scale
    codes = round_half_away(steps) + quantization.zero_point
    return np.clip(codes, quantization.low, quantization.high).astype(quantization.dtype)


def difference_type(codes: np.ndarray) -> type[np.signedinteger]:
    """What holds a difference of two codes of an array: int16, or int32 of int16 codes."""
    return np.int16 if codes.dtype == np.int8 else np.int32


def from_codes(codes: np.ndarray, quantization: Quantization) -> np.ndarray:
    """Real values, float64, that codes stand for."""
    return (codes.astype(np.float64) - quantization.zero_point) * quantization.scale


def sqnr(reference: np.ndarray, values: np.ndarray) -> float:
    """Power of the reference over the power of the error, in dB."""
    error = np.sum((np.asarray(reference, np.float64) - values) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(np.sum(reference**2.0) / error))
