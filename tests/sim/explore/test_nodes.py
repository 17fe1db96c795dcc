import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.nodes import LstmNodes
from sim.explore.running import make_backend
from sim.explore.traces import Tracer
from sim.image.modes import LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.networks.codes import to_codes
from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, FloatLstm, NetworkError
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


@pytest.fixture
def forward(layer):
    return FloatLayer(directions=layer.directions[:1])


def stepped(nodes, layer, x, steps=1):
    """``y`` of calls of so many steps, states handed from call to call."""
    found, h, c = [], np.zeros((1, len(x), 5), np.float32), np.zeros((1, len(x), 5), np.float32)
    for first in range(0, x.shape[1], steps):
        y, h, c = nodes("node", layer, x[:, first : first + steps], h, c)
        found.append(y)
    return np.concatenate(found, axis=1)


def made(layer, x, mode="delta", **settings):
    modes = Modes.of(LayerModes(mode=mode, **settings))
    return LstmNodes({"node": quantize(layer, x)}, ModelBackend(TINY), modes)


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("settings", [{}, {"x_threshold": 3, "h_threshold": 2}])
def test_calls_that_go_on_cost_and_give_what_one_run_does(forward, x, steps, settings):
    x = x[:1]
    whole, pieces = made(forward, x, **settings), made(forward, x, **settings)
    expected = whole("node", forward, x, None, None)[0]
    assert (stepped(pieces, forward, x, steps) == expected).all()
    one, many = whole.report(), pieces.report()
    for name in ("steps", "events_x", "events_h", "macs_done", "macs_avoided"):
        assert one[name] == many[name], name
    assert many["mode_steps"] == {"normal": 1, "delta": 29}
    assert pieces.why_not_resumed() is None
    assert len(pieces.results["node"]) == -(-30 // steps)


def test_a_call_that_begins_anew_does_not_go_on(forward, x):
    nodes = made(forward, x[:1])
    for _ in range(2):
        nodes("node", forward, x[:1], None, None)
    assert nodes.report()["mode_steps"] == {"normal": 2, "delta": 58}


def test_nodes_that_alternate_keep_what_is_theirs(forward, x):
    network = quantize(forward, x)
    modes = Modes.of(LayerModes(mode="delta"))
    nodes = LstmNodes({"a": network, "b": network}, ModelBackend(TINY), modes)
    zero = np.zeros((1, 1, 5), np.float32)
    states, found = {"a": (zero, zero), "b": (zero, zero)}, {"a": [], "b": []}
    for step in range(6):
        for name, rows in zip("ab", x, strict=True):
            part = rows[None, step : step + 1]
            y, *states[name] = nodes(name, forward, part, *states[name])
            found[name].append(y)
    assert nodes.report()["mode_steps"] == {"normal": 2, "delta": 10}
    for name, rows in zip("ab", x, strict=True):
        alone = LstmNodes({name: network}, ModelBackend(TINY), modes)
        wanted = alone(name, forward, rows[None, :6], zero, zero)[0]
        assert (np.concatenate(found[name], axis=1) == wanted).all()


def test_a_layer_that_runs_backwards_never_goes_on(layer, x):
    backward = FloatLayer(directions=layer.directions[1:])
    nodes, x = made(backward, x[:1]), x[:1]
    _, h, c = nodes("node", backward, x[:, 15:], None, None)
    first, _, _ = nodes("node", backward, x[:, :15], h, c)
    whole, _, _ = made(backward, x)("node", backward, x, None, None)
    assert (first == whole[:, :15]).all()
    assert nodes.report()["mode_steps"]["normal"] == 2 and nodes.why_not_resumed() is None


@pytest.mark.parametrize("what", [0, 1])
def test_a_state_that_the_host_has_changed_is_taken(forward, x, what):
    nodes, x = made(forward, x[:1]), x[:1]
    _, *states = nodes("node", forward, x[:, :15], None, None)
    states[what] = states[what] + 0.1
    second, _, _ = nodes("node", forward, x[:, 15:], *states)
    wanted, _, _ = made(forward, x)("node", forward, x[:, 15:], *states)
    assert (second == wanted).all() and nodes.report()["mode_steps"]["normal"] == 2


def test_a_backend_that_cannot_go_on_gives_the_same_values(forward, x):
    class Forgetful(ModelBackend):
        def run(self, network, x, **options):
            if options.get("resume"):
                raise NetworkError("this backend forgets")
            return super().run(network, x, **options)

    x = x[:1]
    network = quantize(forward, x)
    modes = Modes.of(LayerModes(mode="delta"))
    nodes = LstmNodes({"node": network}, Forgetful(TINY), modes)
    expected = made(forward, x)("node", forward, x, None, None)[0]
    assert (stepped(nodes, forward, x) == expected).all()
    assert nodes.why_not_resumed() == "this backend forgets"
    assert nodes.report()["mode_steps"] == {"normal": 30}


def test_what_was_given_and_made_is_joined(forward, x):
    nodes = made(forward, x[:1])
    y = stepped(nodes, forward, x[:1])
    (((seen, h),),) = nodes.sequences().values()
    assert (seen.x == x[:1]).all() and (h == y).all() and not seen.h0.any()


def test_a_trace_is_of_the_calls_together(forward, x):
    nodes = made(forward, x[:1])
    stepped(nodes, forward, x[:1])
    tracer = Tracer(nodes.backend)
    nodes.trace(tracer)
    (trace,) = tracer.traces
    assert trace.h.shape == (1, 30, 5)
    assert trace.activity.events_x.sum() == nodes.report()["events_x"]


def test_a_layer_in_integers_is_given_codes(forward, x):
    network = quantize(forward, x)
    (layer,) = network.layers
    codes = to_codes(x, layer.directions[0].x)
    nodes = LstmNodes({"node": network}, ModelBackend(TINY))
    y, h, c = nodes("node", layer, codes, None, None)
    assert y.dtype == np.int8 and c.dtype == np.int16
    first, h1, c1 = nodes("node", layer, codes[:, :13], None, None)
    second, h2, c2 = nodes("node", layer, codes[:, 13:], h1, c1)
    assert (np.concatenate([first, second], axis=1) == y).all()
    assert (h2 == h).all() and (c2 == c).all()


def test_states_that_come_back_in_float16_go_on(forward, x):
    nodes = made(forward, x[:1])
    h = c = np.zeros((1, 1, 5), np.float16)
    for step in range(30):
        given = (np.asarray(state, np.float32) for state in (h, c))
        _, h, c = nodes("node", forward, x[:1, step : step + 1], *given)
        h, c = h.astype(np.float16), c.astype(np.float16)
    assert nodes.report()["mode_steps"] == {"normal": 1, "delta": 29}
    moved = (np.asarray(h, np.float32), np.float16(1.01 * c).astype(np.float32))
    nodes("node", forward, x[:1, :1], *moved)
    assert nodes.report()["mode_steps"] == {"normal": 2, "delta": 29}


def test_no_call_is_no_run(layer, x):
    with pytest.raises(NetworkError, match="no LSTM layer ran for these inputs"):
        _nodes(layer, x).report()
