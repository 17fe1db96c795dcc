"""The site builds without a warning, and holds what the code has."""

import subprocess
import sys
from pathlib import Path

import pytest
import refrain

from hw.config import CONFIGS, SETTINGS
from hw.descriptor import FIELDS
from hw.registers import COUNTERS, MODE_COUNTERS, REGISTERS, Error

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site that was built anew."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def _html(site, name):
    return (site / f"{name}.html").read_text()


def test_every_page_is_in_the_navigation(site):
    index = _html(site, "index")
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert name == "index.html" or f'href="{name}"' in index, name


def test_every_public_name_is_described(site):
    page = _html(site, "python")
    assert [name for name in refrain.__all__ if f'id="refrain.{name}"' not in page] == []


def test_tables_hold_what_the_gates_are_made_from(site):
    registers = _html(site, "registers")
    for name in (*REGISTERS, *COUNTERS, *MODE_COUNTERS):
        assert f">{name}</span>" in registers, name
    assert all(f"<p>{error.name}</p>" in registers for error in Error)
    assert "<code" in registers and "0x2F0" in registers
    assert all(f">{name}</span>" in _html(site, "descriptor") for name in FIELDS)
    page = _html(site, "configurations")
    assert all(f">{name}</span>" in page for name in (*CONFIGS, *SETTINGS))
    assert all(f"<p>{setting.meaning}</p>" in page for setting in SETTINGS.values())


def test_no_page_asks_another_host_for_anything(site):
    for path in site.rglob("*.html"):
        for tag in ("<script", "<link", "<img"):
            for part in path.read_text().split(tag)[1:]:
                head = part.split(">", 1)[0]
                assert 'src="http' not in head and "//cdn" not in head, (path.name, head)
