"""``import refrain`` does what the command does, on arrays, and its pages read as documentation."""

import inspect
import json
from dataclasses import replace

import numpy as np
import pytest
import refrain
from safetensors.numpy import save_file

from sim.cli.table import COMMANDS
from sim.model.random_network import random_codes, random_network
from sim.networks.tflite.writer import write_tflite

NAMES = [name for name in refrain.__all__ if callable(getattr(refrain, name))]


@pytest.fixture
def weights(tmp_path):
    """Weights of an ``nn.LSTM`` of 6 inputs and 8 units, and sequences."""
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (32, 6), "weight_hh_l0": (32, 8)}
    shapes |= {"bias_ih_l0": (32,), "bias_hh_l0": (32,)}
    arrays = {k: rng.normal(0, 0.4, shape).astype(np.float32) for k, shape in shapes.items()}
    save_file(arrays, tmp_path / "net.safetensors")
    steps = rng.normal(0, 0.2, (8, 30, 6)).cumsum(axis=1)
    return tmp_path / "net.safetensors", steps.astype(np.float32)


@pytest.fixture
def integers(tmp_path):
    """A network in integers, and codes."""
    network = random_network((6, 8), seed=1)
    write_tflite(network, tmp_path / "net.tflite", steps=12)
    return tmp_path / "net.tflite", random_codes(network, 2, 12, seed=2)


def test_a_network_of_weights_is_quantised_run_and_near_to_floating_point(weights):
    path, x = weights
    network = refrain.load(path)
    assert network.inputs == ("x",) and not network.is_integer
    done = refrain.run(network, x, config="tiny")
    assert done.outputs["h"].dtype == np.int8 and done.outputs["h"].shape == (8, 30, 8)
    scale, zero = done.scales["h"]
    np.testing.assert_array_equal(done.real(), (done.outputs["h"].astype(float) - zero) * scale)
    assert done.figures["steps"] == 240


def test_exact_delta_gives_the_same_bits_for_less_work(integers):
    path, x = integers
    normal, delta = refrain.run(path, x), refrain.run(path, x, mode="delta")
    assert (normal.outputs["h"] == delta.outputs["h"]).all()
    assert delta.figures["macs_done"] < normal.figures["macs_done"]


def test_what_quantize_saves_runs_as_it_is(weights, tmp_path):
    path, x = weights
    made = refrain.quantize(refrain.load(path), x)
    assert made.sqnr_db > 30
    kept = made.save(tmp_path / "made.tflite")
    assert refrain.load(kept).is_integer
    alone, at_once = refrain.run(kept, x), refrain.run(path, x, calibration=x)
    assert (alone.outputs["h"] == at_once.outputs["h"]).all()


def test_bits_of_weights_are_chosen_within_a_budget(weights, tmp_path):
    path, x = weights
    plain = refrain.quantize(path, x)
    made = refrain.quantize(path, x, budget=f"{plain.sqnr_db - 5:.2f}dB")
    assert plain.sqnr_db - 5 <= made.sqnr_db and not plain.weights
    assert [row["part"] for row in made.weights] == ["W", "R"]
    sizes = [sum(row[name] for row in made.weights) for name in ("bytes", "bytes_8_bits")]
    assert sizes[0] < sizes[1]
    done = refrain.run(made.save(tmp_path / "made.refrain"), x, config="small")
    assert set(done.figures["weight_bits"]) <= {row["bits"] for row in made.weights}
    by_hand = refrain.quantize(path, x, weight_bits=[tuple(row["bits"] for row in made.weights)])
    assert by_hand.sqnr_db == made.sqnr_db
    with pytest.raises(refrain.RefrainError, match="leave out weight_bits"):
        refrain.quantize(path, x, budget="1kB", weight_bits=4)


def test_the_gates_give_the_bits_of_the_model(integers):
    path, x = integers
    told = []
    gates = refrain.simulate(path, x, config="tiny", progress=lambda *far: told.append(far))
    model = refrain.run(path, x, config="tiny")
    assert (gates.outputs["h"] == model.outputs["h"]).all()
    assert gates.figures["backend"] == "rtl" and told


def test_a_machine_that_is_driven_by_hand_gives_the_bits_of_the_model(integers):
    path, x = integers
    image = refrain.compile_image(path, x, "tiny", mode="delta")
    machine = refrain.simulator("tiny", memory=refrain.Memory(latency=7))
    machine.write_memory(0, image.data)
    machine.write_memory(image.x.addr, image.pack_x(x))
    driver = refrain.Driver(machine)
    driver.start(image.descriptor, image.output_base, image.output_limit)
    driver.wait()
    delta = refrain.run(path, x, config="tiny", mode="delta")
    h = image.unpack_h(machine.read_memory(0, image.output_limit))
    assert (h == delta.outputs["h"]).all() and machine.violations == 0
    modes = driver.mode_counters().values()
    assert sum(mode["macs_done"] for mode in modes) == delta.figures["macs_done"]


def test_only_networks_in_integers_have_an_image(weights):
    path, x = weights
    with pytest.raises(refrain.RefrainError, match=r"save what refrain\.quantize gives"):
        refrain.compile_image(path, x)


def test_what_tune_finds_keeps_to_its_budget_and_is_a_settings_file(weights, tmp_path):
    path, x = weights
    found = refrain.tune(path, x, budget="20dB", trials=4, config="tiny")
    assert found.within_budget
    kept = found.save(tmp_path / "settings.json")
    assert refrain.settings(kept) == found.settings
    assert json.loads(kept.read_text())["layers"]
    tuned = refrain.run(path, x, settings=found.settings, config="tiny")
    assert tuned.figures["macs_avoided_share"] > 0


def test_single_options_go_before_settings(integers):
    path, x = integers
    given = refrain.settings(mode="delta", x_threshold=3)
    assert given.replace(x_threshold=0) == refrain.settings(mode="delta")
    one = refrain.run(path, x, settings=given, x_threshold=0)
    assert one.figures["macs_done"] == refrain.run(path, x, mode="delta").figures["macs_done"]


def test_a_configuration_of_ones_own_is_exported(tmp_path):
    mine = replace(refrain.config("tiny"), name="mine", max_hidden=64)
    path = refrain.export_verilog(mine, tmp_path)[0]
    assert path.name == "refrain_mine.v"
    assert "module refrain_mine" in path.read_text()


def test_a_package_holds_the_verilog_and_more(tmp_path):
    paths = refrain.package("tiny", tmp_path / "package")
    names = {path.relative_to(tmp_path / "package").as_posix() for path in paths}
    assert {"rtl/refrain_tiny.v", "driver/refrain.c", "component.xml", "package.json"} < names
    with pytest.raises(refrain.RefrainError, match="no configuration none"):
        refrain.package("none", tmp_path)


def test_what_is_compiled_holds_what_a_run_gives(integers, tmp_path):
    path, x = integers
    given = refrain.settings(mode="delta", x_threshold=3)
    made = refrain.compile(path, tmp_path / "out", config="tiny", inputs=x, settings=given)
    assert made == json.loads((tmp_path / "out" / "manifest.json").read_text())
    done = refrain.run(path, x, config="tiny", settings=given)
    assert (np.load(tmp_path / "out" / "expected.npy") == done.outputs["h"]).all()
    assert made["expected_cycles"]["cycles"] == done.figures["cycles"]
    assert refrain.inspect(tmp_path / "out" / "image.bin")["sha256"] == made["image"]["sha256"]


def test_a_configuration_is_a_name_or_a_file_with_other_values(integers, tmp_path):
    mine = refrain.config("edge", lanes=16, bus_width=64, multiplier="drum:4", name="mine")
    expected = replace(refrain.CONFIGS["edge"], lanes=16, bus_width=64, name="mine")
    assert replace(mine, multiplier=expected.multiplier) == expected
    assert mine.multiplier == refrain.config(multiplier="drum:4").multiplier
    path, x = integers
    report = tmp_path / "report.json"
    report.write_text(json.dumps(refrain.run(path, x, config=mine).figures))
    assert refrain.config(report) == mine
    assert refrain.config(str(report), weight_bits=4) == refrain.config(
        "edge", lanes=16, bus_width=64, multiplier="drum:4", name="mine", weight_bits=4
    )
    again = refrain.run(path, x, config=str(report)).figures
    assert again == json.loads(report.read_text())


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"lane": 16}, r"^there is no field lane; .*; did you mean lanes\?$"),
        ({"lanes": "16"}, r"^lanes must be a power of two from 4 to 4096, not '16'$"),
        ({"lanes": True}, r"^lanes must be a power of two from 4 to 4096, not True$"),
        (
            {"bus_width": 512},
            r"^bus_width must be at most 64, what 8 lanes of 8-bit weights use per cycle",
        ),
    ],
)
def test_fields_that_cannot_be_are_one_sentence(fields, sentence):
    with pytest.raises(refrain.RefrainError, match=sentence):
        refrain.config("tiny", **fields)


def test_multipliers_are_listed_and_reported():
    names = {row["name"] for row in refrain.multipliers()}
    assert {"exact", "truncated"} <= names
    exact, *coarser = refrain.multiplier("truncated:4,6")
    assert exact["mae"] == 0 and coarser[0]["mae"] < coarser[1]["mae"]


def test_a_sweep_measures_every_combination(weights, tmp_path):
    path, x = weights
    np.save(tmp_path / "x.npy", x)
    rows = refrain.sweep(
        tmp_path / "sweep",
        network=path,
        data=tmp_path / "x.npy",
        metric="sqnr",
        config="tiny",
        x_thresholds=(0, 8),
        jobs=1,
    )
    assert len(rows) == 3
    by_threshold = {row["x_threshold"]: row["macs"] for row in rows if row["mode"] == "delta"}
    assert by_threshold[8] < by_threshold[0]
    page = refrain.report(tmp_path / "sweep", tmp_path / "page.html", title="Two thresholds")
    assert "Two thresholds" in page.read_text()


def test_boards_are_listed_and_planned(tmp_path):
    assert "arty-a7-35" in {row["name"] for row in refrain.boards()}
    figures = refrain.build("arty-a7-35", tmp_path, plan_only=True, bare=True)
    assert figures["board"] == "arty-a7-35"
    assert list(tmp_path.glob("*.v"))


def test_workloads_are_listed():
    assert {"silero", "vowels"} <= {row["name"] for row in refrain.workloads()}


def test_inspect_tells_what_the_command_tells(integers):
    path, _ = integers
    found = refrain.inspect(path)
    assert found["refused"] is None or not found["refused"]
    assert found["layers"]


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: refrain.load("nowhere.onnx"), "nowhere.onnx cannot be read"),
        (lambda: refrain.config("huge"), "there is no configuration huge"),
        (lambda: refrain.settings(mode="delta", max_skips=3), "--max-skips does nothing"),
        (lambda: refrain.report("nowhere", "page.html"), "nowhere is no file; a sweep writes"),
        (lambda: refrain.silicon("tiny", liberty="nowhere.lib"), "nowhere.lib cannot be read"),
    ],
)
def test_what_cannot_be_is_one_sentence(call, sentence):
    with pytest.raises(refrain.RefrainError, match=f"^{sentence}") as caught:
        call()
    assert "\n" not in str(caught.value)


def test_an_output_must_be_named_where_there_are_several():
    done = refrain.Outcome(outputs={"a": 1, "b": 2}, scales={}, figures={}, warnings=(), notes=())
    assert done.real("b") == 2
    with pytest.raises(KeyError, match="name one of the outputs a, b"):
        done.real()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name):
    offered = getattr(refrain, name)
    text = inspect.getdoc(offered)
    assert text and len(text) > 40
    if inspect.isfunction(offered):
        assert "Raises" in text
        for parameter in inspect.signature(offered).parameters:
            assert parameter in text


def test_the_command_and_the_package_offer_the_same():
    # What prints tables of its own and returns nothing is for the command alone.
    names = COMMANDS.keys() - {"demo", "bench"}
    meant = {"verilog": "export_verilog", "configs": "CONFIGS"}
    missing = {name for name in names if not hasattr(refrain, meant.get(name, name))}
    assert missing == set()


def test_what_prune_saves_runs_with_fewer_weights(weights, tmp_path):
    path, x = weights
    done = refrain.prune(path, x, keep=0.6, config="tiny")
    assert done.figures["zero_groups"] == 24 and 10 < done.sqnr_db < 60
    assert done.save(tmp_path / "made.safetensors") == {}
    (row,) = done.save(tmp_path / "made.tflite")["integers"]
    assert row["sqnr_db_before"] > row["sqnr_db_after"] > 10
    assert refrain.load(tmp_path / "made.tflite").is_integer
    with pytest.raises(refrain.RefrainError, match="keep must be above 0 and at most 1, not 2"):
        refrain.prune(path, x, keep=2)
