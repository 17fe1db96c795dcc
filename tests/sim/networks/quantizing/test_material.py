"""Pieces of calls begin where floating point was, and count what is no padding."""

import numpy as np
import pytest

from sim.networks.float_lstm import run_direction
from sim.networks.network import FloatLstm
from sim.networks.quantizing import material
from sim.networks.quantizing.material import Calls, Runs


def direction(inputs=5, H=4, seed=0, **options):
    rng = np.random.default_rng(seed)
    shapes = ((4, H, inputs), 0.5), ((4, H, H), 0.5), ((4, H), 1)
    arrays = (rng.normal(0, spread, shape) for shape, spread in shapes)
    return FloatLstm(**dict(zip(("W", "R", "bias"), arrays, strict=True)), **options)


def calls(*shapes, begins=None, seed=1):
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=shape) for shape in shapes]
    valid = [np.ones(shape[:2], bool) for shape in shapes]
    return Calls(x=x, given=x, begins=begins or [(None, None)] * len(x), valid=valid)


@pytest.mark.parametrize("reverse", [False, True])
def test_pieces_go_on_from_the_states_that_were_there(monkeypatch, reverse):
    monkeypatch.setattr(material, "_PIECE", 7)
    lstm, given = direction(reverse=reverse), calls((2, 20, 5), (3, 6, 5))
    run = Runs(lstm, 0, given)
    steps = 0
    for piece in run.pieces():
        h, c = run_direction(lstm, piece.x, piece.first_h, piece.first_c)
        np.testing.assert_allclose(h, piece.h, atol=1e-12)
        np.testing.assert_allclose(c, piece.c, atol=1e-12)
        assert piece.x.shape[1] <= 7
        steps += piece.valid.sum()
    assert steps == 2 * 20 + 3 * 6


def test_calls_begin_from_the_states_that_they_are_given():
    rng = np.random.default_rng(4)
    h0, c0 = rng.normal(0, 0.3, (2, 1, 3, 4))
    run = Runs(direction(), 0, calls((3, 4, 5), begins=[(h0, c0)]))
    h, c = run_direction(direction(), run.calls.x[0], h0[0], c0[0])
    assert (run.h[0] == h).all() and (run.c[0] == c).all()
    assert (run.operands()[1].reshape(3, 4, 4)[:, 0] == h0[0]).all()
    assert run.largest_state() == max(np.abs(c).max(), np.abs(c0).max())
    assert any((each == h0[0]).all() for each in run.hidden() if each.shape == (3, 4))


def test_what_would_take_long_is_tried_on_fewer_sequences(monkeypatch):
    monkeypatch.setattr(material, "_WORK", 4 * 4 * 9 * 100)
    monkeypatch.setattr(material, "_FEWEST", 10)
    (piece,) = Runs(direction(), 0, calls((40, 10, 5))).pieces()
    assert piece.x.shape == (10, 10, 5)


def test_padding_is_not_an_operand():
    given = calls((2, 6, 5))
    given.valid[0][1, 3:] = False
    x, h = Runs(direction(), 0, given).operands()
    assert len(x) == len(h) == 9
