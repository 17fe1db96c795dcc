import numpy as np
import pytest

from sim.networks.network import NetworkError
from sim.workloads import workload
from sim.workloads.packages import Member
from sim.workloads.workload import Workload, last_valid, pad

SEQUENCES = [np.full((length, 2), length) for length in (3, 1, 3, 2)]


def test_padding_is_zero_behind_the_end():
    split = pad(SEQUENCES, [0, 1, 0, 1])
    assert split.x.shape == (4, 3, 2) and split.x.dtype == np.float32
    assert split.x[:, :, 0].tolist() == [[3, 3, 3], [1, 0, 0], [3, 3, 3], [2, 2, 0]]
    assert split.lengths.tolist() == [3, 1, 3, 2]
    assert split.steps == 9


def test_groups_hold_every_step_once_and_no_padding():
    groups = [(numbers.tolist(), x) for numbers, x in pad(SEQUENCES, np.zeros(4)).groups()]
    assert [numbers for numbers, _ in groups] == [[1], [3], [0, 2]]
    assert [x.shape for _, x in groups] == [(1, 1, 2), (1, 2, 2), (2, 3, 2)]
    assert all((x == x.shape[1]).all() for _, x in groups)


def test_outputs_of_groups_stand_at_their_sequences():
    split = pad(SEQUENCES, np.zeros(4))
    h = split.run(lambda x: np.cumsum(x[:, :, :1], axis=1))
    assert h[:, :, 0].tolist() == [[3, 6, 9], [1, 0, 0], [3, 6, 9], [2, 4, 0]]


def test_the_last_valid_step_is_taken():
    h = np.arange(12).reshape(2, 3, 2)
    assert last_valid(h, np.array([3, 1])).tolist() == [[4, 5], [6, 7]]


@pytest.mark.parametrize("shape", [(2, 3), (3, 3, 2), (2, 2, 2)])
def test_outputs_of_another_shape_are_refused(shape):
    with pytest.raises(NetworkError) as caught:
        last_valid(np.zeros(shape), np.array([3, 1]))
    assert str(caught.value) == f"h must have the shape [2, 3, H], not {list(shape)}"


def test_a_workload_is_prepared_from_its_fetched_files(monkeypatch):
    def fetch_all(members, say):
        say("fetching")
        return [f"path of {member.path}" for member in members]

    monkeypatch.setattr(workload, "fetch_all", fetch_all)
    members = tuple(
        Member(package="net", version="1.0", path=path, sha256="") for path in ("a", "b")
    )
    made = Workload(
        name="net",
        summary="",
        metric="accuracy",
        source="",
        licence="",
        members=members,
        prepare=lambda paths, say: (paths, say),
    )
    told = []
    paths, say = made.load(told.append)
    assert paths == ["path of a", "path of b"]
    assert told == ["fetching"]
    assert say == told.append
