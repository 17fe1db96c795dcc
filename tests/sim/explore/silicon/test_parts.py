import pytest

from sim.explore.silicon.parts import PARTS, part_of, path_of


@pytest.mark.parametrize(
    "name, path, part",
    [
        (
            r"$flatten\machine.\core.\engine.\array.\lane_1.$abc$17$blif$21",
            "machine.core.engine.array.lane_1",
            "lanes",
        ),
        ("machine.core.engine.bank.beats_0", "machine.core.engine.bank.beats_0", "weight memory"),
        (r"$flatten\machine.\core.\engine.$abc$3", "machine.core.engine", "connections"),
        (r"$flatten\machine.\core.\engine.\cell_.\h.$auto$ff.cc:1", None, "cell unit"),
        ("$abc$5", "", "connections"),
    ],
)
def test_cells_belong_to_the_part_whose_instance_they_are_in(name, path, part):
    assert path is None or path_of(name) == path
    assert part_of(name) == part and part in PARTS
