import pytest

from sim.rtl import MemoryModel


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"latency": 0}, "latency must be at least 1, not 0"),
        ({"outstanding": 0}, "outstanding must be at least 1, not 0"),
        ({"beats": 3, "per_cycles": 2}, "beats must be at most the 2 of per_cycles, not 3"),
        ({"stall_r": 1.0}, "stall_r must be at least 0 and below 1, not 1.0"),
        ({"stall_aw": -0.1}, "stall_aw must be at least 0 and below 1, not -0.1"),
    ],
)
def test_impossible_memories_are_refused(settings, sentence):
    with pytest.raises(ValueError) as error:
        MemoryModel(**settings)
    assert str(error.value) == sentence


def test_stalling_sets_every_channel_but_what_is_given():
    memory = MemoryModel.stalling(0.25, seed=7, stall_b=0.0)
    assert memory == MemoryModel(
        stall_ar=0.25, stall_r=0.25, stall_aw=0.25, stall_w=0.25, stall_lite=0.25, seed=7
    )
