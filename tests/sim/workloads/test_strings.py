import numpy as np
import pytest

from sim.networks.float_lstm import run_float
from sim.workloads import strings
from sim.workloads.digits import split_numbers
from sim.workloads.labelling import LabellingRecipe
from sim.workloads.strings import STRINGS, STRINGS_FINAL, make_strings, with_derivatives


def test_derivatives_are_the_slopes_of_lines():
    time = np.arange(9.0)[:, None]
    frames = np.concatenate([3 * time, time**2], axis=1)
    got = with_derivatives(frames)
    assert got.shape == (9, 6) and (got[:, :2] == frames).all()
    assert got[2:-2, 2:4] == pytest.approx(np.concatenate([0 * time + 3, 2 * time], axis=1)[2:-2])
    assert got[4, 4:] == pytest.approx([0, 2])


def test_each_recording_is_used_once_before_any_is_used_again():
    numbers = np.arange(100, 130)
    drawn = make_strings(numbers, 6, seed=1)
    assert drawn.shape == (6, 7)
    first = drawn.ravel()[:30]
    assert sorted(first) == numbers.tolist() and set(drawn.ravel()[30:]) <= set(numbers)


def _paths(tmp_path, count):
    """A file of that many recordings."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(6, 9, count)
    path = tmp_path / "digits.npz"
    frames = rng.normal(size=(lengths.sum(), 13)).astype(np.float32)
    np.savez(path, X=frames, lengths=lengths, y=np.arange(count) % 10)
    return [path]


@pytest.fixture
def case(tmp_path):
    return STRINGS.prepare(_paths(tmp_path, 1000), None)


def test_the_final_strings_are_of_other_recordings(tmp_path):
    final = STRINGS_FINAL.prepare(_paths(tmp_path, 3000), None)
    assert final.evaluation.labels.shape == (150, 7)
    parts = split_numbers(3000, final=True)
    expected = make_strings(parts["evaluation"], 150, 1) % 10
    assert (final.evaluation.labels == expected).all()


def test_what_reaches_the_lstm_is_rectified(case):
    assert case.evaluation.x.shape[2] == 64 and case.evaluation.x.dtype == np.float32
    assert case.evaluation.x.min() == 0 and (case.evaluation.x == 0).mean() > 0.1


def test_calibration_and_held_out_strings_are_of_their_own_recordings(case):
    assert case.calibration.labels.shape == (300, 7) and case.evaluation.labels.shape == (150, 7)
    parts = split_numbers(3000)
    used = [
        set(make_strings(parts[part], count, 0).ravel())
        for part, count in (("calibration", 300), ("evaluation", 150))
    ]
    assert not used[0] & used[1] and not used[0] & set(parts["training"])


def test_steps_behind_the_end_do_not_matter_to_the_score(case):
    split = case.evaluation
    h = split.run(lambda x: run_float(case.network, x)[0])
    score = case.score(h, split)
    h[np.arange(h.shape[1]) >= split.lengths[:, None]] = 100
    assert case.score(h, split) == score and score.examples == 1050


def test_strings_grow_while_training_goes_on():
    rng = np.random.default_rng(0)
    recordings = strings._Recordings(
        list(rng.normal(size=(9, 3, 13))), np.arange(9), {"training": np.arange(9)}
    )
    made = strings._Strings(recordings, np.zeros(39), np.ones(39))
    lengths = [made.draw(rng, done)[2].shape[1] for done in (0, 0.19, 0.4, 0.6, 1)]
    assert lengths == [1, 1, 4, 7, 7]


def test_a_network_is_trained_on_the_training_part(tmp_path):
    recipe = LabellingRecipe(hidden=4, outputs=11, front=5, batches=2)
    own = STRINGS.prepare
    data = own.data(_paths(tmp_path, 1000))
    trained = own.train(data, recipe, lambda done, total: None)
    heard = [with_derivatives(data.sequences[n]) for n in data.parts["training"]]
    assert trained.mean == pytest.approx(np.concatenate(heard).mean(axis=0), abs=1e-5)
    assert own.case(data, trained).evaluation.x.shape[2] == 5
