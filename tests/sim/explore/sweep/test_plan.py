"""Plans of sweeps: what files say, which points they have, and what is refused."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from hw.config import ConfigError
from hw.errors import UserError
from sim.explore.sweep.combining import combine
from sim.explore.sweep.plan import EXAMPLE, plan_of, read_plan
from sim.explore.sweep.ran import functional
from sim.networks.network import NetworkError

VOWELS = {"workload": "vowels"}


def points(**sections):
    return combine(plan_of({"subject": VOWELS, **sections}))


def test_the_example_is_a_plan_of_every_combination_once():
    made = combine(plan_of(tomllib.loads(EXAMPLE)))
    # 2 lanes and 2 widths; normal mode once; 3 thresholds of x with 2 of h but for two pairs.
    assert len(made) == 2 * 2 * (1 + 3 * 2 - 2)
    assert len(set(made)) == len(made)
    assert {point.config.lanes for point in made} == {16, 32}


def test_the_plan_of_the_page_has_200_points():
    page = (Path(__file__).parents[4] / "docs" / "sweeps.md").read_text()
    text = page.partition("### A plan of 200 points")[2].partition("```toml")[2].partition("```")[0]
    made = combine(plan_of(tomllib.loads(text)))
    assert len(made) == 200
    assert {point.subject for point in made} == {"digits", "vowels"}
    # Normal mode, and two levels with two pairs of thresholds, in four widths of each network.
    assert len({functional(point) for point in made}) == 2 * 4 * (1 + 2 * 2)


def test_ranges_rise_by_a_step_or_a_factor():
    made = points(
        config={"base": "tiny", "lanes": {"from": 8, "to": 32, "factor": 2}},
        modes={"mode": "delta", "x_threshold": {"from": 0, "to": 7, "step": 3}},
    )
    assert sorted({point.config.lanes for point in made}) == [8, 16, 32]
    assert sorted({point.mode.x_threshold for point in made}) == [0, 3, 6]
    percent = points(quantiser={"percentile": {"from": 99, "to": 100, "step": 0.5}})
    assert [point.percentile for point in percent] == [99, 99.5, 100]


def test_settings_that_a_mode_does_not_read_make_no_points():
    modes = {"mode": ["normal", "reduced", "delta"], "x_threshold": [0, 1], "h_threshold": [0, 2]}
    made = points(modes=modes)
    assert [point.mode.mode for point in made].count("normal") == 1
    assert [point.mode.mode for point in made].count("reduced") == 1
    assert [point.mode.mode for point in made].count("delta") == 4


def test_a_level_is_left_out_where_a_multiplier_lacks_it():
    machine = {"multiplier": ["exact", "truncated:4,6"]}
    made = points(config=machine, modes={"mode": "delta", "level": "all", "normal_every": 9})
    assert [point.level for point in made] == [0, 0, 1, 2]


def test_conditions_choose_among_combinations():
    sections = {
        "config": {"base": "tiny", "lanes": [8, 16], "weight_bits": [4, 8]},
        "conditions": {"require": "lanes * weight_bits == 64"},
    }
    found = [(p.config.lanes, p.config.multiplier.weight_width) for p in points(**sections)]
    assert found == [(8, 8), (16, 4)]


def test_combinations_that_cannot_be_are_left_out_where_that_is_wanted():
    machine = {"base": "tiny", "lanes": [8, 32], "bus_width": [64, 128]}
    with pytest.raises(ConfigError, match="lanes = 8, bus_width = 128"):
        points(config=machine)
    made = points(config=machine, conditions={"impossible": "leave out"})
    found = [(point.config.lanes, point.config.bus_width) for point in made]
    assert found == [(8, 64), (32, 64), (32, 128)]


def test_files_are_looked_for_beside_the_plan(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 1), np.float32))
    (tmp_path / "net.onnx").write_bytes(b"a network")
    path = tmp_path / "plan.toml"
    path.write_text('[subject]\nnetwork = "net.onnx"\ndata = "x.npy"\nmetric = "sqnr"\n')
    (subject,) = read_plan(path).subjects
    assert subject.network == str(tmp_path / "net.onnx")
    assert subject.name == "net.onnx"


REFUSED = [
    ('[subjects]\nworkload = "vowels"', "a plan has no section subjects; the sections are subject, "
     "config, quantiser, modes, conditions, search; did you mean subject?"),
    ("", "a plan needs a [subject]: a workload, or a network with data and metric"),
    ('[subject]\nworkload = "birds"', "there is no workload birds; the workloads are silero, "
     "deepspeech, strings, activity, digits, vowels"),
    ("[config]\nlane = 8", "[config] has no key lane; its keys are name, lanes, "),
    ('[config]\nlanes = "8"', "[config] lanes: lanes must be a power of two from 4 to 4096, "
     "not '8'"),
    ("[config]\nlanes = []", "[config] lanes is a list without values; give it one or leave it "
     "out"),
    ("[config]\nlanes = 7", "lanes must be a power of two of at least 4, not 7"),
    ("[modes]\nx_threshold = {from = 8, to = 4}", "[modes] x_threshold: the range from 8 to 4 has "
     "no points; it must rise by a step above 0 or a factor above 1"),
    ("[modes]\nx_threshold = {from = 0, to = 8, step = 0}", "[modes] x_threshold: the range from 0 "
     "to 8 has no points; it must rise by a step above 0 or a factor above 1"),
    ("[modes]\nx_threshold = {from = 0, until = 8}", "[modes] x_threshold: a range has no key "
     "until; its keys are from, to, step, factor"),
    ("[modes]\nx_threshold = {from = 0}", "[modes] x_threshold: a range has from, to, and one of "
     "step and factor"),
    ('[modes]\nmode = "fast"', "mode must be normal, delta, reduced, skip or auto, not fast"),
    ('[conditions]\nrequire = "lanes >"', "the condition 'lanes >' is no expression, such as "
     "lanes * weight_bits >= 128"),
    ('[conditions]\nrequire = "lane > 3"', "the condition 'lane > 3' names lane, which no point "
     "has; names are subject, "),
    ('[conditions]\nrequire = "open(name)"', "the condition 'open(name)' calls something; it may "
     "only compare"),
    ('[conditions]\nrequire = "lanes / (lanes - lanes) > 1"', "the condition 'lanes / (lanes - "
     "lanes) > 1' fails: division by zero"),
    ('[conditions]\nrequire = "lanes < 4"', "the plan has no points: every combination is left "
     "out by its conditions, or cannot be"),
    ('[search]\npoints = 9', "[search] needs objectives: how many points it may measure, and for "
     "what: score, "),
    ('[search]\npoints = 9\nobjectives = ["speed"]', "[search] has no objective speed; it searches "
     "for score, "),
    ('[search]\npoints = 0\nobjectives = ["score"]', "[search] points must be a whole number from "
     "1 to 1,000,000, not 0"),
    ("[config]\nlanes = 8\nlanes = 8", "PATH is not TOML: "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_a_plan_that_cannot_be_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "plan.toml"
    subject = "" if "[subject" in text or not text else '[subject]\nworkload = "vowels"\n'
    path.write_text(subject + text)
    with pytest.raises(UserError) as caught:
        combine(read_plan(path))
    said = str(caught.value).removeprefix(f"{path}: ")
    assert said.startswith(sentence.replace("PATH", str(path)))
    assert "\n" not in said


def test_a_million_combinations_are_too_many():
    axis = {"from": 0, "to": 255}
    modes = {"mode": "delta", "x_threshold": axis, "h_threshold": axis, "normal_every": axis}
    with pytest.raises(NetworkError, match=r"^the plan has 16,777,216 combinations, and a sweep"):
        points(modes=modes)
