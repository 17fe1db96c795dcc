import numpy as np
import pytest

from sim.explore.multipliers.operands import Part, gather, histograms, streams
from sim.model.random_network import random_network
from sim.networks.network import NetworkError


@pytest.fixture
def part():
    rows = np.array([[[10, -20], [13, -20], [13, -31], [20, -31]]], np.int16)
    return Part(rows=rows, weights=np.array([[1, -2], [3, 4], [5, 0]], np.int8))


def test_events_are_differences_from_what_was_accounted_for(part):
    assert part.events(None).tolist() == part.rows.tolist()
    assert part.events(4).tolist() == [[[0, 0], [0, -11], [10, 0]]]
    assert part.events(0).tolist() == [[[3, 0], [0, -11], [7, 0]]]


def test_histograms_count_products_that_are_made(part):
    found = histograms([part], 4)
    assert found.values[255 - 11] == found.values[255 + 10] == 0.5
    assert found.weights[127 + 5] == pytest.approx(1 / 6)
    normal = histograms([part], None)
    assert normal.values[255 + 13] == 0.25
    assert normal.values.sum() == pytest.approx(1)
    with pytest.raises(NetworkError) as error:
        histograms([part], 100)
    assert str(error.value) == "no value moves by more than 100: there are no operands"


def test_streams_follow_one_row_of_weights(part):
    values, weights = streams([part], None, 8, 6)
    pairs = {(10, 0), (-20, 1), (13, 0), (-31, 1), (20, 0)}
    for lane in range(8):
        row = next(r for r in part.weights if set(weights[lane]) <= set(r.tolist()))
        for value, weight in zip(values[lane], weights[lane], strict=True):
            assert any(value == v and weight == row[column] for v, column in pairs)
    events, _ = streams([part], 4, 3, 4)
    assert set(np.unique(events)) == {-11, 10}


@pytest.mark.parametrize("bidirectional", [False, True])
def test_parts_of_a_network_are_its_inputs_and_states(bidirectional):
    network = random_network([3, 5, 4], seed=1, bidirectional=bidirectional, initial=True)
    x = np.random.default_rng(2).integers(-128, 128, (2, 6, 3)).astype(np.int8)
    parts = gather(network, x)
    directions = [each for layer in network.layers for each in layer.directions]
    assert len(parts) == 2 * len(directions)
    for number, each in enumerate(directions):
        of_x, of_h = parts[2 * number : 2 * number + 2]
        assert of_x.weights.shape == (4 * each.hidden_size, each.input_size)
        assert of_h.rows.shape == (2, 6, each.hidden_size)
        assert (of_h.rows[:, 0] + each.h.zero_point == each.h0).all()
    first = parts[0].rows + directions[0].x.zero_point
    assert (first == x).all()
    # The second layer's input is what the first one's states become.
    states = parts[1].rows[:, 1:] + directions[0].h.zero_point
    later = parts[2 * len(network.layers[0].directions)].rows[:, :-1, :5]
    assert (later + directions[-1].x.zero_point == states).all()


def test_one_step_has_no_differences():
    network = random_network([3, 5], seed=1)
    with pytest.raises(NetworkError) as error:
        gather(network, np.zeros((1, 1, 3), np.int8))
    assert str(error.value) == (
        "operands of delta mode need at least two steps, and the data has one"
    )
