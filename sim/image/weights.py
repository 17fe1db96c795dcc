"""Weights as the lanes take them: block by block, column by column, in planes of a few bits."""

from collections.abc import Mapping

import numpy as np

from hw.config import Config

__all__ = [
    "fewest_beats",
    "pack_weights",
    "pack_words",
    "part_beats",
    "unpack_weights",
    "unpack_words",
]


def fewest_beats(W: np.ndarray, R: np.ndarray, config: Config) -> tuple[int, int]:
    """Beats of column words of ``x`` and of ``h`` that hold all weights without loss."""
    largest = [int(np.abs(weights.astype(np.int16)).max()) for weights in (W, R)]
    planes = [-(-(each.bit_length() + 1) // config.plane_bits) for each in largest]
    return planes[0] * config.plane_beats, planes[1] * config.plane_beats


def part_beats(fields: Mapping[str, int]) -> tuple[int, int]:
    """Beats of column words of ``x`` and of ``h`` by the fields of a descriptor."""
    return fields["x_word_beats"] or fields["word_beats"], fields["word_beats"]


def pack_weights(W: np.ndarray, R: np.ndarray, config: Config, beats: tuple[int, int]) -> bytes:
    """Column words of all blocks of one direction.

    Parameters
    ----------
    W, R : int8 [4, H, I], int8 [4, H, H]
        Weights; ``x`` columns go before ``h`` columns. Rows that pad the last block are zero.
    config : Config
        Gives the lanes and the form of a weight.
    beats : (int, int)
        Beats of a word of ``x`` and of ``h``, ``fewest_beats`` at least: whole planes.
    """
    units = config.units_per_block
    return b"".join(
        pack_words(weights[:, start : start + units], config, each)
        for start in range(0, W.shape[1], units)
        for weights, each in zip((W, R), beats, strict=True)
    )


def pack_words(weights: np.ndarray, config: Config, beats: int) -> bytes:
    """Column words of weights ``[4, units, columns]`` of a block, as many beats each."""
    columns = weights.shape[2]
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
    data: bytes, input_size: int, hidden_size: int, config: Config, beats: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """``W`` and ``R`` of packed column words: what ``pack_weights`` was given."""
    sizes = input_size, hidden_size
    ends = [size * each * config.bus_bytes for size, each in zip(sizes, beats, strict=True)]
    blocks = np.frombuffer(data, np.uint8).reshape(-1, sum(ends))
    parts = np.split(blocks, ends[:1], axis=1)
    W, R = (
        _unpack_part(part, size, config, each)[:, :hidden_size].copy()
        for part, size, each in zip(parts, sizes, beats, strict=True)
    )
    return W, R


def _unpack_part(part: np.ndarray, columns: int, config: Config, beats: int) -> np.ndarray:
    """Weights [4, units of all blocks, columns] of a part [blocks, bytes]."""
    lanes = unpack_words(part, config, beats).reshape(-1, columns, config.units_per_block, 4)
    return lanes.transpose(3, 0, 2, 1).reshape(4, -1, columns)


def unpack_words(data: bytes | np.ndarray, config: Config, beats: int) -> np.ndarray:
    """Weights, int8 ``[words, units of a block, 4]``, of column words of as many beats each."""
    words = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    words = words.reshape(-1, beats * config.bus_bytes)
    planes = beats // config.plane_beats
    by_plane = np.unpackbits(words, axis=1, bitorder="little")
    by_plane = by_plane.reshape(len(words), planes, config.lanes, config.plane_bits)
    kept = planes * config.plane_bits
    bits = by_plane.swapaxes(1, 2).reshape(len(words), config.lanes, kept)
    # What a short word lacks is the sign or zero.
    lacking = config.multiplier.weight_width - kept
    fill = bits[:, :, :1] & config.multiplier.extends_sign
    bits = np.concatenate([bits, np.repeat(fill, lacking, axis=2)], axis=2)
    codes = (bits << _order(config)).sum(-1, dtype=np.uint8)
    return config.multiplier.decode(codes).reshape(len(words), config.units_per_block, 4)
