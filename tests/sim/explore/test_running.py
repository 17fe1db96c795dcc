import numpy as np
import pytest

from hw.config import CONFIGS, ConfigError
from sim.explore.nodes import LstmNodes
from sim.explore.reports import merge_reports
from sim.explore.running import find_config, make_backend
from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, FloatLstm
from sim.networks.quantizer import quantize

TINY = CONFIGS["tiny"]


@pytest.fixture
def layer():
    rng = np.random.default_rng(0)

    def lstm(reverse):
        return FloatLstm(
            W=rng.normal(0, 0.5, (4, 5, 3)),
            R=rng.normal(0, 0.3, (4, 5, 5)),
            bias=rng.normal(0, 0.2, (4, 5)),
            reverse=reverse,
        )

    return FloatLayer(directions=(lstm(False), lstm(True)))


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(2, 30, 3))


def _nodes(layer, x):
    return LstmNodes({"node": quantize(layer, x)}, make_backend("model", TINY))


def test_a_node_gives_what_its_layer_means(layer, x):
    rng = np.random.default_rng(2)
    h0, c0 = rng.uniform(-0.5, 0.5, (2, 2, 2, 5))
    for states in ((None, None), (h0, c0), (h0, None), (None, c0)):
        exact = run_layer(layer, x, *states)
        given = _nodes(layer, x)("node", layer, x, *states)
        for value, expected in zip(given, exact, strict=True):
            assert value.shape == expected.shape
            assert np.abs(value - expected).max() < 0.05


def test_pieces_with_their_states_give_what_the_whole_gives(x, layer):
    layer = FloatLayer(directions=layer.directions[:1])
    nodes = _nodes(layer, x)
    whole, h_n, c_n = nodes("node", layer, x, None, None)
    first, h, c = nodes("node", layer, x[:, :13], None, None)
    second, h, c = nodes("node", layer, x[:, 13:], h, c)
    assert (np.concatenate([first, second], axis=1) == whole).all()
    assert (h == h_n).all() and (c == c_n).all()


def test_counts_add_up_and_what_is_unknown_stays_unknown():
    report = {
        "config": "tiny",
        "lanes": 8,
        "cycles": 100,
        "utilisation": 0.5,
        "macs_done": 400,
        "stall_cycles": {"load": 7},
    }
    merged = merge_reports([report, {**report, "cycles": 300, "macs_done": 2000}])
    assert merged == {
        "config": "tiny",
        "lanes": 8,
        "cycles": 400,
        "utilisation": 0.75,
        "macs_done": 2400,
        "stall_cycles": {"load": 14},
    }
    unknown = {**report, "cycles": None, "utilisation": None, "stall_cycles": None}
    merged = merge_reports([report, unknown])
    assert (merged["cycles"], merged["utilisation"], merged["stall_cycles"]) == (None, None, None)
    assert merged["macs_done"] == 800


def test_modes_and_shares_are_merged():
    delta = {"steps": 3, "macs_done": 100}
    report = {
        "lanes": 8,
        "cycles": None,
        "macs_done": 100,
        "macs_avoided": 300,
        "macs_avoided_share": 0.75,
        "weight_bytes": 0,
        "weight_bytes_avoided": 0,
        "weight_bytes_avoided_share": None,
        "mode_steps": {"delta": 3},
        "modes": {"delta": delta},
    }
    other = {
        **report,
        "macs_avoided": 0,
        "macs_avoided_share": 0,
        "weight_bytes": 30,
        "weight_bytes_avoided": 10,
        "weight_bytes_avoided_share": 0.25,
        "mode_steps": {"normal": 1, "delta": 2},
        "modes": {"normal": {"steps": 1, "macs_done": 60}, "delta": {"steps": 2, "macs_done": 40}},
    }
    for pair in ([report, other], [other, report]):
        merged = merge_reports(pair)
        assert merged["macs_avoided_share"] == 0.6
        assert merged["weight_bytes_avoided_share"] == 0.25
        assert merged["mode_steps"] == {"normal": 1, "delta": 5}
        assert merged["modes"] == {
            "normal": {"steps": 1, "macs_done": 60},
            "delta": {"steps": 5, "macs_done": 140},
        }


def test_names_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match=r"^there is no configuration huge; "):
        find_config("huge")
    with pytest.raises(ConfigError, match=r"^there is no backend cloud; "):
        make_backend("cloud", TINY)
    with pytest.raises(ConfigError) as caught:
        make_backend("rtl", TINY, latency=0)
    assert str(caught.value) == "the memory's latency must be at least 1 cycle, not 0"
