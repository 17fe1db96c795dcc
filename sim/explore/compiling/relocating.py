"""Which words of an image are addresses, and the image at another place in memory."""

from dataclasses import dataclass

from hw.config import Config
from hw.descriptor import DESCRIPTOR_BYTES, FIELDS
from sim.image.image import Image
from sim.networks.network import NetworkError

__all__ = ["Relocation", "alignment", "check_base", "find_relocations", "relocate"]

_ALWAYS = ("x_addr", "x_tail_addr", "h_addr", "params_addr", "weights_addr")
_OF_MAPS = ("map_addr", "x_stream_addr", "h_stream_addr")
_REGION = 64
"""Bytes that every region of an image begins at a multiple of, at the least."""


@dataclass(frozen=True, kw_only=True)
class Relocation:
    """A 32-bit little-endian word of the image that is an address.

    Members
    -------
    offset : int
        Where it is, in bytes from the begin of the image.
    descriptor : int
        Number of its descriptor.
    field : str
        What it says there.
    """

    offset: int
    descriptor: int
    field: str


def alignment(config: Config) -> int:
    """What the base of an image for this machine must be a multiple of, in bytes."""
    return max(_REGION, config.column_bytes)


def find_relocations(image: Image) -> tuple[Relocation, ...]:
    """Every address in the descriptors; of states and maps only where there are some."""
    found = []
    for number, placement in enumerate(image.placements):
        names = [*_ALWAYS, *(_OF_MAPS if placement.fields["mapped"] else ())]
        names += ["state_in_addr"] if placement.state_in else []
        names += ["state_out_addr"] if placement.state_out else []
        table = image.descriptor + DESCRIPTOR_BYTES * number
        found += [
            Relocation(offset=table + 4 * FIELDS[name].word, descriptor=number, field=name)
            for name in names
        ]
    return tuple(found)


def check_base(base: int, image: Image) -> None:
    """Refuse a base at which the image cannot lie.

    Raises
    ------
    NetworkError
        It is not aligned, or memory in use would end behind the last address.
    """
    multiple, last = alignment(image.config), 1 << image.config.addr_width
    if base < 0 or base % multiple:
        raise NetworkError(f"the base must be a multiple of {multiple}, not {base:#x}")
    if base + image.size > last:
        raise NetworkError(
            f"the image needs {image.size} bytes, and behind the base {base:#x} there are "
            f"{max(last - base, 0)}; addresses have {image.config.addr_width} bits"
        )


def relocate(data: bytes, relocations: tuple[Relocation, ...], base: int) -> bytes:
    """The image with ``base`` added to every address in it."""
    moved = bytearray(data)
    for each in relocations:
        word = slice(each.offset, each.offset + 4)
        moved[word] = (int.from_bytes(moved[word], "little") + base).to_bytes(4, "little")
    return bytes(moved)
