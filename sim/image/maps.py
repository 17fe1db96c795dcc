"""Maps of columns: which column words of a layer are stored, and the memory that holds just these.

``hw.descriptor`` and ``docs/descriptor.md`` say what a map word means, and in which order the
stored words lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hw.config import Config
from hw.maps.layout import MAP_COLUMNS, mark_words
from hw.multipliers.behaviour import products
from hw.multipliers.family import Multiplier
from sim.image.residency import residency
from sim.image.weights import pack_words, part_beats, unpack_words
from sim.networks.network import IntegerLstm

__all__ = [
    "StoredColumns",
    "StoredWords",
    "map_words",
    "multiplies_to_zero",
    "pack_map",
    "pack_stored",
    "resident_bytes",
    "unpack_map",
    "unpack_stored",
]

_WORD = np.dtype([("mask", "<u8"), ("before", "<u4"), ("zero", "<u4")])


@lru_cache(maxsize=64)
def multiplies_to_zero(multiplier: Multiplier) -> bool:
    """Whether products with a weight of zero and with a value of zero are zero, at every level.

    Products of values of more than 9 bits are linear in the value, so those of 9 bits tell.
    """
    zero_value, zero_weight = 255, multiplier.weight_limit
    tables = (products(multiplier, level) for level in range(len(multiplier.levels)))
    return not any(table[zero_value].any() or table[:, zero_weight].any() for table in tables)


def map_words(inputs: int, hidden: int, blocks: int) -> int:
    """Map words of a layer."""
    return blocks * (mark_words(inputs) + mark_words(hidden))


@dataclass(frozen=True, eq=False)
class StoredColumns:
    """Which columns of each block of a direction have a word in memory.

    Members
    -------
    x, h : bool [blocks, I], bool [blocks, H]
        Columns of either part. The last one of each block is always stored.
    """

    x: np.ndarray
    h: np.ndarray

    @classmethod
    def of(cls, direction: IntegerLstm, config: Config) -> "StoredColumns":
        """Those of which a weight is not zero."""
        return cls(_stored(direction.W, config), _stored(direction.R, config))

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns of ``x`` and of ``h``."""
        return self.x, self.h

    @property
    def block_words(self) -> np.ndarray:
        """Column words of each block, int64 ``[blocks]``."""
        return self.x.sum(axis=1) + self.h.sum(axis=1)

    @property
    def left_out(self) -> int:
        """Column words that are not stored."""
        return sum(int(np.count_nonzero(~part)) for part in self.parts)


def _stored(weights: np.ndarray, config: Config) -> np.ndarray:
    """Stored columns ``[blocks, columns]`` of weights ``[4, H, columns]``."""
    hidden, columns = weights.shape[1:]
    units, blocks = config.units_per_block, config.blocks(hidden)
    padded = np.zeros((blocks * units, columns), bool)
    padded[:hidden] = weights.any(axis=0)
    stored = padded.reshape(blocks, units, columns).any(axis=1)
    stored[:, -1] = True
    return stored


def resident_bytes(fields: Mapping[str, int], config: Config) -> int:
    """Bytes of the words of a direction's resident blocks, by the fields of its descriptor."""
    if not fields["mapped"]:
        return fields["resident_blocks"] * fields["block_bytes"]
    x_beats, h_beats = part_beats(fields)
    beats = fields["resident_x_words"] * x_beats + fields["resident_h_words"] * h_beats
    return beats * config.bus_bytes


def pack_map(stored: StoredColumns, resident: np.ndarray) -> bytes:
    """The map of a layer of which these blocks, bool ``[blocks]``, are resident."""
    parts, base = [], 0
    for columns in stored.parts:
        masks, counts = _map_words(columns)
        words = np.zeros(masks.shape, _WORD)
        words["mask"] = masks
        # Resident words of both parts follow each other; those of streamed parts begin at 0.
        words["before"][resident] = base + _before(counts[resident])
        words["before"][~resident] = _before(counts[~resident])
        base += int(counts[resident].sum())
        parts.append(words)
    return np.concatenate(parts, axis=1).tobytes()


def _map_words(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks, uint64, and how many bits of each are set, both ``[blocks, map words]``."""
    blocks, count = columns.shape
    padded = np.zeros((blocks, mark_words(count) * MAP_COLUMNS), bool)
    padded[:, :count] = columns
    masks = np.packbits(padded, axis=1, bitorder="little").view("<u8")
    return masks, np.bitwise_count(masks).astype(np.int64)


def _before(counts: np.ndarray) -> np.ndarray:
    """Sums of all counts before each one, block by block."""
    return (np.cumsum(counts) - counts.ravel()).reshape(counts.shape)


def unpack_map(
    data: bytes, inputs: int, hidden: int, blocks: int
) -> tuple[StoredColumns, np.ndarray]:
    """What a map says is stored, and how many words are ahead of each map word's columns.

    The latter is int64 ``[blocks, map words of x and of h]``.
    """
    words = np.frombuffer(data, _WORD).reshape(blocks, -1)
    bits = np.unpackbits(words["mask"].copy().view(np.uint8), axis=1, bitorder="little")
    behind_x = mark_words(inputs) * MAP_COLUMNS
    x, h = bits[:, :inputs], bits[:, behind_x : behind_x + hidden]
    return StoredColumns(x.astype(bool), h.astype(bool)), words["before"].astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class StoredWords:
    """Column words in memory.

    Members
    -------
    resident : bytes
        Those of ``x`` of all resident blocks, then those of ``h``.
    x_stream, h_stream : bytes
        Those of the streamed blocks.
    """

    resident: bytes
    x_stream: bytes
    h_stream: bytes

    @classmethod
    def sizes(
        cls, stored: StoredColumns, resident: np.ndarray, config: Config, beats: tuple[int, int]
    ) -> dict[str, int]:
        """Bytes of each member."""
        x, h = (
            each * config.bus_bytes * columns.sum(axis=1)
            for columns, each in zip(stored.parts, beats, strict=True)
        )
        return {
            "resident": int((x + h)[resident].sum()),
            "x_stream": int(x[~resident].sum()),
            "h_stream": int(h[~resident].sum()),
        }


def pack_stored(
    direction: IntegerLstm,
    stored: StoredColumns,
    resident: np.ndarray,
    config: Config,
    beats: tuple[int, int],
) -> StoredWords:
    """Stored column words of a direction of which these blocks, bool ``[blocks]``, are resident.

    Parameters
    ----------
    direction : IntegerLstm
        Its weights are packed.
    stored : StoredColumns
        Which columns have words.
    resident : bool [blocks]
        Blocks that live in the weight memory.
    config : Config
        Gives the lanes and the form of a weight.
    beats : (int, int)
        Beats of a word of ``x`` and of ``h``.
    """
    units, packed = config.units_per_block, []
    for weights, columns, each in zip((direction.W, direction.R), stored.parts, beats, strict=True):
        blocks = [
            pack_words(weights[:, block * units : (block + 1) * units, chosen], config, each)
            for block, chosen in enumerate(columns)
        ]
        packed.append(
            [
                b"".join(data for data, kept in zip(blocks, resident, strict=True) if kept == where)
                for where in (True, False)
            ]
        )
    (x_resident, x_stream), (h_resident, h_stream) = packed
    return StoredWords(resident=x_resident + h_resident, x_stream=x_stream, h_stream=h_stream)


def unpack_stored(
    words: StoredWords,
    stored: StoredColumns,
    fields: Mapping[str, int],
    config: Config,
    beats: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """``W`` and ``R`` of stored words, of a layer with such descriptor ``fields``."""
    hidden, blocks = fields["hidden_size"], len(stored.x)
    resident = residency(fields["resident_blocks"], blocks)
    x_bytes = fields["resident_x_words"] * beats[0] * config.bus_bytes
    held = words.resident[:x_bytes], words.resident[x_bytes:]
    W, R = (
        _unpack_part((kept, streamed), columns, resident, config, each)[:, :hidden].copy()
        for kept, streamed, columns, each in zip(
            held, (words.x_stream, words.h_stream), stored.parts, beats, strict=True
        )
    )
    return W, R


def _unpack_part(
    data: tuple[bytes, bytes],
    columns: np.ndarray,
    resident: np.ndarray,
    config: Config,
    beats: int,
) -> np.ndarray:
    """Weights ``[4, units of all blocks, columns]`` of a part's resident and streamed words."""
    blocks, units = len(columns), config.units_per_block
    lanes = np.zeros((blocks, columns.shape[1], units, 4), np.int8)
    for bytes_, chosen in zip(data, (resident, ~resident), strict=True):
        block, column = np.nonzero(columns & chosen[:, None])
        lanes[block, column] = unpack_words(bytes_, config, beats)
    return lanes.transpose(3, 0, 2, 1).reshape(4, blocks * units, -1)
