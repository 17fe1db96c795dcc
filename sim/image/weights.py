"""Weights as the lanes take them: block by block, column by column, upper halves first."""

import numpy as np

from hw.config import Config

__all__ = ["pack_params", "pack_weights", "unpack_params", "unpack_weights"]


def pack_weights(W: np.ndarray, R: np.ndarray, config: Config) -> bytes:
    """Column words of all blocks of one direction.

    Parameters
    ----------
    W, R : int8 [4, H, I], int8 [4, H, H]
        Weights; ``x`` columns go before ``h`` columns. Rows that pad the last block are zero.
    config : Config
        Gives the lanes and the form of a weight.
    """
    weights = np.concatenate([W, R], axis=2)
    hidden, columns = weights.shape[1:]
    units = config.units_per_block
    return b"".join(
        _pack_block(weights[:, start : start + units], columns, config)
        for start in range(0, hidden, units)
    )


def _pack_block(weights: np.ndarray, columns: int, config: Config) -> bytes:
    lanes = np.zeros((columns, config.units_per_block, 4), np.int8)
    lanes[:, : weights.shape[1]] = weights.transpose(2, 1, 0)
    codes = config.multiplier.encode(lanes).reshape(columns, config.lanes)
    low = config.multiplier.weight_width // 2
    halves = [
        _join(codes >> low, config.multiplier.weight_width - low),
        _join(codes & ((1 << low) - 1), low),
    ]
    return np.concatenate(halves, axis=1).tobytes()


def _join(codes: np.ndarray, width: int) -> np.ndarray:
    """Bytes of ``width``-bit codes side by side, the first in the lowest bits."""
    if width == 4:
        return codes[:, 0::2] | codes[:, 1::2] << 4
    bits = codes[:, :, None] >> np.arange(width, dtype=np.uint8) & 1
    return np.packbits(bits.reshape(len(codes), -1), axis=1, bitorder="little")


def unpack_weights(
    data: bytes, input_size: int, hidden_size: int, config: Config
) -> tuple[np.ndarray, np.ndarray]:
    """``W`` and ``R`` of packed column words: what ``pack_weights`` was given."""
    columns = input_size + hidden_size
    width = config.multiplier.weight_width
    words = np.frombuffer(data, np.uint8).reshape(-1, columns, config.column_bytes)
    bits = np.unpackbits(words, axis=2, bitorder="little")
    low = width // 2
    split = config.lanes * (width - low)
    high_codes = _split(bits[:, :, :split], config.lanes)
    codes = high_codes << low | _split(bits[:, :, split:], config.lanes)
    signed = config.multiplier.decode(codes)
    rows = signed.reshape(-1, columns, config.units_per_block, 4).transpose(3, 0, 2, 1)
    weights = rows.reshape(4, -1, columns)[:, :hidden_size]
    return weights[:, :, :input_size].copy(), weights[:, :, input_size:].copy()


def _split(bits: np.ndarray, lanes: int) -> np.ndarray:
    fields = bits.reshape(*bits.shape[:2], lanes, -1)
    return (fields << np.arange(fields.shape[-1], dtype=np.uint8)).sum(-1, dtype=np.uint8)


def pack_params(bias: np.ndarray) -> bytes:
    """Four int32 biases in gate order for each unit, from int32 ``[4, H]``."""
    return np.ascontiguousarray(bias.T, "<i4").tobytes()


def unpack_params(data: bytes) -> np.ndarray:
    """``bias`` int32 ``[4, H]`` of packed parameters."""
    return np.frombuffer(data, "<i4").reshape(-1, 4).T.astype(np.int32)
