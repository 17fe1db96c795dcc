"""An image as other tools read it: Intel HEX, and what Verilog's ``$readmemh`` reads."""

import re
from pathlib import Path

from bincopy import BinFile, Error

from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["IMAGE_SUFFIXES", "hex_text", "mem_text", "read_image"]

IMAGE_SUFFIXES = (".bin", ".hex", ".mem")
"""Kinds of files that an image is written as."""

_HEX_BYTES = 32
"""Bytes of a line of an Intel HEX file."""
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def hex_text(data: bytes, base: int) -> str:
    """Intel HEX records of ``data``, whose first byte has the address ``base``."""
    file = BinFile()
    file.add_binary(data, address=base)
    return file.as_ihex(_HEX_BYTES)


def mem_text(data: bytes, word_bytes: int, comment: str) -> str:
    """A word of the bus on each line, its highest byte first, for ``$readmemh``.

    Parameters
    ----------
    data : bytes
        Filled up with zeros to whole words.
    word_bytes : int
        Bytes of a word; the first byte of each is in its lowest bits.
    comment : str
        One line that the file begins with.
    """
    words = (data[k : k + word_bytes] for k in range(0, len(data), word_bytes))
    lines = [f"// {comment}"]
    lines += [word.ljust(word_bytes, b"\0")[::-1].hex() for word in words]
    return "\n".join(lines) + "\n"


def read_image(path: Path) -> bytes:
    """The bytes of an image that was written as one of ``IMAGE_SUFFIXES``.

    Raises
    ------
    NetworkError
        The file is missing, or is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    if path.suffix.lower() == ".bin":
        return content
    try:
        text = content.decode()
        return _of_hex(text) if path.suffix.lower() == ".hex" else _of_mem(text)
    except (Error, ValueError) as error:
        raise NetworkError(f"{path} is a damaged image: {error}") from None


def _of_hex(text: str) -> bytes:
    file = BinFile()
    file.add_ihex(text)
    return bytes(file.as_binary())


def _of_mem(text: str) -> bytes:
    return b"".join(bytes.fromhex(word)[::-1] for word in _COMMENT.sub(" ", text).split())
