"""Bits of weights within a budget: what is chosen, that it is kept to, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from sim.explore import budgets
from sim.explore.budgets import Budget, layer_bytes, parse_budget, quantize_within
from sim.explore.quantising import Subject, quantize_measured
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError
from sim.networks.whole import Seen

INPUTS, H = 3, 8


def _lstm(rng, inputs, loud=1.0):
    return FloatLstm(
        W=rng.normal(0, 0.6, (4, H, inputs)).astype(np.float32),
        R=(loud * rng.normal(0, 0.4, (4, H, H))).astype(np.float32),
        bias=rng.normal(0, 0.2, (4, H)).astype(np.float32),
    )


def _subject(name="net", directions=1, seed=0):
    rng = np.random.default_rng(seed)
    layers = []
    for inputs in (INPUTS, directions * H):
        lstms = [_lstm(rng, inputs) for _ in range(directions)]
        lstms[1:] = [replace(each, reverse=True) for each in lstms[1:]]
        layers.append(FloatLayer(directions=tuple(lstms)))
    x = np.cumsum(rng.normal(0, 0.3, (6, 20, INPUTS)), axis=1)
    network = FloatNetwork(layers=tuple(layers))
    return Subject(name=name, network=network, seen=(Seen(x=x.astype(np.float32)),))


def _all(subject, bits):
    return sum(layer_bytes(layer, (bits, bits)) for layer in subject.network.layers)


def _widths(part):
    """Bits that weights of W and of R take, of each layer."""
    return [
        tuple(
            max(int(np.abs(getattr(lstm, each)).max()) for lstm in layer.directions).bit_length()
            + 1
            for each in ("W", "R")
        )
        for layer in part.network.layers
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("120kB", Budget(bytes=120_000)),
        ("1.5 MB", Budget(bytes=1_500_000)),
        ("64KiB", Budget(bytes=65_536)),
        ("123456", Budget(bytes=123_456)),
        ("99B", Budget(bytes=99)),
        ("40dB", Budget(db=40)),
        ("37.5 db", Budget(db=37.5)),
    ],
)
def test_a_budget_is_bytes_or_a_ratio(text, expected):
    assert parse_budget(text) == expected


@pytest.mark.parametrize("text", ["", "kB", "0", "0dB", "-3dB", "40 %", "1e3", "12 bits"])
def test_anything_else_is_refused(text):
    with pytest.raises(NetworkError) as caught:
        parse_budget(text)
    assert str(caught.value) == (
        f"the budget must be bytes, as 120kB, 64KiB or 123456, or a signal-to-noise ratio, as "
        f"40dB, not {text!r}"
    )


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("share", [0.55, 0.7, 0.9])
def test_a_budget_in_bytes_is_kept_to_and_used(directions, share):
    subject = _subject(directions=directions)
    budget = Budget(bytes=int(share * _all(subject, 8)))
    ((part, figures),), rows = quantize_within([subject], budget)
    assert [(row["layer"], row["part"]) for row in rows] == [
        ("layer 0", "W"), ("layer 0", "R"), ("layer 1", "W"), ("layer 1", "R")
    ]  # fmt: skip
    taken = sum(row["bytes"] for row in rows)
    assert budget.bytes - 0.15 * _all(subject, 8) < taken <= budget.bytes
    bits = [row["bits"] for row in rows]
    for (W, R), chosen in zip(_widths(part), zip(bits[::2], bits[1::2], strict=True), strict=True):
        assert chosen[0] >= W and chosen[1] >= R
    assert figures["sqnr_db"] > quantize_measured(subject, weight_bits=4)[1]["sqnr_db"]


def test_a_budget_in_db_is_kept_to_with_fewer_bytes():
    subject = _subject()
    most, least = (quantize_measured(subject, weight_bits=bits)[1]["sqnr_db"] for bits in (8, 4))
    wanted = (most + least) / 2
    ((_, figures),), rows = quantize_within([subject], Budget(db=wanted))
    assert figures["sqnr_db"] >= wanted
    assert sum(row["bytes"] for row in rows) < _all(subject, 8)
    assert all(row["db_if_alone_4_bits"] <= most + 1e-9 for row in rows)


def test_with_room_for_all_nothing_is_given_away():
    subject = _subject()
    ((part, _),), rows = quantize_within([subject], Budget(bytes=_all(subject, 8)))
    assert {row["bits"] for row in rows} == {8}
    plain, _ = quantize_measured(subject)
    for one, two in zip(part.network.layers, plain.network.layers, strict=True):
        assert (one.directions[0].W == two.directions[0].W).all()


def test_the_part_that_costs_least_gives_first():
    noise = {8: 0.0, 6: 0.1, 4: 0.5}
    units = [
        budgets._Unit(subject=0, layer=0, part=0, bytes={8: 80, 6: 60, 4: 40}, noise=noise),
        budgets._Unit(
            subject=0, layer=0, part=1, bytes={8: 80, 6: 60, 4: 40}, noise={8: 0, 6: 0.01, 4: 0.02}
        ),
    ]
    chosen = {0: 8, 1: 8}
    steps = budgets._give(units, chosen, Budget(bytes=120), [1.0], [float("inf")])
    assert chosen == {0: 8, 1: 4} and steps
    chosen = {0: 8, 1: 8}
    budgets._give(units, chosen, Budget(bytes=100), [1.0], [float("inf")])
    assert chosen == {0: 6, 1: 4}


def test_each_bit_more_is_a_quarter_of_the_noise():
    assert budgets._law(16.0) == {8: 0.0, 6: 1.0, 4: 16.0}


@pytest.mark.parametrize("seed", range(3))
def test_no_choice_is_worse_than_the_same_bits_for_all(seed):
    subject = _subject(seed=seed)
    ((_, figures),), rows = quantize_within([subject], Budget(bytes=_all(subject, 6)))
    assert sum(row["bytes"] for row in rows) <= _all(subject, 6)
    assert figures["sqnr_db"] >= quantize_measured(subject, weight_bits=6)[1]["sqnr_db"]


def test_bytes_that_are_left_are_spent():
    sizes, noise = {8: 800, 6: 600, 4: 400}, {8: 0.0, 6: 1e-4, 4: 2e-4}
    small = {bits: size // 10 for bits, size in sizes.items()}
    units = [
        budgets._Unit(subject=0, layer=0, part=0, bytes=sizes, noise=noise),
        budgets._Unit(subject=0, layer=0, part=1, bytes=small, noise=noise),
    ]
    chosen = {0: 8, 1: 8}
    budgets._give(units, chosen, Budget(bytes=700), [1.0], [float("inf")])
    assert chosen == {0: 6, 1: 8}


def test_networks_share_bytes_and_keep_each_to_a_ratio():
    subjects = [_subject("a", seed=1), _subject("b", seed=2)]
    total = sum(_all(subject, 8) for subject in subjects)
    done, rows = quantize_within(subjects, Budget(bytes=int(0.7 * total)))
    assert len(done) == 2 and len(rows) == 8
    assert 0.6 * total < sum(row["bytes"] for row in rows) <= 0.7 * total
    limit = min(quantize_measured(each)[1]["sqnr_db"] for each in subjects) - 6
    done, _ = quantize_within(subjects, Budget(db=limit))
    assert all(figures["sqnr_db"] >= limit for _, figures in done)


def test_a_network_that_falls_short_takes_bits_back(monkeypatch):
    subject = _subject()
    measured = quantize_measured
    asked = []

    def worse(subject, percentile, weight_bits, **how):
        """What the sum of the errors did not foresee: 3 dB less while any part has 4 bits."""
        asked.append(weight_bits)
        part, figures = measured(subject, percentile, weight_bits=weight_bits, **how)
        low = any(bits == 4 for pair in weight_bits for bits in pair)
        return part, {**figures, "sqnr_db": figures["sqnr_db"] - 100 * low}

    monkeypatch.setattr(budgets, "quantize_measured", worse)
    least = measured(subject, weight_bits=4)[1]["sqnr_db"]
    ((_, figures),), rows = quantize_within([subject], Budget(db=least - 3))
    assert len(asked) > 1 and figures["sqnr_db"] >= least - 3
    assert 4 not in {row["bits"] for row in rows}


def test_progress_is_told_to_its_end():
    told, said = [], []
    quantize_within(
        [_subject()], Budget(db=10), say=said.append, progress=lambda *given: told.append(given)
    )
    assert told[-1] == (5, 5) and said[0] == "measuring sensitivities"


def test_budgets_that_cannot_be_kept_to_are_refused():
    subject = _subject()
    with pytest.raises(NetworkError) as caught:
        quantize_within([subject], Budget(bytes=100))
    assert str(caught.value) == (
        f"weights of 4 bits take {_all(subject, 4):,} bytes, and the budget is 100; give a larger "
        f"one, or a smaller network"
    )
    with pytest.raises(NetworkError) as caught:
        quantize_within([subject], Budget(db=90))
    reached = quantize_measured(subject)[1]["sqnr_db"]
    assert str(caught.value) == (
        f"net reaches {reached:.1f} dB with weights of 8 bits, and the budget asks for 90 dB; give "
        f"a smaller one, more samples, or scales of rows (--row-scales)"
    )
