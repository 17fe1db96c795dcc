"""Configurations as files: what is written is read, and what is wrong is one sentence."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS, SETTINGS, Config, ConfigError
from hw.multipliers.catalogue import MULTIPLIERS, find_multiplier
from hw.multipliers.imported import Entries, TableMultiplier
from hw.registers import OPTIONAL
from sim.explore.machine_files import config_text, read_config
from sim.explore.machine_values import values_of
from sim.explore.machines import find_config

TINY = CONFIGS["tiny"]
LETTERS = "abcxyzABCXYZ"
TEXTS = ("truncated:1", "booth:1,2", "compensated:3,7", "rounded:5", "drum:3", "operands:1,2")


@pytest.fixture
def file(tmp_path):
    """Writes a text or bytes, or a configuration's text, as a .toml file."""

    def write(content=None):
        path = tmp_path / "mine.toml"
        content = config_text(TINY) if content is None else content
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@st.composite
def configs(draw):
    """Configurations that can be."""
    width = draw(st.sampled_from([4, 8]))
    name = draw(st.sampled_from([*MULTIPLIERS, *TEXTS]))
    try:
        multiplier = find_multiplier(name, width)
    except ValueError:
        # Rounded to more bits than so narrow a weight has.
        multiplier = find_multiplier("exact", width)
    lanes = draw(st.sampled_from([16, 32, 256, 4096]))
    small = st.integers(1, 4096)
    tail = st.text(LETTERS + "0123456789_", max_size=63)
    return Config(
        name=draw(st.sampled_from(LETTERS)) + draw(tail),
        lanes=lanes,
        bus_width=64,
        max_input=draw(small),
        max_hidden=draw(small),
        weight_words=draw(st.integers(1, 1 << 20)),
        stream_words=draw(st.integers(5, 1 << 16)),
        cell_lanes=draw(st.sampled_from([1, 2, 4])),
        burst_beats=draw(st.sampled_from([1, 16, 256])),
        bursts_in_flight=draw(st.integers(1, 256)),
        lookahead=draw(st.sampled_from([1, 2, 16])),
        clock_mhz=draw(st.floats(1e-300, 1e300)),
        multiplier=multiplier,
        act_width=draw(st.integers(4, 8)),
        row_scales=draw(st.booleans()),
        **{name: draw(st.booleans()) for name in OPTIONAL},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for files of many examples."""
    return tmp_path_factory.mktemp("configs")


def _read_back(config, folder):
    path = folder / "config.toml"
    path.write_text(config_text(config))
    report = folder / "report.json"
    report.write_text(json.dumps({"steps": 3, "config": values_of(config)}))
    return read_config(path), read_config(report)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_named_configuration_is_read_as_it_was_written(config, folder):
    assert _read_back(config, folder) == (config, config)


@given(configs())
def test_any_configuration_is_read_as_it_was_written(folder, config):
    assert _read_back(config, folder) == (config, config)


def test_every_field_is_explained_above_it():
    parts = config_text(TINY).split("\n\n")[1:]
    assert len(parts) == len(SETTINGS)
    for part, setting in zip(parts, SETTINGS.values(), strict=True):
        *comments, line = part.strip().splitlines()
        assert line.startswith(f"{setting.name} = ")
        said = " ".join(comment.removeprefix("# ") for comment in comments)
        assert said.startswith(setting.meaning) and f"Range: {setting.allowed}." in said
        assert said.endswith(f"Cost: {setting.cost}")
        assert (f"Unit: {setting.unit}." in said) == bool(setting.unit)
        assert ("Default: " in said) == (setting.default is not None)
    assert max(map(len, config_text(TINY).splitlines())) <= 100


def test_defaults_need_not_be_written(file):
    path = file('name = "a"\nlanes = 8\nbus_width = 64\nmax_input = 1\nmax_hidden = 2\n'
                "weight_words = 3\n")  # fmt: skip
    expected = Config(name="a", lanes=8, bus_width=64, max_input=1, max_hidden=2, weight_words=3)
    assert read_config(path) == expected


def test_a_file_is_changed_like_a_name(file):
    found = find_config(str(file()), ["lanes=16", "name=mine"])
    assert found == replace(TINY, lanes=16, name="mine")


def test_a_file_without_an_ending_is_found_and_a_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "edge"):
        (tmp_path / name).write_text(config_text(TINY))
    assert find_config("mine") == TINY
    assert find_config("edge") == CONFIGS["edge"]
    assert find_config("./edge") == TINY


FIELDS = ", ".join(SETTINGS)
LANES = "lanes must be a power of two from 4 to 4096"
REFUSED = [
    ("lanes", "lane = 8", f"there is no field lane; the fields are {FIELDS}; did you mean lanes?"),
    ("lanes", "", f"lanes is missing; it must be {SETTINGS['lanes'].allowed}"),
    ("lanes", 'lanes = "8"', f"{LANES}, not '8'"),
    ("lanes", "lanes = true", f"{LANES}, not True"),
    ("lanes", "lanes = 8.0", f"{LANES}, not 8.0"),
    (
        "lanes",
        "lanes = [8, 16]",
        "lanes must be one value, a power of two from 4 to 4096, not [8, 16]",
    ),
    ("lanes", "lanes = {a = 1}", f"{LANES}, not {{'a': 1}}"),
    ("lanes", "lanes = 24", "lanes must be a power of two of at least 4, not 24"),
    (
        "bus_width",
        "bus_width = 128",
        "bus_width must be at most 64, what 8 lanes of 8-bit weights use per cycle, not 128",
    ),
    ("activation_bits", "activation_bits = 9", "activation_bits must be from 4 to 8, or 16, not 9"),
    ("weight_bits", "weight_bits = 3", "weight_bits must be an integer from 4 to 8, not 3"),
    ("row_scales", "row_scales = 1", "row_scales must be true or false, not 1"),
    ("clock_mhz", "clock_mhz = inf", "clock_mhz must be a positive number, not inf"),
    (
        "clock_mhz",
        f"clock_mhz = 1{'0' * 400}",
        f"clock_mhz must be a positive number, not 1{'0' * 59}...",
    ),
    ("name", 'name = "../x"', f"name must be {SETTINGS['name'].allowed}, not '../x'"),
    (
        "multiplier",
        'multiplier = "truncated:x"',
        "truncated:x: x is not a list of integers",
    ),
    (
        "multiplier",
        r'multiplier = "\u0000.npy"',
        f"multiplier must be {SETTINGS['multiplier'].allowed}, not '\\x00.npy'",
    ),
]


@pytest.mark.parametrize(
    "field, line, sentence", REFUSED, ids=[str(k) for k in range(len(REFUSED))]
)
def test_what_is_wrong_names_the_file_and_the_field(file, field, line, sentence):
    lines = config_text(TINY).splitlines()
    path = file("\n".join(line if each.startswith(f"{field} = ") else each for each in lines))
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert str(error.value) == f"{path}: {sentence}"


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("lanes 8", " is not TOML: Expected '=' after a key"),
        ("lanes = 8\nlanes = 16\n", " is not TOML: Cannot overwrite a value (at line 2"),
        (b"\xff\xfe", " holds no configuration: it is not text"),
        ("a = " + "[" * 100_000, " holds no configuration: it is nested too deeply"),
        ("lanes = " + "9" * 5000, " is not TOML: "),
        ("", ": name is missing; it must be a name of at most 64 letters"),
        ("[edge]\nlanes = 8\n", ": there is no field edge; "),
    ],
)
def test_a_file_that_is_no_configuration_is_one_sentence(file, content, sentence):
    path = file(content)
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert str(error.value).startswith(f"{path}{sentence}")


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("{", " is not JSON: "),
        ("[1]", " holds no configuration: the report of a run has one under config"),
        ('{"config": "tiny"}', " holds no configuration: the report of a run has one under config"),
        ('{"config": {}}', ": name is missing; "),
        ('{"config": {"lanes": null}}', f": {LANES}, not None"),
    ],
)
def test_a_report_without_a_configuration_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert str(error.value).startswith(f"{path}{sentence}")


def test_a_file_that_is_not_there_names_the_nearest(file):
    path = file()
    wanted = path.with_name("mime.toml")
    with pytest.raises(ConfigError) as error:
        find_config(str(wanted))
    reason = "cannot be read: No such file or directory"
    assert str(error.value) == f"{wanted} {reason}; did you mean {path}?"
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory$"):
        find_config(str(path.parent))


def test_an_imported_multiplier_is_found_beside_the_file(tmp_path):
    codes = np.arange(-128, 128)
    np.save(tmp_path / "mine.npy", np.outer(codes, codes))
    path = tmp_path / "mine.toml"
    text = config_text(TINY).replace('multiplier = "exact"', 'multiplier = "mine.npy"')
    path.write_text(text)
    found = read_config(path)
    assert found.multiplier.origin == str(tmp_path / "mine.npy")
    assert _read_back(found, tmp_path) == (found, found)
    assert tomllib.loads(config_text(found))["multiplier"] == str(tmp_path / "mine.npy")


def test_a_multiplier_without_a_name_is_not_written():
    codes = np.arange(-128, 128)
    multiplier = TableMultiplier(weight_width=8, entries=Entries.of(np.outer(codes, codes)))
    with pytest.raises(ConfigError, match=r"^the multiplier of configuration tiny has no name "):
        config_text(replace(TINY, multiplier=multiplier))
