"""The page of a run: its modes step by step, and its energy by part."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.energy.coefficients import Coefficients
from sim.explore.energy.counting import Counting
from sim.explore.energy.figures import energy_figures
from sim.explore.machine_values import values_of
from sim.explore.machines import find_config
from sim.explore.report.run_page import read_run, read_trace, run_page
from sim.explore.running import run_file
from sim.explore.traces import Tracer, trace_bytes
from sim.image.modes import LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError

CONFIG = CONFIGS["small"]
COEFFICIENTS = Coefficients(
    config=values_of(CONFIG),
    work={"lanes": {"gates": {"operation": 2.0}}, "sequencer": {"gates": {"operation": 0.5}}},
    idle={"lanes": {"clock": 0.5}, "sequencer": {"clock": 0.1}},
    leakage={"lanes": 0.0, "sequencer": 0.0},
    clock_mhz=100.0,
    origin={"library": "small", "volts": 1.2, "mapped_for_mhz": 100.0},
    errors={},
)


def _layer(rng, inputs, hidden=8):
    shapes = {"W": (4, hidden, inputs), "R": (4, hidden, hidden), "bias": (4, hidden)}
    arrays = {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    return FloatLayer(directions=(FloatLstm(**arrays),))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Report and traces of a run of two layers, of 20 steps of two sequences."""
    folder, rng = tmp_path_factory.mktemp("run"), np.random.default_rng(4)
    network = FloatNetwork(layers=(_layer(rng, 5), _layer(rng, 8)))
    # Some steps are like the one before, some far from it.
    moved = rng.normal(size=(2, 20, 5)) * (rng.random((2, 20, 1)) < 0.4)
    chosen = LayerModes(
        mode="auto", skip_threshold=0.98, delta_threshold=0.6, x_threshold=2, zero_skip=True
    )
    backend = Counting(ModelBackend(CONFIG))
    tracer = Tracer(backend)
    x = np.cumsum(moved, 1).astype(np.float32)
    done = run_file(network, x, None, backend, Modes.of(chosen), tracer)
    figures = {**done.figures, "energy": energy_figures(done.figures, COEFFICIENTS)}
    (folder / "run.json").write_text(json.dumps(figures))
    for name in ("trace.json", "trace.csv"):
        (folder / name).write_bytes(trace_bytes(tracer.traces, folder / name))
    return folder


@pytest.fixture
def page(run, tmp_path):
    """A page of it, with the trace and without."""

    def written(trace="trace.json"):
        path, report = tmp_path / "page.html", run / "run.json"
        steps = None if trace is None else read_trace(run / trace)
        path.write_bytes(run_page("A <run>", report, read_run(report), steps))
        return path

    return written


def _data(path):
    text = path.read_text()
    begin = text.index('type="application/json">') + len('type="application/json">')
    return json.loads(text[begin : text.index("</script>", begin)])


def test_every_step_of_the_trace_has_its_mode_on_the_page(run, page):
    data = _data(page())
    rows = json.loads((run / "trace.json").read_text())
    assert [each["name"] for each in data["timeline"]] == [
        "lstm, layer 0, forward",
        "lstm, layer 1, forward",
    ]
    for layer, place in enumerate(data["timeline"]):
        for number, steps in enumerate(place["sequences"]):
            own = [r for r in rows if (r["layer"], r["sequence"]) == (layer, number)]
            assert [data["names"][mode] for mode in steps["mode"]] == [r["mode"] for r in own]
            for name in ("score", "events_x", "events_h"):
                assert steps[name] == [r[name] for r in own]
    assert {row["mode"] for row in rows} == {"normal", "delta", "skip"}
    # A table says the same.
    assert _data(page("trace.csv"))["timeline"] == data["timeline"]


def test_energy_by_part_adds_up_and_the_machine_can_be_built(run, page):
    data, figures = _data(page(None)), json.loads((run / "run.json").read_text())
    parts = dict(zip(data["energy"]["parts"], map(sum, data["energy"]["nj"]), strict=True))
    assert parts == pytest.approx({k: v / 1e3 for k, v in figures["energy"]["parts"].items()})
    assert sum(parts.values()) == pytest.approx(figures["energy"]["core_pj"] / 1e3)
    assert data["timeline"] is None
    assert data["build"] == f"refrain verilog {run / 'run.json'} -o build/small"
    assert asdict(find_config(str(run / "run.json"))) == asdict(CONFIG)


def test_the_page_of_a_run_draws_in_a_browser_and_asks_for_nothing(browser, page):
    path = page()
    shown = browser(390, 800)
    shown.open(path, last="energy")
    assert shown.run("document.querySelector('h1').textContent") == "A <run>"
    assert shown.run("document.querySelectorAll('#timeline .heatmaplayer image').length") == 1
    assert shown.run("document.querySelectorAll('#timeline .scatterlayer .js-line').length") == 3
    assert shown.run("document.querySelectorAll('#energy .bars .point').length") == 8
    note = "document.getElementById('timeline-note').textContent"
    first = shown.run(note)
    counts = _data(path)["timeline"][1]["sequences"][1]["mode"]
    for name, chosen in (("layer", "1"), ("sequence", "1")):
        shown.run(
            f"(() => {{ const e = document.getElementById('{name}'); e.value = '{chosen}';"
            f" e.dispatchEvent(new Event('change')); }})()"
        )
    assert shown.run(note) != first
    assert shown.run(note).startswith(f"{counts.count(0)} steps normal, ")
    assert shown.run("document.documentElement.scrollWidth") <= 390
    assert shown.errors == []
    assert shown.requests[0] == path.as_uri()
    assert all(address.startswith(("data:", "blob:")) for address in shown.requests[1:])


def test_what_is_no_run_is_one_sentence(run, page, tmp_path):
    other = tmp_path / "other.json"
    for content, sentence in (
        ("[1, 2]", "is no report of a run; refrain run --report writes one"),
        ('{"steps": 3}', "is no report of a run; refrain run --report writes one"),
        ("{", "is not JSON: "),
    ):
        other.write_text(content)
        with pytest.raises(NetworkError, match=sentence):
            read_run(other)
    figures = read_run(run / "run.json")
    for damage in ({"energy": {"modes": 3}}, {"modes": {"normal": 4}}, {"config": {}}):
        with pytest.raises(NetworkError, match="is no report of a run"):
            run_page("a", other, figures | damage)
    for content in ("[{}]", "3", '[{"node": "a"}]'):
        other.write_text(content)
        with pytest.raises(NetworkError) as caught:
            read_trace(other)
        assert str(caught.value) == (
            f"{other} is no trace of a run; refrain run --trace writes one"
        )
    rows = json.loads((run / "trace.json").read_text())
    other.write_text(json.dumps(rows[:-1]))
    with pytest.raises(NetworkError, match=r"^the trace has 79 steps and the report 80: they are "):
        run_page("a", run / "run.json", figures, read_trace(other))
