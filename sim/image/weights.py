"""Weights as the lanes take them: block by block, column by column, in planes of a few bits."""

import numpy as np

from hw.config import Config

__all__ = ["fewest_beats", "pack_weights", "unpack_weights"]


def fewest_beats(W: np.ndarray, R: np.ndarray, config: Config) -> int:
    """Beats of a column word that hold all weights of a direction without loss."""
    largest = max(int(np.abs(weights.astype(np.int16)).max()) for weights in (W, R))
    planes = -(-(largest.bit_length() + 1) // config.plane_bits)
    return planes * config.plane_beats


def pack_weights(W: np.ndarray, R: np.ndarray, config: Config, beats: int) -> bytes:
    """Column words of all blocks of one direction.

    Parameters
    ----------
    W, R : int8 [4, H, I], int8 [4, H, H]
        Weights; ``x`` columns go before ``h`` columns. Rows that pad the last block are zero.
    config : Config
        Gives the lanes and the form of a weight.
    beats : int
        Beats of a word, ``fewest_beats`` at least: whole planes.
    """
    weights = np.concatenate([W, R], axis=2)
    hidden, columns = weights.shape[1:]
    units = config.units_per_block
    return b"".join(
        _pack_block(weights[:, start : start + units], columns, config, beats)
        for start in range(0, hidden, units)
    )


def _pack_block(weights: np.ndarray, columns: int, config: Config, beats: int) -> bytes:
    lanes = np.zeros((columns, config.units_per_block, 4), np.int8)
    lanes[:, : weights.shape[1]] = weights.transpose(2, 1, 0)
    codes = config.multiplier.encode(lanes).reshape(columns, config.lanes)
    bits = codes[:, :, None] >> _order(config) & 1
    planes = beats // config.plane_beats
    cut = bits[:, :, : planes * config.plane_bits]
    by_plane = cut.reshape(columns, config.lanes, planes, -1).swapaxes(1, 2)
    return np.packbits(by_plane.reshape(columns, -1), axis=1, bitorder="little").tobytes()


def _order(config: Config) -> np.ndarray:
    """Bits of a code in the order in which they are stored: the sign, then from the lowest up."""
    width = config.multiplier.weight_width
    return np.array([width - 1, *range(width - 1)], np.uint8)


def unpack_weights(
    data: bytes, input_size: int, hidden_size: int, config: Config, beats: int
) -> tuple[np.ndarray, np.ndarray]:
    """``W`` and ``R`` of packed column words: what ``pack_weights`` was given."""
    columns = input_size + hidden_size
    words = np.frombuffer(data, np.uint8).reshape(-1, beats * config.bus_bytes)
    planes = beats // config.plane_beats
    by_plane = np.unpackbits(words, axis=1, bitorder="little")
    by_plane = by_plane.reshape(len(words), planes, config.lanes, -1)
    bits = by_plane.swapaxes(1, 2).reshape(len(words), config.lanes, -1)
    # What a short word lacks is the sign or zero.
    lacking = config.multiplier.weight_width - bits.shape[2]
    fill = bits[:, :, :1] & config.multiplier.extends_sign
    bits = np.concatenate([bits, np.repeat(fill, lacking, axis=2)], axis=2)
    codes = (bits << _order(config)).sum(-1, dtype=np.uint8)
    signed = config.multiplier.decode(codes)
    rows = signed.reshape(-1, columns, config.units_per_block, 4).transpose(3, 0, 2, 1)
    weights = rows.reshape(4, -1, columns)[:, :hidden_size]
    return weights[:, :, :input_size].copy(), weights[:, :, input_size:].copy()
