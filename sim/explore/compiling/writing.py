"""A compiled network as the files of a folder."""

import json
import re
from pathlib import Path

from sim.explore.compiling.formats import hex_text, mem_text
from sim.explore.compiling.header import header_text
from sim.explore.compiling.made import Made
from sim.explore.compiling.manifest import manifest_of
from sim.explore.files import arrays_bytes, write_all
from sim.networks.network import NetworkError

__all__ = ["MANIFEST", "check_name", "compiled_files", "file_names", "write_compiled"]

MANIFEST = "manifest.json"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def check_name(name: str) -> None:
    """Refuse a name that C identifiers cannot begin with.

    Raises
    ------
    NetworkError
        Everything in the header begins with it.
    """
    if not _NAME.fullmatch(name):
        raise NetworkError(
            f"the image's name must be lower-case letters, digits and _, with a letter first and "
            f"at most 40 characters, as names in C begin with it, not {name!r}"
        )


def file_names(name: str) -> dict[str, str]:
    """Names of the files by their kinds, without the manifest's."""
    return {
        **{"bin": f"{name}.bin", "hex": f"{name}.hex", "mem": f"{name}.mem"},
        **{"header": f"{name}.h", "input": "input.bin", "input_npy": "input.npy"},
        **{"expected": "expected.bin", "expected_npy": "expected.npy"},
    }


def compiled_files(made: Made, name: str = "image") -> dict[str, bytes]:
    """Content of every file, by its name; the manifest is the last.

    Parameters
    ----------
    made : Made
        The image.
    name : str
        What names of the image's files and in the C header begin with.

    Raises
    ------
    NetworkError
        The name cannot be one in C.
    """
    check_name(name)
    names = file_names(name)
    manifest, base = manifest_of(made, names), made.wanted.base
    bus_bytes = made.wanted.config.bus_bytes
    taken, expected = made.image.pack_x(made.x), made.h.tobytes()
    words = (
        f"{made.wanted.name} for {made.wanted.config.name}: words of {bus_bytes} bytes from the "
        f"address 0x{base:08x} on"
    )
    arrays = {"data": made.data, "input": taken, "expected": expected}
    return {
        names["bin"]: made.data,
        names["hex"]: hex_text(made.data, base).encode(),
        names["mem"]: mem_text(made.data, bus_bytes, words).encode(),
        names["header"]: header_text(name, manifest, arrays).encode(),
        names["input"]: taken,
        names["input_npy"]: arrays_bytes({"x": made.x}),
        names["expected"]: expected,
        names["expected_npy"]: arrays_bytes({"h": made.h}),
        MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode(),
    }


def write_compiled(made: Made, folder: Path, name: str = "image") -> list[Path]:
    """Write all files or none into ``folder``; returns them, the manifest last.

    Raises
    ------
    NetworkError
        The name cannot be one in C.
    OSError
        The folder cannot be written, with a sentence for the user.
    """
    return write_all(folder, compiled_files(made, name))
