"""What is told of an image and of a manifest."""

import json

import pytest

from sim.explore.compiling.reading import is_image
from sim.explore.compiling.writing import write_compiled
from sim.explore.inspecting import inspect_file
from sim.image.modes import LayerModes, Modes
from sim.networks.network import NetworkError

MODES = Modes.of(
    [
        LayerModes(mode="delta", x_threshold=4, h_threshold=6),
        LayerModes(mode="auto", skip_threshold=0.9, delta_threshold=0.5, middle="reduced"),
    ]
)


@pytest.fixture
def folder(compiled, tmp_path):
    write_compiled(compiled(base=0x4000, modes=MODES), tmp_path)
    return tmp_path


@pytest.mark.parametrize("suffix", ["bin", "hex", "mem"])
def test_an_image_is_told_from_its_descriptors(folder, suffix):
    told = inspect_file(folder / f"image.{suffix}")
    manifest = inspect_file(folder / "manifest.json")
    assert told["kind"] == "image"
    assert told["what"].startswith("an image of 4 layer descriptors")
    assert told["sha256"] == manifest["sha256"] and told["bytes"] == manifest["bytes"]
    facts = [(each["inputs"], each["hidden"], each["direction"]) for each in told["layers"]]
    ways = ("forward", "backward")
    assert facts == [(5, 6, way) for way in ways] + [(12, 7, way) for way in ways]
    steps = [each["steps are"] for each in told["layers"]]
    assert steps == ["delta (x 4, h 6)"] * 2 + ["normal or reduced by the score or skipped"] * 2
    for mine, theirs in zip(told["memory"], manifest["layers"], strict=True):
        assert mine["params"] == theirs["params"] and mine["weights"] == theirs["weights"]
    assert json.loads(json.dumps(told)) == told


def test_a_manifest_is_told_whole(folder):
    told = inspect_file(folder / "manifest.json")
    assert told["what"] == (
        "the manifest of an image, version 1: network for the configuration tiny"
    )
    assert [each["region"] for each in told["memory"]] == [
        *("image", "input", "output window", "output, forward", "output, backward")
    ]
    assert told["memory"][0]["address"] == "0x00004000"
    assert told["layers"][0]["steps are"] == "delta (x_threshold 4, h_threshold 6)"
    assert told["expected_cycles"] == told["manifest"]["expected_cycles"]["cycles"]
    assert "made for the address 0x00004000" in told["notes"]
    assert "image.bin beside it is the image that it describes" in told["notes"]


def test_words_that_a_map_leaves_out_are_told(sparse, tmp_path):
    """Of the image alone and of its manifest, at any base: two layers with maps and one without."""
    made = sparse(base=0x4000)
    write_compiled(made, tmp_path)
    counted = [
        each.stored and (each.stored.left_out, sum(each.stored.block_words))
        for each in made.image.placements
    ]
    expected = [f"{left} of {left + kept}" for left, kept in counted[:2]] + ["none"]
    assert counted[2] is None and is_image(tmp_path / "image.bin")
    for name in ("image.bin", "image.hex", "manifest.json"):
        told = inspect_file(tmp_path / name)
        assert [each["words not stored"] for each in told["layers"]] == expected
    told = inspect_file(tmp_path / "image.mem")
    fields = made.image.placements[0].fields
    assert told["memory"][0]["words of h"] == f"0x{fields['h_stream_addr'] + 0x4000:08x}"
    assert [told["memory"][2][name] for name in ("map", "words of x", "words of h")] == ["-"] * 3
    assert told["layers"][0]["bytes of a word of x"] is None
    assert told["layers"][2]["bytes of a word of x"] == 8


def test_a_map_that_is_not_there_is_unknown(sparse, tmp_path):
    made = sparse()
    data = bytearray(made.data)
    begin = made.image.placements[0].fields["map_addr"]
    data[begin + 16 : begin + 32] = bytes(16)
    (tmp_path / "image.bin").write_bytes(data)
    (tmp_path / "short.bin").write_bytes(data[: begin + 16])
    for name in ("image.bin", "short.bin"):
        assert inspect_file(tmp_path / name)["layers"][0]["words not stored"] == "unknown"


def test_another_image_beside_a_manifest_is_told(folder):
    data = bytearray((folder / "image.bin").read_bytes())
    data[-1] ^= 1
    (folder / "image.bin").write_bytes(data)
    notes = inspect_file(folder / "manifest.json")["notes"]
    assert notes[-1] == "image.bin beside it is another image than the one that it describes"
    (folder / "image.bin").unlink()
    assert inspect_file(folder / "manifest.json")["notes"][-1] == "image.bin is not beside it"


def test_an_image_that_can_be_moved_says_so(compiled, tmp_path):
    write_compiled(compiled(), tmp_path)
    notes = inspect_file(tmp_path / "manifest.json")["notes"]
    assert any("add a multiple of 64 to the 28 words that it names" in note for note in notes)


def test_a_file_of_pytorch_is_none(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    assert not is_image(tmp_path / "pytorch_model.bin")
    assert not is_image(tmp_path / "none.bin")


def change(path, value):
    """The manifest with another value at a path of names."""

    def make(manifest):
        part = manifest
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = value
        return json.dumps(manifest)

    return make


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda manifest: "{", "is not a manifest: it is not JSON"),
        (lambda manifest: "[" * 100_000, "is not a manifest: it is not JSON"),
        (lambda manifest: "[]", "is not a manifest: its format is not 'refrain image'"),
        (change(["format"], "other"), "is not a manifest: its format is not"),
        (change(["version"], 2), "is a manifest of version 2, and version 1 can be read"),
        (change(["steps"], 0), r"is a damaged manifest: at \$\.steps, 0 is less than the minimum"),
        (change(["image", "files", "bin"], "../x"), r"at \$\.image\.files\.bin, '\.\./x' does not"),
        (change(["layers", 0, "x", "scale"], "x" * 999), r"at \$\.layers\[0\]\.x\.scale"),
    ],
)
def test_a_damaged_manifest_is_one_short_sentence(folder, make, sentence):
    path = folder / "manifest.json"
    path.write_text(make(json.loads(path.read_text())))
    with pytest.raises(NetworkError, match=sentence) as caught:
        inspect_file(path)
    assert len(str(caught.value)) < 600 and "\n" not in str(caught.value)


def test_an_image_without_a_whole_table_is_refused(folder):
    path = folder / "image.bin"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(NetworkError, match="is not an image: no table of layer descriptors"):
        inspect_file(path)
    (folder / "image.mem").write_text("// nothing\n")
    with pytest.raises(NetworkError, match="is not an image"):
        inspect_file(folder / "image.mem")
