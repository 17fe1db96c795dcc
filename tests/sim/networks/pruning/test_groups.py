import numpy as np
import pytest

from sim.networks.network import FloatLstm, NetworkError
from sim.networks.pruning import groups
from sim.networks.pruning.groups import column_counts, kept_columns, prune_direction, prune_rows
from sim.networks.second_order import damped, mean_products

INPUTS, H = 7, 6


def lstm(seed=0, bias=0.3):
    rng = np.random.default_rng(seed)
    W, R = (rng.normal(0, 0.5, (4, H, n)).astype(np.float32) for n in (INPUTS, H))
    return FloatLstm(W=W, R=R, bias=(bias * rng.normal(size=(4, H))).astype(np.float32))


def operands(count=600, seed=1):
    """Columns that move together by threes, some of them louder."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, 5)) @ rng.normal(size=(5, INPUTS + H))
    seen = (mixed + 0.3 * rng.normal(size=mixed.shape)) * np.linspace(0.2, 1.5, INPUTS + H)
    return seen[:, :INPUTS], seen[:, INPUTS:]


def rows_of(direction):
    return np.concatenate([direction.W, direction.R, direction.bias[..., None]], axis=2)


def test_weights_that_stay_are_the_least_squares_of_the_sums():
    seen = np.column_stack([*operands(), np.ones(600)])
    rows = rows_of(lstm()).reshape(-1, INPUTS + H + 1).astype(np.float64)
    gram = damped(mean_products(seen), 0.01)
    pruned = prune_rows(rows, np.linalg.inv(gram), 5)
    kept = np.flatnonzero(pruned.any(axis=0))
    assert len(kept) == 6 and kept[-1] == INPUTS + H
    fitted = np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept] @ rows.T).T
    np.testing.assert_allclose(pruned[:, kept], fitted, atol=1e-9)


def test_each_column_that_goes_is_the_one_whose_loss_is_least_of_all():
    seen = np.column_stack([*operands(), np.ones(600)])
    rows = rows_of(lstm()).reshape(-1, INPUTS + H + 1).astype(np.float64)
    gram = damped(mean_products(seen), 0.01)

    def lost(column):
        kept = np.delete(np.arange(INPUTS + H + 1), column)
        wrong = np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept] @ rows.T).T
        wrong = rows - np.insert(wrong, column, 0, axis=1)
        return np.einsum("rc,rc->", wrong @ gram, wrong)

    pruned = prune_rows(rows, np.linalg.inv(gram), INPUTS + H - 1)
    (gone,) = np.flatnonzero(~pruned.any(axis=0))
    assert gone == np.argmin([lost(column) for column in range(INPUTS + H)])


def test_of_two_columns_that_are_the_same_one_goes_and_nothing_is_lost():
    x, h = operands()
    x[:, 2] = x[:, 0]
    seen = np.column_stack([x, h, np.ones(600)])
    rows = rows_of(lstm()).reshape(-1, INPUTS + H + 1).astype(np.float64)
    pruned = prune_rows(rows, np.linalg.inv(damped(mean_products(seen), 1e-9)), INPUTS + H - 1)
    assert (~pruned.any(axis=0))[[0, 2]].sum() == 1
    np.testing.assert_allclose(seen @ pruned.T, seen @ rows.T, atol=1e-4)


def test_every_block_keeps_as_many_columns_and_the_last_one_may_be_smaller():
    pruned = prune_direction(lstm(), *operands(), units=4, keep=0.5)
    together = np.concatenate([pruned.W, pruned.R], axis=2)
    left = [together[:, part].any(axis=(0, 1)).sum() for part in (slice(0, 4), slice(4, 6))]
    assert left == [6, 6]
    assert column_counts(pruned.W, pruned.R, 4) == (26, 14)
    assert pruned.W.dtype == np.float32 and pruned.bias.shape == (4, H)


def test_what_stays_makes_good_what_goes():
    x, h = operands()
    seen, whole = np.column_stack([x, h, np.ones(600)]), rows_of(lstm())
    pruned = rows_of(prune_direction(lstm(), x, h, units=4, keep=0.5))
    cut = np.where(pruned == 0, 0, whole)
    lost, cut = (
        np.square(seen @ (each - whole).reshape(4 * H, -1).T).sum() for each in (pruned, cut)
    )
    assert lost < 0.3 * cut


def test_a_direction_without_biases_stays_without():
    x, h = operands()
    assert not prune_direction(lstm(bias=0), x + 1, h, units=4, keep=0.5).bias.any()
    assert prune_direction(lstm(), x + 1, h, units=4, keep=0.5).bias.any()


def test_all_columns_kept_are_the_same_bits():
    whole = lstm()
    assert prune_direction(whole, *operands(), units=4, keep=1) is whole


def test_of_wide_blocks_several_columns_go_at_once_and_as_many_stay(monkeypatch):
    monkeypatch.setattr(groups, "_ROUNDS", 3)
    pruned = prune_direction(lstm(), *operands(), units=4, keep=0.4)
    assert column_counts(pruned.W, pruned.R, 4) == (26, 16)


def test_few_samples_are_trusted_little():
    x, h = operands(count=20)
    whole, pruned = rows_of(lstm()), rows_of(prune_direction(lstm(), x, h, units=4, keep=0.5))
    assert np.isfinite(pruned).all() and np.abs(pruned).max() < 3 * np.abs(whole).max()


@pytest.mark.parametrize("keep", [0, -0.5, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(keep):
    with pytest.raises(NetworkError) as error:
        kept_columns(lstm(), keep)
    assert str(error.value) == (
        f"keep must be above 0 and at most 1, not {keep:g}: with 0 a network is pruned to "
        f"nothing, and 1 keeps it whole"
    )


def test_a_network_pruned_to_nothing_is_refused():
    with pytest.raises(NetworkError) as error:
        kept_columns(lstm(), 0.03)
    assert str(error.value) == (
        "a network is pruned to nothing: keep 0.03 leaves none of the 13 columns of a block; "
        "keep 0.077 or more"
    )
