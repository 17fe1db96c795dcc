"""The site: ``make docs`` builds it from these pages, without a network."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

_ROOT = Path(__file__).parent.parent
# The pages' own extensions, the package that users import, and the rooms that it stands on.
for _folder in (_ROOT / "docs" / "extensions", _ROOT / "sim" / "api", _ROOT):
    sys.path.insert(0, str(_folder))

project = "Refrain"
author = "The Refrain developers"
release = version = version_of("refrain")
copyright = "the Refrain developers; Apache-2.0"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "notebook_pages",
    "reference_tables",
]
exclude_patterns = ["conf.py", "extensions"]

# A link to a heading is the heading in small letters with hyphens, as on code hosts.
myst_heading_anchors = 3

# Every name that is referred to exists; those of other packages are not looked up.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!refrain\.).*")]

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
# As it is written: a default that is a function would show its address.
autodoc_preserve_defaults = True
# Sections of docstrings beside NumPy's own.
napoleon_custom_sections = [("Members", "params_style"), ("Keys", "params_style")]

html_theme = "furo"
html_title = "Refrain"
html_static_path = ["static"]
html_css_files = ["site.css"]
