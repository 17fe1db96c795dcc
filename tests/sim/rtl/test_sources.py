"""The machine's text is elaborated once."""

from dataclasses import replace

from hw.config import CONFIGS
from sim.rtl import sources

CONFIG = replace(CONFIGS["tiny"], max_input=8, max_hidden=8, weight_words=16, stream_words=16)


def elaborations(monkeypatch):
    """Configurations that were elaborated, as they are."""
    seen = []

    def fake(machine, name):
        seen.append(machine.config)
        return f"text of {machine.config.max_input}"

    monkeypatch.setattr(sources, "to_rtlil", fake)
    return seen


def test_a_second_call_reads_the_cache(monkeypatch, tmp_path):
    seen = elaborations(monkeypatch)
    texts = [sources.machine_rtlil(CONFIG, "top", tmp_path) for _ in range(2)]
    assert texts == ["text of 8"] * 2
    assert seen == [CONFIG]


def test_another_configuration_is_elaborated(monkeypatch, tmp_path):
    seen = elaborations(monkeypatch)
    other = replace(CONFIG, max_input=4)
    sources.machine_rtlil(CONFIG, "top", tmp_path)
    assert sources.machine_rtlil(other, "top", tmp_path) == "text of 4"
    assert seen == [CONFIG, other]


def test_another_name_or_source_is_another_key(monkeypatch):
    keys = {sources._key(CONFIG, "top"), sources._key(CONFIG, "other")}
    monkeypatch.setattr(sources.importlib.metadata, "version", lambda name: "another")
    keys.add(sources._key(CONFIG, "top"))
    assert len(keys) == 3
