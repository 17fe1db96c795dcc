"""What the command refuses before it begins, in one sentence each."""

import pytest

_GATE = """
  cell (INV) { area : 1; pin (A) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "!A"; } }
"""
_BUFFER = _GATE.replace("INV", "BUF").replace("!A", "A")
_REGISTER = """
  cell (DFF) { area : 6; ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; }
    pin (D) { direction : input; } pin (CK) { direction : input; clock : true; }
    pin (Q) { direction : output; function : "IQ"; } }
"""


@pytest.fixture
def library(tmp_path):
    """Writes a Liberty file of these cells."""

    def written(*cells, name="cells.lib"):
        path = tmp_path / name
        path.write_text(f"library (small) {{ nom_voltage : 1.2; {''.join(cells)} }}\n")
        return path

    return written


@pytest.fixture
def whole(library):
    return library(_GATE, _BUFFER, _REGISTER)


def test_a_library_without_flip_flops_is_refused(refused, library):
    path = library(_GATE, _BUFFER)
    sentence = refused("silicon", "tiny", "--liberty", path)
    assert sentence == (
        f"{path} has no flip-flop, and a machine needs one: name the Liberty file of a library of "
        f"standard cells"
    )


@pytest.mark.parametrize("text", ["", "Dear designer,", "library"])
def test_a_file_that_is_no_library_is_refused(refused, tmp_path, text):
    path = tmp_path / "letter.lib"
    path.write_text(text)
    assert refused("silicon", "tiny", "--liberty", path) == f"{path} is not a Liberty file"


def test_a_missing_library_is_named(refused, tmp_path):
    path = tmp_path / "no.lib"
    sentence = refused("silicon", "tiny", "--liberty", path)
    assert sentence == f"{path} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--clock", "0", "--clock must be a positive number of MHz, not 0"),
        ("--clock", "-5", "--clock must be a positive number of MHz, not -5"),
        ("--clock", "nan", "--clock must be a positive number of MHz, not nan"),
        ("--memory-area", "0.5", "--memory-area must be at least 1, not 0.5"),
        ("--wire", "-1", "--wire must be a number of femtofarads of at least 0, not -1"),
        ("--workload", "vowels", "--workload needs --memories: without memories nothing runs"),
        ("--network-bits", "4", "--network-bits needs --workload, whose network has them"),
    ],
)
def test_numbers_that_no_chip_has_are_refused(refused, whole, option, value, sentence):
    assert refused("silicon", "tiny", "--liberty", whole, option, value) == sentence


def test_a_slow_corner_of_other_cells_is_refused(refused, library, whole):
    slow = library(_GATE, _REGISTER, _BUFFER.replace("BUF", "BUF_4"), name="slow.lib")
    sentence = refused("silicon", "tiny", "--liberty", whole, "--slow", slow)
    assert sentence == (
        f"{slow} lacks BUF of {whole}; --slow names the same cells at another corner"
    )


def test_a_folder_without_memories_is_refused(refused, tmp_path, whole):
    sentence = refused("silicon", "tiny", "--liberty", whole, "--memories", tmp_path)
    assert sentence == (
        f"{tmp_path} holds no memory at 1.2 V and 25 degrees, the corner of small: name a folder "
        f"of Liberty files whose cells have a memory group"
    )


def test_memories_of_one_port_alone_are_refused(refused, tmp_path, whole):
    pins = "".join(
        f"pin (A_{role}) {{ direction : {'output' if role == 'DOUT' else 'input'}; }}"
        for role in ("CLK", "ADDR", "DIN", "DOUT", "MEN", "WEN", "REN", "BM")
    )
    folder = tmp_path / "memories"
    folder.mkdir()
    memory = f"cell (RAM) {{ memory () {{ address_width : 4; word_width : 8; }} area : 9; {pins} }}"
    (folder / "ram.lib").write_text(f"library (ram) {{ nom_voltage : 1.2; {memory} }}\n")
    sentence = refused("silicon", "tiny", "--liberty", whole, "--memories", folder)
    assert sentence.startswith("the memories must include one with two ports and a mask of the")


def test_coefficients_need_a_network_that_tests_them(refused, tmp_path):
    said = refused("silicon", "tiny", "--liberty", "x.lib", "--coefficients", tmp_path / "e.json")
    assert said == "--coefficients needs --workload, the network that they are tested on"
