import os
import sys

import pytest

from boards.catalogue import BOARDS
from boards.errors import BoardError
from boards.flash import flash_board

BOARD = BOARDS["ulx3s-85f"]


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """Puts a program in place of openFPGALoader that says something and ends with a status."""

    def put(said, status):
        path = tmp_path / "openFPGALoader"
        path.write_text(
            f"#!{sys.executable}\nimport sys\nopen({str(tmp_path / 'seen')!r}, 'w').write("
            f"' '.join(sys.argv[1:]))\nprint({said!r}, file=sys.stderr)\nsys.exit({status})\n"
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        return tmp_path / "seen"

    return put


@pytest.fixture
def bitstream(tmp_path):
    """A file."""
    path = tmp_path / "top.bit"
    path.write_bytes(b"bits")
    return path


def refusal_of(*arguments):
    with pytest.raises(BoardError) as refusal:
        flash_board(*arguments)
    return str(refusal.value)


@pytest.mark.parametrize(("keep", "more"), [(False, ""), (True, "--write-flash ")])
def test_the_loader_is_told_the_board_and_the_file(loader, bitstream, keep, more):
    seen = loader("done", 0)
    flash_board(BOARD, bitstream, keep=keep)
    assert seen.read_text() == f"--board ulx3s {more}{bitstream}"


def test_a_missing_cable_is_said_clearly(loader, bitstream):
    # As openFPGALoader 1.1.1 says it.
    loader("unable to open ftdi device: -3 (device not found)\nJTAG init failed", 1)
    assert refusal_of(BOARD, bitstream) == (
        "no cable of ulx3s-85f answers: plug the board in and switch it on, and see that you may "
        "use its USB device"
    )


def test_a_missing_library_is_named(loader, bitstream):
    loader("x: error while loading shared libraries: libftdi1.so.2: cannot open shared", 127)
    assert refusal_of(BOARD, bitstream) == (
        "openFPGALoader needs the library libftdi1.so.2; on Debian, apt install libusb-1.0-0 "
        "libftdi1-2"
    )


def test_any_other_failure_is_passed_on(loader, bitstream):
    loader("first\nFail to verify", 1)
    assert refusal_of(BOARD, bitstream) == "openFPGALoader failed: Fail to verify"


def test_a_missing_bitstream_is_named(tmp_path):
    path = tmp_path / "top.bit"
    assert refusal_of(BOARD, path) == f"{path} is not there; refrain build ulx3s-85f makes it"
