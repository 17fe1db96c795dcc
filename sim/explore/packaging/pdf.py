"""The data sheet as PDF, printed by a browser."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from hw.errors import UserError

__all__ = ["find_browser", "pdf_of"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SECONDS = 120
_OPTIONS = ("--headless", "--disable-gpu", "--no-pdf-header-footer", "--hide-scrollbars")
_DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}")
_NO_DATE = rb"/\1 (D:20000101000000"
"""As long as a date, since the file holds the places of all that follows."""


def find_browser() -> str:
    """The browser that prints.

    Raises
    ------
    UserError
        There is none.
    """
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise UserError(
            "a PDF needs Chromium or Chrome, and none is installed: install chromium, or leave "
            "out --pdf and print doc/datasheet.html with any browser"
        )
    return found


def pdf_of(page: str) -> bytes:
    """A page of HTML as PDF, without the time; what browsers number inside may still differ.

    Raises
    ------
    UserError
        There is no browser, or it did not print.
    """
    browser = find_browser()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_text(page)
        # A browser does not start its sandbox for the superuser.
        options = [*_OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        options += [f"--user-data-dir={folder}/user", f"--print-to-pdf={target}"]
        try:
            done = subprocess.run(
                [browser, *options, source.as_uri()], capture_output=True, timeout=_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"{browser} did not print the data sheet: {error}") from None
        if done.returncode or not target.is_file():
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise UserError(f"{browser} did not print the data sheet: {lines[-1][:200]}")
        return _DATE.sub(_NO_DATE, target.read_bytes())
