"""Networks in integers that are kept are those that would be made again."""

from collections import OrderedDict
from contextlib import contextmanager

import numpy as np
import pytest
from safetensors.numpy import save_file

from boards.cache import CacheError
from sim.explore.sweep import measuring, quantised
from sim.explore.sweep.combining import combine
from sim.explore.sweep.plan import plan_of
from sim.explore.sweep.quantised import kept_quantize
from sim.explore.sweep.ran import _swept, formats
from sim.explore.sweep.running import sweep
from sim.explore.tuning.problems import network_digest
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.networks.quantizer import quantize
from sim.networks.whole import Seen


@contextmanager
def _entered(engine):
    yield engine


def _network(seed=3):
    rng = np.random.default_rng(seed)
    shapes = {"W": (4, 3, 2), "R": (4, 3, 3), "bias": (4, 3)}
    arrays = {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    return FloatNetwork(layers=(FloatLayer(directions=(FloatLstm(**arrays),)),))


@pytest.fixture
def made(monkeypatch, tmp_path):
    """The widths of weights that are quantised, each as it is; everything is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(quantised, "_LEAST_SECONDS", 0.0)
    seen = []

    def counted(*given, **bits):
        seen.append(bits)
        return quantize(*given, **bits)

    monkeypatch.setattr(quantised, "quantize", counted)
    return seen


SAMPLES = np.random.default_rng(5).normal(size=(32, 18, 2)).astype(np.float32)


@pytest.mark.parametrize("rows", [False, True])
def test_a_kept_network_is_bit_for_bit_the_one_that_was_made(made, rows):
    bits = {"weight_bits": 4, "activation_bits": 6, "row_scales": rows}
    first = kept_quantize(_network(), SAMPLES, **bits)
    again = kept_quantize(_network(), SAMPLES, **bits)
    assert len(made) == 1
    for one, other in zip(first.layers, again.layers, strict=True):
        for name, value in vars(one.directions[0]).items():
            found = getattr(other.directions[0], name)
            assert np.array_equal(found, value) if isinstance(value, np.ndarray) else found == value


def test_whatever_could_change_a_network_makes_another(made, monkeypatch):
    network, other = _network(), SAMPLES.copy()
    # Deep inside a large array, where its text would be cut short.
    other[16, 9, 1] += 1e-6
    later = ((np.zeros((1, 32, 3)), np.zeros((1, 32, 3))),)
    lengths = np.full(32, 8)
    given = [
        ((network, SAMPLES), {}),
        ((_network(4), SAMPLES), {}),
        ((network, other), {}),
        ((network, SAMPLES, 99.0), {}),
        ((network, SAMPLES, None, lengths), {}),
        ((network, SAMPLES), {"weight_bits": 4}),
        ((network, [Seen(x=SAMPLES)]), {}),
        ((network, [Seen(x=SAMPLES, later=later)]), {}),
        ((network, [Seen(x=SAMPLES, later=((later[0][0] + 1, later[0][1]),))]), {}),
    ]
    for positional, bits in given:
        kept_quantize(*positional, **bits)
    assert len(made) == len(given)
    monkeypatch.setattr(quantised, "program_hash", lambda *rooms: "another program")
    kept_quantize(network, SAMPLES)
    assert len(made) == len(given) + 1


def test_a_damaged_file_is_made_anew_and_without_a_cache_nothing_is_kept(
    made, monkeypatch, tmp_path
):
    first = kept_quantize(_network(), SAMPLES)
    (path,) = (tmp_path / "refrain" / "quantised").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = kept_quantize(_network(), SAMPLES)
    assert network_digest(again) == network_digest(first)
    assert path.read_bytes() == whole and len(made) == 2

    def none():
        raise CacheError("there is no home folder to keep files in")

    monkeypatch.setattr(quantised, "default_cache", none)
    kept_quantize(_network(), SAMPLES)
    assert len(made) == 3


@pytest.fixture
def plan(tmp_path):
    """Two widths, two modes and two machines, on a network of 2 inputs and 4 units."""
    rng = np.random.default_rng(4)
    shapes = {"weight_ih_l0": (16, 2), "weight_hh_l0": (16, 4), "bias_ih_l0": 16, "bias_hh_l0": 16}
    network, data = tmp_path / "net.safetensors", tmp_path / "x.npy"
    save_file({k: rng.normal(0, 0.4, v).astype(np.float32) for k, v in shapes.items()}, network)
    np.save(data, rng.normal(size=(4, 9, 2)).astype(np.float32))
    machine = {"base": "small", "lanes": [32, 64], "weight_bits": [4, 8]}
    return plan_of(
        {
            "subject": {"network": str(network), "data": str(data), "metric": "sqnr"},
            "config": machine,
            "modes": {"mode": ["normal", "delta"]},
        }
    )


def test_points_of_a_sweep_quantise_once_for_each_width(made, plan, tmp_path, monkeypatch):
    rows = sweep(plan, tmp_path / "one").rows
    assert len(rows) == 8
    assert [bits["weight_bits"] for bits in made] == [4, 8]
    # Measured without any file, they are the same.
    monkeypatch.setattr(quantised, "_path", lambda given: None)
    monkeypatch.setattr(measuring, "_runs", OrderedDict())
    _swept.cache_clear()
    again = sweep(plan, tmp_path / "two").rows
    assert len(made) > 2
    for row in (*rows, *again):
        del row["seconds"]
    assert rows == again


def test_those_that_quantise_alike_are_not_measured_first_together(plan, tmp_path, monkeypatch):
    order = []

    class Engine:
        def done(self, tasks, subjects, measure):
            order.extend(tasks)
            return ()

    from sim.explore.sweep import running

    monkeypatch.setattr(running, "_engine", lambda *given: _entered(Engine()))
    sweep(plan, tmp_path / "out")
    assert sorted(task.key for task in order) == sorted({task.key for task in order})
    assert len(order) == len(combine(plan)) == 8
    assert len({formats(task.point) for task in order[:2]}) == 2
    # Behind these, points that share a run stand side by side.
    lanes = [task.point.config.lanes for task in order[2:]]
    assert lanes == [64, 64, 32, 64, 32, 64]
