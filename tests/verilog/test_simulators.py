"""The exported files run a network in simulators of all standards."""

import re

import pytest

STANDARDS = (
    "2005",
    pytest.param("2005-sv", marks=pytest.mark.slow),
    pytest.param("2009", marks=pytest.mark.slow),
    "2012",
)


MODES = ("normal", "delta", "streamed")


@pytest.fixture
def icarus(tool, run, bench, tmp_path):
    """Function that runs a network on files in Icarus."""

    def simulate(standard, files, mode="delta"):
        options = ["-Wall", "-Wno-timescale", f"-g{standard}", "-s", "bench", "-o", "bench"]
        program = tool("iverilog", "iverilog")
        assert run(program, *options, bench(mode, tmp_path), *files, folder=tmp_path) == ""
        said = run(tool("vvp", "iverilog"), "-N", "bench", folder=tmp_path)
        assert "PASS: interrupt after" in said, said

    return simulate


@pytest.mark.parametrize("standard", STANDARDS)
def test_icarus_runs_a_network(exported, icarus, standard):
    icarus(standard, exported("tiny"))


@pytest.mark.slow
def test_debians_verilator_runs_a_network(exported, tool, run, bench, tmp_path):
    options = ["--binary", "--timing", "--top-module", "bench", "-Wno-fatal", "-o", "run"]
    sources = [bench("delta", tmp_path), *exported("tiny")]
    run(tool("verilator", "verilator"), *options, *sources, folder=tmp_path)
    assert "PASS: interrupt after" in run(tmp_path / "obj_dir" / "run", folder=tmp_path)


def edited(files, folder, edit):
    """Copies of the files, those of memories changed by a function of their text."""
    made = []
    for path in files:
        text = path.read_text()
        made.append(folder / path.name)
        made[-1].write_text(edit(text) if path.name.startswith("refrain_ram") else text)
    return made


@pytest.mark.parametrize("mode", MODES)
def test_no_memory_needs_contents_to_start_with(exported, icarus, tmp_path, mode):
    def edit(text):
        old = "words[k] = {WIDTH{1'b0}};"
        assert old in text
        return text.replace(old, "words[k] = {(WIDTH + 31) / 32{$random}};")

    icarus("2012", edited(exported("tiny"), tmp_path, edit), mode)


@pytest.mark.parametrize("mode", MODES)
def test_no_result_needs_what_is_read_where_the_same_edge_writes(exported, icarus, tmp_path, mode):
    found = []

    def edit(text):
        def clashing(match):
            found.append(match[1])
            clash = f"(|w_enable && w_address == {match[1]}_address)"
            return f"{match[1]}_data <= {clash} ? ~words[0] : words[{match[1]}_address];"

        return re.sub(r"(\w+)_data <= words\[\w+\];", clashing, text)

    files = edited(exported("tiny"), tmp_path, edit)
    assert set(found) == {"r", "r0", "r1"}
    icarus("2012", files, mode)


@pytest.mark.parametrize("mode", MODES)
def test_no_enabled_port_has_an_address_behind_the_last_word(exported, icarus, tmp_path, mode):
    def edit(text):
        ports = re.findall(r"input  wire .* (\w+)_enable", text)
        assert ports
        beyond = (f"(|{port}_enable && {port}_address >= DEPTH)" for port in ports)
        check = f"always @(posedge clock) if ({' || '.join(beyond)}) $finish;\nendmodule"
        return text.replace("endmodule", check)

    icarus("2012", edited(exported("tiny"), tmp_path, edit), mode)
