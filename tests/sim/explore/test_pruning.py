import numpy as np
import pytest
from safetensors.numpy import save_file

from hw.config import CONFIGS
from sim.explore.pruning import prune_file, write_pruned
from sim.explore.tuning.problems import Examples
from sim.networks.float_lstm import run_float
from sim.networks.loader import load_network
from sim.networks.network import NetworkError
from sim.networks.pruning.groups import column_counts


@pytest.fixture
def weights(tmp_path):
    """Two layers of 3 inputs and 6 units, and 8 sequences."""
    rng = np.random.default_rng(0)
    shapes = {}
    for layer, inputs in enumerate((3, 6)):
        shapes |= {f"weight_ih_l{layer}": (24, inputs), f"weight_hh_l{layer}": (24, 6)}
        shapes |= {f"bias_ih_l{layer}": 24, f"bias_hh_l{layer}": 24}
    path = tmp_path / "net.safetensors"
    save_file({k: rng.normal(0, 0.4, v).astype(np.float32) for k, v in shapes.items()}, path)
    x = rng.normal(0, 0.5, (8, 40, 3)).cumsum(axis=1)
    return path, x.astype(np.float32)


def pruned(path, x, keep=0.5, **how):
    return prune_file(path, Examples(inputs=x, labels=None), CONFIGS["tiny"], keep, **how)


def test_figures_are_those_of_the_data_held_out(weights):
    path, x = weights
    done = pruned(path, x, share=0.5)
    network, after = load_network(path), list(done.pruned.lstm_layers.values())
    whole, _ = run_float(network, x[4:], dtype=np.float32)
    found, _ = run_float(type(network)(layers=tuple(after)), x[4:], dtype=np.float32)
    ratio = 10 * np.log10(np.sum(whole**2) / np.sum((whole - found) ** 2))
    held = done.figures["held_out"]
    assert held == [
        {"network": "as it was", "sqnr_db": None},
        {"network": "pruned", "sqnr_db": pytest.approx(ratio, abs=1e-3)},
    ]
    assert done.figures["layers"][1]["sqnr_db"] == held[1]["sqnr_db"]
    # Blocks of two units, 9 and 12 columns; half of 9 is 4 and half of 12 is 6.
    rows = [(row["groups"], row["zero_groups"]) for row in done.figures["layers"]]
    assert rows == [(27, 15), (36, 18)]
    assert done.figures["zero_share"] == 33 / 63


def test_less_is_lost_where_more_is_kept(weights):
    ratios = [pruned(*weights, keep).figures["held_out"][1]["sqnr_db"] for keep in (0.4, 0.6, 0.8)]
    assert ratios[0] < ratios[1] < ratios[2]


def test_a_network_that_is_kept_whole_has_no_error(weights):
    figures = pruned(*weights, 1).figures
    assert figures["held_out"][1]["sqnr_db"] is None and not figures["zero_groups"]


@pytest.mark.parametrize("suffix", ["tflite", "refrain"])
def test_groups_stay_zero_in_integers(weights, tmp_path, suffix):
    done = pruned(*weights)
    path = tmp_path / f"made.{suffix}"
    (row,) = write_pruned(done, path)["integers"]
    after = done.figures["held_out"][1]["sqnr_db"]
    assert row["network"] == "lstm" and row["sqnr_db_before"] > 25
    assert after - 6 < row["sqnr_db_after"] < after + 3
    counts = [
        column_counts(lstm.W, lstm.R, 2)
        for layer in load_network(path).layers
        for lstm in layer.directions
    ]
    assert [zero for _, zero in counts] == [15, 18]


@pytest.mark.parametrize("name", ["a.onnx", "a.pt", "a"])
def test_a_file_of_another_kind_is_refused(weights, tmp_path, name):
    path, x = weights
    with pytest.raises(NetworkError) as error:
        pruned(path, x, output=tmp_path / name)
    assert str(error.value) == (
        f"{tmp_path / name} cannot be written from {path}: a pruned network is written as "
        f".safetensors in floating point, or as .tflite or .refrain in integers"
    )


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_data_must_be_left_to_judge_by(weights, share):
    with pytest.raises(NetworkError, match="the calibration share must be between 0 and 1"):
        pruned(*weights, share=share)
