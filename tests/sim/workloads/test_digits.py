import numpy as np
import pytest

from sim.workloads.digits import DIGITS, DIGITS_FINAL, split_numbers

EVALUATION = [11, 17, 22, 25, 26]
"""The first recordings of the held-out part: published figures are about these."""


def test_no_recording_is_in_two_parts_and_none_is_left_out():
    parts = split_numbers(3000)
    sizes = {part: len(numbers) for part, numbers in parts.items()}
    assert sizes == {"evaluation": 600, "calibration": 300, "training": 2100}
    assert sorted(np.concatenate(list(parts.values()))) == list(range(3000))


def test_more_to_calibrate_on_leaves_the_held_out_part_as_it_is():
    parts = split_numbers(3000, 600)
    assert (parts["evaluation"] == split_numbers(3000)["evaluation"]).all()
    assert [len(parts[part]) for part in ("calibration", "training")] == [600, 1800]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(3000))


def test_the_parts_stay_as_they_are():
    assert split_numbers(3000)["evaluation"][:5].tolist() == EVALUATION


@pytest.mark.parametrize("calibration", [300, 600])
def test_the_final_division_holds_out_what_was_only_trained_on(calibration):
    final = split_numbers(3000, calibration, final=True)
    assert sorted(np.concatenate(list(final.values()))) == list(range(3000))
    assert [len(final[part]) for part in ("evaluation", "calibration")] == [600, calibration]
    for earlier in (split_numbers(3000), split_numbers(3000, 600)):
        for part in ("evaluation", "calibration"):
            assert set(final[part]) <= set(earlier["training"])


def test_recordings_are_cut_at_their_lengths(tmp_path):
    path = tmp_path / "digits.npz"
    frames = np.arange(6 * 13, dtype=np.float32).reshape(6, 13)
    np.savez(path, X=frames, lengths=np.array([1, 3, 2]), y=np.array([7, 0, 3]))
    data = DIGITS.prepare.data([path])
    assert data.labels.tolist() == [7, 0, 3]
    assert [len(sequence) for sequence in data.sequences] == [1, 3, 2]
    assert (np.concatenate(data.sequences) == frames).all()
    final = DIGITS_FINAL.prepare.data([path]).parts
    assert sorted(data.parts["evaluation"]) == [0, 1, 2] and len(final["evaluation"]) == 3
