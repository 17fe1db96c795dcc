import io
import json
from pathlib import Path

import numpy as np
import pytest

from sim.explore.outputs import check_format, compare, flat, output_bytes, ratio
from sim.networks.network import NetworkError, Quantization

H = np.array([[1, -3], [2, 0]], np.int8)
FORM = Quantization(scale=0.5, zero_point=-1)


def read(content):
    loaded = np.load(io.BytesIO(content), allow_pickle=False)
    return loaded if isinstance(loaded, np.ndarray) else dict(loaded)


def test_sequences_and_maps_are_taken_apart():
    outputs = {
        "parts": [np.ones(2), np.zeros(3)],
        "classes": [{"cat": 0.25, "dog": 0.75}, {"cat": 1.0, "dog": 0.0}],
        "ragged": [{1: 0.5}, {2: 0.5}],
        "none": [],
        "y": np.arange(3),
    }
    found = flat(outputs)
    assert list(found) == [
        *("parts.0", "parts.1", "classes.cat", "classes.dog", "ragged.0.1", "ragged.1.2", "y")
    ]
    assert found["classes.dog"].tolist() == [0.75, 0.0]


def test_each_kind_of_output_has_its_own_figure():
    truth = {
        "y": np.array([1.0, 2.0]),
        "label": np.array(["a", "b", "c", "a"]),
        "index": np.array([1, 2, 3, 4]),
        "empty": np.zeros((0, 3)),
        "zero": np.zeros(3),
        "nan": np.array([np.nan]),
        "found": np.array([1, 2]),
        "parts": [np.array([2.0])],
    }
    got = {
        **truth,
        "y": np.array([1.0, 2.1]),
        "label": np.array(["a", "b", "x", "a"]),
        "index": np.array([1, 2, 3, 5]),
        "found": np.array([1, 2, 3]),
    }
    figures = compare(truth, got)
    assert figures["sqnr_db"] == {
        "y": pytest.approx(10 * np.log10(5 / 0.01)),
        "zero": None,
        "nan": None,
        "parts.0": np.inf,
    }
    assert figures["agreeing_share"] == {"label": 0.75, "index": 0.75}


def test_nothing_to_compare_is_no_figure():
    assert compare({"a": np.zeros(0)}, {"a": np.zeros(0)}) == {}
    assert ratio(np.zeros(2), np.ones(2)) is None


def test_codes_come_with_their_format_in_archives():
    found = read(output_bytes(Path("h.npz"), {"h": H}, {"h": FORM}))
    assert found.keys() == {"h", "scale", "zero_point"}
    assert (found["h"] == H).all() and found["h"].dtype == np.int8
    assert (found["scale"], found["zero_point"]) == (0.5, -1)
    found = json.loads(output_bytes(Path("h.json"), {"h": H}, {"h": FORM}))
    assert found == {"h": H.tolist(), "scale": 0.5, "zero_point": -1}
    both = read(output_bytes(Path("h.npz"), {"a": H, "b": H}, {"a": FORM, "b": FORM}))
    assert both.keys() >= {"a_scale", "a_zero_point", "b_scale", "b_zero_point"}


def test_one_array_stays_codes():
    found = read(output_bytes(Path("h.npy"), {"h": H}, {"h": FORM}))
    assert found.dtype == np.int8 and (found == H).all()


@pytest.mark.parametrize("name", ["h.npy", "h.npz"])
def test_real_values_need_no_format(name):
    found = read(output_bytes(Path(name), {"h": H}, {"h": FORM}, real=True))
    found = found if isinstance(found, np.ndarray) else found["h"]
    assert (found == (H.astype(float) + 1) * 0.5).all()


def test_texts_and_odd_names_are_written():
    outputs = {"label": np.array(["a", "bc"]), "file": np.ones(2), "self": np.zeros(1)}
    found = read(output_bytes(Path("y.npz"), outputs, {}))
    assert found.keys() == outputs.keys() and found["label"].tolist() == ["a", "bc"]


def test_lists_in_json_keep_their_form():
    outputs = {"maps": [{"a": np.float32(0.5)}], "y": np.array([1.0, np.inf])}
    assert json.loads(output_bytes(Path("y.json"), outputs, {})) == {
        "maps": [{"a": 0.5}],
        "y": [1.0, None],
    }


def test_several_outputs_need_more_than_one_array():
    check_format(Path("y.npz"), ("a", "b"))
    check_format(Path("y.npy"), ("a",))
    check_format(None, ("a", "b"))
    with pytest.raises(NetworkError) as caught:
        check_format(Path("y.npy"), ("a", "b"))
    assert str(caught.value) == (
        "y.npy holds one array, and the network has the outputs a, b; write them to an .npz or a "
        ".json file"
    )
