"""The data sheet says what there is, and its figures are counted."""

import re
from html.parser import HTMLParser
from itertools import groupby
from operator import itemgetter

import pytest

from hw.config import CONFIGS, SETTINGS
from hw.errors import UserError
from hw.registers import COUNTERS, MODE_COUNTERS, REGISTERS, Error
from sim.explore.packaging import pdf
from sim.explore.packaging.inventory import Memory, inventory_of
from sim.explore.packaging.speed import speeds
from sim.explore.packaging.waves import DIAGRAMS

TINY = CONFIGS["tiny"]
VOID = {"meta", "img", "br"}

DESIGN = """
module top (
  input  wire aclk
);
  reg reset;
  reg [6:0] count;
  reg signed [2:0] level;
  part one (
    .clock(aclk)
  );
  part two (
    .clock(aclk)
  );
endmodule

module part (
  input  wire clock
);
  reg [3:0] kept;
  refrain_ram_1r1w #(.WIDTH(8), .DEPTH(16), .ADDRESS(4)) words (
    .clock(clock)
  );
  refrain_ram_2r1w #(.WIDTH(3), .DEPTH(5), .ADDRESS(3)) others (
    .clock(clock)
  );
endmodule
"""


class Page(HTMLParser):
    """Text, links, and whether each element that begins ends."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.pictures, self.words = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag == "img":
            self.pictures.append(given)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def text(package):
    """The page as it was written."""
    return (package / "doc" / "datasheet.html").read_text()


@pytest.fixture(scope="module")
def page(text):
    """The page, read."""
    return Page(text)


def test_the_page_is_whole(page, text):
    assert not page.open
    assert "@top@" not in text and not re.search(r"@[a-z_]+@", text)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_it_needs_nothing_beside_it(page):
    assert all(link.startswith("#") for link in page.links)
    assert all(picture["src"].startswith("data:image/svg+xml;base64,") for picture in page.pictures)
    assert [picture["alt"] for picture in page.pictures] == [
        f"Timing diagram: {title}" for title in DIAGRAMS
    ]


def test_it_names_every_port_register_counter_and_field(page, facts):
    names = {port.name for port in facts.ports} | {*REGISTERS, *COUNTERS, *MODE_COUNTERS}
    names |= {error.name for error in Error} | {*SETTINGS}
    assert names <= set(page.words)


def test_ports_stand_channel_after_channel(text, facts):
    names = re.findall(r"<td><code>([a-z_]+)</code></td><td>(?:in|out)put</td>", text)
    assert sorted(names) == sorted(port.name for port in facts.ports)
    signals = [re.match(r"(._axi_(?:aw|ar|w|b|r))(\w+)$", name).groups() for name in names[4:]]
    channels = {key: [name for _, name in group] for key, group in groupby(signals, itemgetter(0))}
    assert len(channels) == 10
    assert sum(map(len, channels.values())) == len(names[4:])
    assert all(group[-2:] == ["valid", "ready"] for group in channels.values())


def test_every_table_repeats_its_head_and_scrolls_by_itself(text):
    tables = re.findall(r"^(.*)\n<table[^>]*>\n(.*)$", text, re.M)
    assert len(tables) == text.count("<table") >= 10
    assert {before for before, _ in tables} == {'<div class="wide">'}
    assert all(head.startswith("<thead>") for _, head in tables)


def test_signals_of_diagrams_are_ports_of_the_core(facts):
    ports = {port.name for port in facts.ports}
    for title, signals in DIAGRAMS.items():
        assert len({len(signal["wave"]) for signal in signals}) == 1, title
        if "run" not in title:
            assert {signal["name"] for signal in signals} <= ports


def test_what_a_design_holds_is_counted_through_its_modules():
    held = inventory_of(DESIGN, "top")
    assert held.registers == 1 + 7 + 3 + 2 * 4
    assert held.memories == {
        Memory("refrain_ram_1r1w", 16, 8): 2,
        Memory("refrain_ram_2r1w", 5, 3): 2,
    }
    assert held.memory_bits == 2 * (128 + 15)


def test_the_weight_memory_is_among_the_memories(facts):
    held = inventory_of(facts.design, facts.top)
    words = TINY.weight_words + TINY.stream_words
    assert Memory("refrain_ram_1r1w", words, TINY.bus_width) in held.memories
    assert held.registers > 5000


def test_speeds_follow_the_work():
    normal, *delta = speeds(TINY)
    # Every column of every block, and no more than a tenth for everything else.
    dense = 256 * TINY.blocks(128)
    assert dense < normal.cycles < 1.1 * dense
    assert normal.avoided == 0
    assert delta[0].cycles > delta[1].cycles > delta[2].cycles
    assert delta[0].avoided < delta[1].avoided < delta[2].avoided


def test_a_pdf_without_a_browser_is_refused(monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(UserError) as caught:
        pdf.pdf_of("<p>text</p>")
    assert str(caught.value).startswith("a PDF needs Chromium or Chrome, and none is installed")


BROWSER = """#!/bin/sh
for each; do case $each in --print-to-pdf=*) target=${{each#*=}};; esac; done
{does}
"""


@pytest.mark.parametrize(
    ("does", "refused"),
    [
        ("printf '%%PDF-1.4 /CreationDate (D:20261127205830+00)' > $target", None),
        ("echo no screen >&2; exit 1", "did not print the data sheet: no screen"),
        ("true", "did not print the data sheet: it said nothing"),
    ],
)
def test_a_browser_prints_without_the_time(monkeypatch, tmp_path, does, refused):
    program = tmp_path / "chromium"
    program.write_text(BROWSER.format(does=does))
    program.chmod(0o755)
    monkeypatch.setattr(pdf.shutil, "which", lambda name: str(program))
    if refused is None:
        assert pdf.pdf_of("<p>text</p>") == b"%PDF-1.4 /CreationDate (D:20000101000000+00)"
        return
    with pytest.raises(UserError) as caught:
        pdf.pdf_of("<p>text</p>")
    assert str(caught.value).endswith(refused)
