import pytest

from sim.networks.network import NetworkError
from sim.workloads.catalogue import FINAL, WORKLOADS, find_workload


def test_workloads_are_found_by_name():
    assert all(find_workload(name).name == name for name in WORKLOADS)
    assert list(FINAL) == list(WORKLOADS)
    assert all(find_workload(name, final=True) is FINAL[name] for name in FINAL)


def test_an_unknown_workload_is_refused():
    with pytest.raises(NetworkError) as caught:
        find_workload("poems")
    assert str(caught.value) == (
        f"there is no workload poems; the workloads are {', '.join(WORKLOADS)}"
    )


@pytest.mark.parametrize("workload", [*WORKLOADS.values(), *FINAL.values()])
def test_every_file_is_pinned(workload):
    assert workload.members
    for member in workload.members:
        assert len(member.sha256) == 64 and member.version
        assert f"{member.package} {member.version}" in workload.source
