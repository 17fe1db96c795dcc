"""Every link of the README and the pages leads somewhere."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _text(path):
    """A page without its blocks of code."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def _anchors(path):
    """Anchors of a page's headings, as code hosts and the site make them."""
    titles = re.findall(r"^#+ +(.+)$", _text(path), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def _links():
    for page in PAGES:
        for target in LINK.findall(_text(page)):
            if not target.startswith(("http://", "https://")):
                yield pytest.param(page, unquote(target), id=f"{page.relative_to(ROOT)}: {target}")


LINKS = list(_links())


def test_there_are_links_to_check():
    assert len(LINKS) > 60


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_the_link_leads_somewhere(page, target):
    name, _, anchor = target.partition("#")
    there = page.parent / name if name else page
    assert there.exists()
    assert there.resolve().is_relative_to(ROOT)
    if anchor:
        assert anchor in _anchors(there)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_readme_links_pages_of_the_site_alone():
    linked = {target.partition("#")[0] for target in LINK.findall(_text(ROOT / "README.md"))}
    pages = {f"docs/{path.relative_to(ROOT / 'docs')}" for path in PAGES if "docs" in path.parts}
    assert {name for name in linked if name.endswith(".md")} <= pages | {"CHANGELOG.md"}
