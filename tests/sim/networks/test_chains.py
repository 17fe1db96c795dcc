import pytest

from sim.networks.chains import join_chains


@pytest.mark.parametrize(
    "leaders, groups",
    [
        ({}, [("a",), ("b",), ("c",)]),
        ({"b": "a"}, [("a", "b"), ("c",)]),
        ({"b": "a", "c": "b"}, [("a", "b", "c")]),
        ({"b": "a", "c": "a"}, [("a",), ("b",), ("c",)]),
        ({"a": "c"}, [("b",), ("c", "a")]),
    ],
)
def test_layers_are_joined_where_one_leads_only_the_next(leaders, groups):
    assert join_chains(["a", "b", "c"], leaders) == groups
