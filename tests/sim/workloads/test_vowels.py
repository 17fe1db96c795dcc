import numpy as np

from sim.workloads.vowels import VOWELS, VOWELS_FINAL, read_ts

TEXT = """#A comment: with a colon
@problemName toy
@classLabel true 1 2
@data
1,2,3:4,5,6:1
7.5:-8:2
"""


def test_lines_are_features_by_colon_and_steps_by_comma(tmp_path):
    path = tmp_path / "a.ts"
    path.write_text(TEXT)
    sequences, labels = read_ts(path)
    assert [sequence.tolist() for sequence in sequences] == [[[1, 4], [2, 5], [3, 6]], [[7.5, -8]]]
    assert labels.tolist() == ["1", "2"]
    assert sequences[0].dtype == np.float32


def test_the_publishers_division_is_kept_and_turned_round_in_the_end(tmp_path):
    paths = [tmp_path / "train.ts", tmp_path / "test.ts"]
    paths[0].write_text(TEXT)
    paths[1].write_text(TEXT + "9:9:1\n")
    data = VOWELS.prepare.data(paths)
    assert len(data.sequences) == 5 and data.labels.tolist() == [0, 1, 0, 1, 0]
    parts = data.parts
    assert parts["training"].tolist() == parts["calibration"].tolist() == [0, 1]
    assert parts["evaluation"].tolist() == [2, 3, 4]
    data = VOWELS_FINAL.prepare.data(paths)
    parts = data.parts
    assert data.labels.tolist() == [0, 1, 0, 0, 1]
    assert parts["training"].tolist() == parts["calibration"].tolist() == [0, 1, 2]
    assert parts["evaluation"].tolist() == [3, 4]
