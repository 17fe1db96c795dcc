"""Notebooks become pages."""

import importlib.util
from pathlib import Path

EXTENSIONS = Path(__file__).parents[2] / "docs" / "extensions"


def _extension(name):
    spec = importlib.util.spec_from_file_location(name, EXTENSIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_text_stays_and_code_is_fenced():
    source = "# %% [markdown]\n# # Title\n#\n# Some *text*.\n\n# %%\nprint(1)\n"
    page = _extension("notebook_pages").to_markdown(source)
    assert page == "# Title\n\nSome *text*.\n\n```python\nprint(1)\n```"
