"""``refrain compare``: refusals, and a page."""


def test_chips_are_quoted_without_a_machine(refrain, tmp_path):
    page = tmp_path / "chips.md"
    status, out, _ = refrain("compare", "chip", "--output", page)
    assert status == 0
    assert "no machine is among these" in out
    assert "| the reference chip | dense | 65 nm, 1.2 V | 1.93 |" in page.read_text()


def test_what_cannot_be_compared_is_refused(refused, tmp_path):
    said = refused("compare", "chip", "--node", "28")
    assert said == "--node must be one of 130, 90, 65 nm, not 28"
    said = refused("compare", "chip", "--workloads", "vowels,poems")
    assert said.startswith("--workloads takes silero, ") and said.endswith("not poems")
    said = refused("compare", "chip", tmp_path / "none.json")
    assert "none.json" in said
